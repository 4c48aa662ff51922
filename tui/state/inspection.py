"""What is known of the layers of the network that a view shows."""

from dataclasses import replace
from typing import NamedTuple

from core.config import TrainConfig
from core.events import RunStarted
from core.responses.layers import UNTRAINED, NetworkInspected
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.settings import count_classes


class NetworkKey(NamedTuple):
    """What identifies a network: its name or text, and the number of its classes."""

    spec: str
    classes: int


def shown_network(state: RunState, following: TrainConfig) -> NetworkKey:
    """Return the network of a run in progress, else that of the next run."""
    if state.started and state.is_active:
        return _network_of(state.started)
    return NetworkKey(following.arch, count_classes(following.dataset))


def _network_of(run: RunStarted) -> NetworkKey:
    return NetworkKey(run.spec, run.classes)


def inspection_source(state: RunState, network: NetworkKey) -> str | None:
    """Return whose layers are to be inspected: the path of the run's last checkpoint, UNTRAINED
    for the network of the next run, or None for the network in training."""
    if state.phase in ("training", "paused"):
        return None
    is_of_run = _is_of_run(state, network) and not state.is_active
    return (state.checkpoint if is_of_run else None) or UNTRAINED


def _is_of_run(state: RunState, network: NetworkKey) -> bool:
    return state.started is not None and _network_of(state.started) == network


def find_inspection(state: RunState, app: AppState, network: NetworkKey) -> NetworkInspected | None:
    """Return the newest inspection of that network; after a run, with the gradients of its last
    step.

    While the first of a run is awaited, that of the untrained network; after the run, while that
    of its last checkpoint is awaited, the last one during training.
    """
    source, found = inspection_source(state, network), app.inspected
    of_run = state.inspected if _is_of_run(state, network) else None
    if source is None and of_run:
        return of_run
    if found is None or found.source != (source or UNTRAINED):
        return of_run
    if (found.arch, found.classes) != network:
        return of_run
    last = state.gradients
    if source in (None, UNTRAINED) or last is None or last.step != found.step:
        return found
    return replace(found, layers=last.layers)


def describe_inspection(inspected: NetworkInspected) -> str:
    """Return the step at which the layers are shown."""
    return "untrained" if inspected.source == UNTRAINED else f"step {inspected.step:,}"
