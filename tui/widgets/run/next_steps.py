"""What there is to do before a run, and after it."""

from __future__ import annotations

from textual.content import Content

from tui.actions import VIEWS
from tui.analysis.run_result import find_overfitting
from tui.state.further import more_epochs
from tui.state.run_state import RunState
from tui.text.formats import plural


def next_steps(state: RunState) -> Content | None:
    """Return what there is to do before a run and after it, each with its key and clickable."""
    steps: list[tuple[str, str, str]] = []
    if state.phase == "idle":
        missions = str(list(VIEWS).index("missions") + 1)
        steps.append((missions, "missions: predict, then train", "app.view('missions')"))
        steps.append(("ctrl+r", "race: change one setting", "app.open('race')"))
        return _clickable(steps)
    if state.phase not in ("finished", "stopped"):
        return None
    # Where the network overfits, more epochs are the wrong step.
    if find_overfitting(state) and state.checkpoint:
        steps.append(("b", "branch from an earlier epoch", "app.open('branch')"))
    elif (added := more_epochs(state)) is not None:
        rest = f"continue to epoch {state.started.epochs if state.started else 0}"
        more = f"{plural(added, 'more epoch')}" if added else rest
        steps.append(("+", more, "app.open('further')"))
    if state.scores:
        number = list(VIEWS).index("mistakes") + 1
        steps.append((str(number), "look at the mistakes", "app.view('mistakes')"))
    steps.append(("n", "another network", "app.open('new')"))
    return _clickable(steps)


def _clickable(steps: list[tuple[str, str, str]]) -> Content:
    return Content("  ").join(
        Content.assemble((key, "bold $focus"), f" {label}").stylize(f"@click={action}")
        for key, label, action in steps
    )
