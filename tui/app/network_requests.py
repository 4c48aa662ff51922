"""What the view in front shows of the network: requested again whenever the network has changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from core.commands import (
    Command,
    DescribeNetwork,
    Inspect,
    InspectCheckpoint,
    InspectUntrained,
    OpenCheckpoint,
    Predict,
    PredictUntrained,
)
from core.config import TrainConfig
from core.events import Event, RunFailed, RunFinished
from core.responses.layers import UNTRAINED, NetworkDescribed, NetworkInspected
from core.responses.predictions import CheckpointRefused, Predicted, UntrainedPredicted
from tui.app.frame_rate import RequestThrottle
from tui.app.views import find_form
from tui.state.inspection import NetworkKey, inspection_source, shown_network
from tui.state.race.shown import LaneSelected
from tui.state.run_state import RecordRead

if TYPE_CHECKING:
    from tui.app.app import MnistApp
    from tui.widgets.layer_panel import LayerPanel

# At least so long between two requests during training.
PREDICTION_SECONDS = 0.5
INSPECTION_SECONDS = 1.0
# So many cells of pictures a second are some 10 KB/s; but they do not stay longer than so many
# seconds.
PICTURE_CELLS, LONGEST_PICTURE = 300, 12.0


class NetworkRequests:
    """Requests predictions and diagnostics for the view in front."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._digits = RequestThrottle(PREDICTION_SECONDS)
        self._inspection = RequestThrottle(INSPECTION_SECONDS)
        self._layer: Command | None = None  # the newest request of _inspection
        self._described: set[NetworkKey] = set()  # whose description was requested

    def forget(self) -> None:
        """There is another network."""
        self._digits.forget()
        self._inspection.forget()

    def handle(self, event: Event) -> None:
        match event:
            case NetworkDescribed():  # the state may forget it for newer ones
                self._described.discard(NetworkKey(event.arch, event.classes))
            case Predicted():
                self._digits.finish(event.seconds if event.source is None else 0.0)
            case UntrainedPredicted():
                self._digits.finish(0.0)
            case CheckpointRefused():
                self._digits.finish(0.0)
                self._inspection.finish(0.0)
            case NetworkInspected():
                self._inspection.finish(event.seconds, self._picture_seconds())
            case RunFinished() | RunFailed() | RecordRead() | LaneSelected():
                self.forget()

    def _layer_panel(self) -> LayerPanel | None:
        """Return the panel of a layer that the view in front shows."""
        view = self._app.view
        # By name: without a panel, its module need not be there before the first frame.
        panels = cast("Iterable[LayerPanel]", view.query("LayerPanel") if view else ())
        return next((panel for panel in panels if panel.is_shown), None)

    def _picture_seconds(self) -> float:
        """Return how long pictures of a layer stay, so that few bytes a second are sent."""
        panel = self._layer_panel()
        cells = panel.size.area if panel else 0
        return min(LONGEST_PICTURE, cells / PICTURE_CELLS)

    def send_due(self) -> None:
        """Send the requests that are due."""
        self.request_digits()
        self._request_layer()

    def _request_layer(self) -> None:
        """Request the layer that the view in front shows, and the description of its network."""
        app, view = self._app, self._app.view
        if view is None:
            return
        panel = self._layer_panel()
        if panel is None:
            return
        network = panel.key
        if network and panel.network is None and network not in self._described:
            self._described.add(network)
            app.send(DescribeNetwork(*network))
        command = self._layer_command(panel, view.opened_path)
        if command and command != self._layer:
            self._layer = command
            self._inspection.hurry()  # another layer, digit or unit
        step = app.run_state.step if isinstance(command, Inspect) else 0
        if command and self._inspection.start((command, step)):
            app.send(command)

    def _layer_command(self, panel: LayerPanel, path: str | None) -> Command | None:
        """Return the request for a layer: of an opened checkpoint, of the network in training, of
        the run's last checkpoint, or of the next run's network."""
        app, wanted = self._app, panel.request
        network = shown_network(panel.run_state, panel.config)
        source = path or inspection_source(app.run_state, network)
        if source is None:
            return wanted
        if source != UNTRAINED:
            return InspectCheckpoint(source, wanted, app.config.data)
        return InspectUntrained(self.next_config(), wanted) if self._is_engine_free else None

    def request_digits(self, *, at_once: bool = False) -> None:
        """Request the predictions that the view in front shows, unless it has them: those of an
        opened checkpoint, of the network in training, of a run's last checkpoint, or of the network
        that the next run starts from. `at_once`: the user has selected others."""
        app = self._app
        view, state = app.view, app.run_state
        if at_once:
            self._digits.hurry()
            self._request_layer()
        if view is None or view.has_predictions or not (indices := view.wanted_digits()):
            return
        command: Command | None = None
        path = view.opened_path
        if not path and state.phase in ("finished", "stopped", "failed"):
            path = state.checkpoint
        if path:
            command = OpenCheckpoint(path, indices, app.config.data)
        elif state.phase in ("training", "paused"):
            command = Predict(indices)
        elif state.started is None and self._is_engine_free:
            command = PredictUntrained(self.next_config(), indices)
        step = 0 if view.opened_path else state.step
        if command and self._digits.start((command, step)):
            app.send(command)

    @property
    def _is_engine_free(self) -> bool:
        """Whether there is no run in progress anywhere, and the engine has loaded torch."""
        app = self._app
        is_free = not app.runs.is_active and not app.runs.is_elsewhere
        return is_free and bool(app.app_state.devices)

    def next_config(self) -> TrainConfig:
        """Return the config of the next run, as far as the form's fields are valid."""
        form = find_form(self._app)
        return form.draft() if form else self._app.config
