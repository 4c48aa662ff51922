"""What the view in front shows of the network: requested again whenever the network has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.commands import Command, Inspect, OpenCheckpoint, Predict, PredictUntrained
from core.config import TrainConfig
from core.events import Event, RunFailed, RunFinished
from core.responses import (
    CheckpointRefused,
    NetworkInspected,
    Predicted,
    UntrainedPredicted,
)
from tui.app.frame_rate import RequestThrottle
from tui.app.views import find_form
from tui.state.run_state import RecordRead

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
            case CheckpointRefused() | UntrainedPredicted():
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
        """Request the predictions that the view in front shows, unless it has them: those of an
        opened checkpoint, of the network in training, of a run's last checkpoint, or of the network
        that the next run starts from. `at_once`: the user has selected others."""
        app = self._app
        view, state = app.view, app.run_state
        if at_once:
            self._digits.hurry()
        if view is None or not (indices := view.wanted_digits()):
            return
        command: Command | None = None
        path = view.opened_path
        if not path and state.phase in ("finished", "stopped", "failed"):
            path = state.checkpoint
        if path:
            command = OpenCheckpoint(path, indices, app.config.data)
        elif state.phase in ("training", "paused"):
            command = Predict(indices)
        elif self._can_ask_untrained:
            command = PredictUntrained(self._next_config(), indices)
        step = 0 if view.opened_path else state.step
        if command and self._digits.start((command, step)):
            app.send(command)

    @property
    def _can_ask_untrained(self) -> bool:
        """Whether there is no run anywhere, and the engine has loaded torch."""
        app = self._app
        is_free = app.run_state.is_before_run and not app.runs.is_elsewhere
        return is_free and bool(app.app_state.devices)

    def _next_config(self) -> TrainConfig:
        """Return the config of the next run, as far as the form's fields are valid."""
        form = find_form(self._app)
        return form.draft() if form else self._app.config
