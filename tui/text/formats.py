"""Numbers, sizes, durations and names as text."""

import time

from core.errors import printable as printable


def format_size(count: int) -> str:
    """Return a number of bytes as 940 B, 98 KB or 7.7 MB."""
    if count < 1000:
        return f"{count} B"
    size, unit = count / 1000, "KB"
    for unit in ("KB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def format_duration(seconds: float) -> str:
    """Return a duration as 0:07, 12:30 or 1:02:03."""
    minutes, second = divmod(round(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def format_age(seconds: float) -> str:
    """Return an age as now, 5 min, 3 h or 12 d."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def format_date(seconds: float | None) -> str:
    """Return a Unix time as 2026-01-31 12:00:00 in local time; "" if there is no such date."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""
    except (OverflowError, ValueError, OSError):  # a date out of range, in a file from elsewhere
        return ""


def format_percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def format_loss(value: float | None) -> str:
    """Return a loss with four decimals, or above 1000 as a power of ten; – for None."""
    if value is None:
        return "–"
    return f"{value:.4f}" if value < 1000 else f"{value:.3g}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 run, 1,200 runs."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def truncate(text: str, width: int) -> str:
    """Shorten text to `width` columns of a terminal, ending in … where characters are left out."""
    from rich.cells import cell_len, set_cell_size  # which `--help` need not load

    if width <= 0:
        return ""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
