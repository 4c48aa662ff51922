"""What a search for a learning rate has found, in words."""

from core.responses.rates import RatesTried
from tui.text.formats import format_done, format_loss, format_rate


def describe_search(tried: RatesTried) -> str:
    """Return how far a search is."""
    if doing := tried.doing:
        done = f" {format_done(doing.done, doing.total, doing.unit)}" if doing.total else ""
        return f"{doing.message}{done}…"
    if not tried.points:
        return "Preparing the network…"
    newest = tried.points[-1]
    rate, loss = format_rate(float(f"{newest.rate:.2g}")), format_loss(newest.loss)
    return f"step {len(tried.points)} of {tried.steps} · rate {rate} · loss {loss}"


def describe_found(found: RatesTried) -> list[str]:
    """Return the suggestion of a search that has ended, and why it ended early."""
    if found.suggestion is None:
        lines = [f"No learning rate is suggested: {found.rule}."]
    else:
        lines = [f"Suggested learning rate: {format_rate(found.suggestion)}, {found.rule}."]
    if found.stopped:
        lines.append(f"Ended after {len(found.points)} of {found.steps} steps: {found.stopped}.")
    return lines
