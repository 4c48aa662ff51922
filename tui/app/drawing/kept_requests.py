"""What the network predicts for the drawings that are kept: asked in parts, after each epoch."""

from __future__ import annotations

from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING

from core.commands import Command, PredictImages, PredictImagesWith
from core.data.drawn.store import KeptDrawing
from core.errors import UserError
from core.events import Evaluated, Event, RunFailed, RunFinished, RunStarted
from core.responses.predictions import CheckpointRefused, ImagesPredicted
from tui.app.frame_rate import RequestThrottle
from tui.screens.base import View
from tui.state.drawing_answers import AskedNetwork
from tui.state.kept_drawings import DrawingsListed, KeptDrawingsAsked
from tui.state.race.shown import LaneSelected
from tui.state.run_state import RecordRead

if TYPE_CHECKING:
    from tui.app.app import MnistApp

MODE = "draw"  # the view that shows them
MOST_IMAGES = 64  # in a question, so that training waits for a moment alone
SECONDS = 0.1  # between an answer and the next question
LOST_SECONDS = 6.0  # after which no answer is expected any more
# Far from the numbers of other questions about images.
FIRST_QUESTION = 1 << 40


class KeptRequests:
    """Lists the drawings, and asks the network about them while their view is shown."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self.deleted: list[KeptDrawing] = []  # the newest last
        self._throttle = RequestThrottle(SECONDS)
        self._number = FIRST_QUESTION
        self._asked: tuple[KeptDrawing, ...] = ()  # in the question that has no answer yet
        self._asked_at = 0.0
        self._network: object = None
        self._scores: object = None  # its evaluations when this round began
        self._answered: set[KeptDrawing] = set()  # in this round
        self._done: object = None  # the network, its scores and the drawings that all have answers
        self._refused: str | None = None  # a checkpoint that cannot be read

    def refresh(self) -> None:
        """List the drawings again."""
        self._app.run_worker(self._list, thread=True, group="kept", exit_on_error=False)

    def _list(self) -> None:
        from core.data.drawn.listing import list_drawings

        try:
            found = list_drawings()
            self._app.runs.emit(DrawingsListed(drawings=found.drawings, report=found.report))
        except UserError as error:
            self._app.runs.emit(DrawingsListed(drawings=(), error=str(error)))

    def handle(self, event: Event) -> None:
        match event:
            case ImagesPredicted(question=number) if number == self._number:
                self._answered.update(self._asked)
                self._asked = ()
                self._throttle.finish(event.seconds if event.source is None else 0.0)
            case CheckpointRefused(path=path) if self._asked:
                self._refused = path
                self._forget()
            case RunStarted() | RunFinished() | RunFailed() | RecordRead() | LaneSelected():
                self._refused = None
                self._forget()
            case Evaluated() if self._is_shown:
                self.refresh()  # another program may have kept some

    def _forget(self) -> None:
        """There is another network, or no answer comes any more."""
        self._throttle.forget()
        self._asked, self._network, self._done = (), None, None

    @property
    def _is_shown(self) -> bool:
        """Whether the view is in front, or below a dialog."""
        views = (each for each in reversed(self._app.screen_stack) if isinstance(each, View))
        view = next(views, None)
        return view is not None and view.MODE == MODE

    def send_due(self) -> None:
        """Ask about the next drawings, if there are any that have no answer."""
        network = self._find_network() if self._is_shown else None
        if network is None:
            return
        if self._asked:
            if monotonic() - self._asked_at > LOST_SECONDS:
                self._forget()
            return
        part = self._choose(network)
        if not part or not self._throttle.start(self._number + 1):
            return
        self._number += 1
        self._asked, self._asked_at = part, monotonic()
        source = network.path, network.run, network.class_names
        asked = KeptDrawingsAsked(question=self._number, drawings=part, source=source)
        self._app.runs.emit(asked)
        self._app.send(self._command(network, tuple(each.pixels for each in part)))

    def _find_network(self) -> AskedNetwork | None:
        """Return the network to ask, None where it would not answer."""
        network = self._app.app_state.drawing.network
        if network is None or network.path is None:
            return network if self._app.run_state.phase in ("training", "paused") else None
        return None if network.path == self._refused else network

    def _choose(self, network: AskedNetwork) -> tuple[KeptDrawing, ...]:
        """Return the next drawings to ask about: those without an answer since the network was
        evaluated, in rounds that are finished also where epochs are shorter."""
        asked = network.path, network.run
        # Not at each of its steps; and a file stays as it is.
        scores = None if network.path else self._app.run_state.scores
        now = asked, scores, self._app.app_state.kept.drawings
        if now == self._done:
            return ()
        if asked != self._network:
            self._network, self._scores, self._answered = asked, scores, set()
        waiting = self._find_waiting(network)
        if not waiting and scores != self._scores:
            self._scores, self._answered = scores, set()
            waiting = self._find_waiting(network)
        self._done = None if waiting else now
        return waiting

    def _find_waiting(self, network: AskedNetwork) -> tuple[KeptDrawing, ...]:
        listed = self._app.app_state.kept.drawings or ()
        names, answered = set(network.class_names), self._answered
        waiting = (each for each in listed if each not in answered and each.label in names)
        return tuple(islice(waiting, MOST_IMAGES))

    def _command(self, network: AskedNetwork, images: tuple[bytes, ...]) -> Command:
        if network.path is None:
            return PredictImages(images, question=self._number)
        data = self._app.config.data
        return PredictImagesWith(network.path, images, data, self._number, at_once=True)
