"""What the view in front shows of the network: requested again whenever the network has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.commands import Command, Inspect, OpenCheckpoint, Predict
from core.events import Event, RunFailed, RunFinished
from core.responses import CheckpointRefused, NetworkInspected, Predicted
from tui.app.frame_rate import RequestThrottle
from tui.state.run_state import RecordRead, RunState

if TYPE_CHECKING:
    from tui.app.app import MnistApp

# At least so long between two requests during training.
PREDICTION_SECONDS = 0.5
INSPECTION_SECONDS = 1.0


class NetworkRequests:
    """Requests predictions and diagnostics for the view in front."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._digits = RequestThrottle(PREDICTION_SECONDS)
        self._inspection = RequestThrottle(INSPECTION_SECONDS)

    def forget(self) -> None:
        """There is another network."""
        self._digits.forget()
        self._inspection.forget()

    def handle(self, event: Event) -> None:
        match event:
            case Predicted():
                self._digits.finish(event.seconds if event.source is None else 0.0)
            case CheckpointRefused():
                self._digits.finish(0.0)
            case NetworkInspected():
                self._inspection.finish(event.seconds)
            case RunFinished() | RunFailed() | RecordRead():
                self.forget()

    def send_due(self) -> None:
        """Send the requests that are due."""
        self.request_digits()
        view, state = self._app.view, self._app.run_state
        if view is None or not view.INSPECTS or state.phase not in ("training", "paused"):
            return
        if self._inspection.start(state.step):
            self._app.send(Inspect())

    def request_digits(self, *, at_once: bool = False) -> None:
        """Request the predictions that the view in front shows, unless it has them. `at_once`: the
        user has selected others."""
        app = self._app
        if at_once:
            self._digits.hurry()
        view = app.view
        if view is None or not (indices := view.wanted_digits()):
            return
        request = request_for(app.run_state, indices, view.opened_path, app.config.data)
        if request and self._digits.start(request):
            app.send(request[0])


def request_for(
    state: RunState, indices: tuple[int, ...], path: str | None, data: str | None
) -> tuple[Command, int] | None:
    """Return the command that requests these predictions, and the step that they belong to.

    They are those of an opened checkpoint (`path`), of the network in training, or of a run's last
    checkpoint. None: there is no network.
    """
    if path:
        return OpenCheckpoint(path, indices, data), 0
    if state.phase in ("training", "paused"):
        return Predict(indices), state.step
    if state.phase in ("finished", "stopped", "failed") and state.checkpoint:
        return OpenCheckpoint(state.checkpoint, indices, data), state.step
    return None
