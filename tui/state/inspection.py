"""What is known of the layers of the network that a view shows."""

from dataclasses import replace

from core.responses import UNTRAINED, NetworkInspected
from tui.state.app_state import AppState
from tui.state.run_state import RunState


def shown_arch(state: RunState, next_arch: str) -> str:
    """Return the network of a run in progress, else the one that is selected for the next run."""
    return state.started.arch if state.started and state.is_active else next_arch


def inspection_source(state: RunState, arch: str) -> str | None:
    """Return whose layers are to be inspected: the path of the run's last checkpoint, UNTRAINED
    for the network of the next run, or None for the network in training."""
    if state.phase in ("training", "paused"):
        return None
    is_of_run = state.started is not None and state.started.arch == arch and not state.is_active
    return (state.checkpoint if is_of_run else None) or UNTRAINED


def find_inspection(state: RunState, app: AppState, arch: str) -> NetworkInspected | None:
    """Return the newest inspection of that network; after a run, with the gradients of its last
    step.

    While the first of a run is awaited, that of the untrained network; after the run, while that
    of its last checkpoint is awaited, the last one during training.
    """
    source, found = inspection_source(state, arch), app.inspected
    of_run = state.inspected if state.started and state.started.arch == arch else None
    if source is None and of_run:
        return of_run
    if found is None or found.source != (source or UNTRAINED) or found.arch != arch:
        return of_run
    last = state.gradients
    if source in (None, UNTRAINED) or last is None or last.step != found.step:
        return found
    return replace(found, layers=last.layers)


def describe_inspection(inspected: NetworkInspected) -> str:
    """Return the step at which the layers are shown."""
    return "untrained" if inspected.source == UNTRAINED else f"step {inspected.step:,}"
