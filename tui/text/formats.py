"""Numbers, sizes, durations and names as text."""

import math
import time
from collections.abc import Iterable, Sequence

from core.data.folder.source import PREFIX
from core.errors import printable as printable

LONGEST_FOLDER = 20


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


def format_done(done: int, total: int, unit: str) -> str:
    """Return how much of something is done: "2.1 MB of 31 MB", "217 of 479 images"."""
    if unit == "bytes":
        return f"{format_size(done)} of {format_size(total)}"
    return f"{done:,} of {total:,} {unit}"


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
    """Return an accuracy as 96.8%, from 99% on as 99.12%, all correct as 100%; – for None."""
    if share is None:
        return "–"
    if share == 1:
        return "100%"
    percent = round(share * 100, 1)
    if percent < 99:
        return f"{percent:.1f}%"
    return f"{min(share, 0.9999):.2%}"


def format_error(accuracy: float) -> str:
    """Return the share of errors with the decimals of format_percent: 3.2%, 0.88%, 0%."""
    text = format_percent(accuracy)
    _, _, decimals = text.partition(".")
    return "0%" if accuracy == 1 else f"{100 - float(text[:-1]):.{len(decimals) - 1}f}%"


def format_loss(value: float | None) -> str:
    """Return a loss in at most 8 characters; – for None.

    It has three significant digits (2.30, 0.112), below 0.01 two (0.0034) and at most six decimals
    (0.000034), less is <1e-6; from 100,000 on it is a power of ten (8.7e18).
    """
    if value is None:
        return "–"
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    size = abs(value)
    if size < 1e-6:
        return "<1e-6"
    if size >= 99_999.5:
        mantissa, _, power = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(power)}"
    digits = 3 if size >= 0.01 else 2
    decimals = digits - 1 - math.floor(math.log10(float(f"{size:.{digits - 1}e}")))
    return f"{value:,.{max(0, min(decimals, 6))}f}"


def format_rate(value: float | None) -> str:
    """Return a learning rate as 0.001 or 0.00025, without a power of ten; – for None."""
    if value is None:
        return "–"
    if not 1e-7 <= abs(value) < 1e6:
        return f"{value:.3g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def class_labels(names: Iterable[str], width: int | None = None) -> list[str]:
    """Return names of classes as they are shown: what could control a terminal is escaped.

    Together they take at most `width` columns if that is given: the longest are shortened first.
    """
    labels = [printable(name) for name in names]
    if width is None or sum(map(cell_width, labels)) <= width:
        return labels
    left = width
    for done, place in enumerate(sorted(range(len(labels)), key=lambda i: cell_width(labels[i]))):
        labels[place] = truncate(labels[place], max(1, left // (len(labels) - done)))
        left -= cell_width(labels[place])
    return labels


def cut_labels(labels: Sequence[str], width: int) -> list[str]:
    """Return labels in at most `width` columns, for the heads of narrow ones: the starts of those
    that are longer, or the ends where more of these differ. An … would take too much."""
    starts = [each if cell_width(each) <= width else fit_cells(each, width) for each in labels]
    if len(set(starts)) == len(labels):
        return starts
    ends = list(labels)
    for place, label in enumerate(labels):
        while cell_width(label) > width:
            label = label[1:]
        ends[place] = label
    return ends if len(set(ends)) > len(set(starts)) else starts


def distinct_labels(names: Sequence[str], width: int) -> list[str]:
    """Return names of classes in at most `width` columns each, cut so that they differ: at their
    ends, or where these differ alone in the middle."""
    cut = [class_label(name, width) for name in names]
    for kept in range(1, width - 1):
        if len(set(cut)) == len(set(names)):
            break
        cut = [
            whole
            if cell_width(whole) <= width
            else truncate(whole, max(1, width - cell_width(whole[-kept:]))) + whole[-kept:]
            for whole in class_labels(names)
        ]
    return cut


def class_label(name: str, width: int | None = None) -> str:
    """Return the name of a class as class_labels does."""
    return class_labels((name,), width)[0]


def widest_label(names: Iterable[str], most: int) -> int:
    """Return the columns of the longest name of a class, at most `most`."""
    return min(most, max((cell_width(printable(name)) for name in names), default=1))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 run, 1,200 runs."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cell_width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii() and text.isprintable():  # most is, and then rich need not be loaded
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit_cells(text: str, width: int) -> str:
    """Cut text, or fill it with spaces, to exactly `width` columns of a terminal."""
    if text.isascii() and text.isprintable():
        return text[:width].ljust(width)
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def right_cells(text: str, width: int) -> str:
    """Put spaces before text up to `width` columns of a terminal; longer text stays as it is."""
    return " " * (width - cell_width(text)) + text


def shorten_folder(dataset: str, width: int = LONGEST_FOLDER) -> str:
    """Return the name of a dataset, printable; of a long path of images its end, which differs."""
    text = printable(dataset)
    if len(text) <= width or not text.startswith(PREFIX):
        return text
    return f"{PREFIX}…{text[len(PREFIX) + 1 - width :]}" if width > len(PREFIX) + 1 else text


def truncate(text: str, width: int) -> str:
    """Shorten text to `width` columns of a terminal, ending in … where characters are left out."""
    if width <= 0:
        return ""
    return text if cell_width(text) <= width else fit_cells(text, width - 1) + "…"
