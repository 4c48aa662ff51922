"""What networks answer about a drawing: asked again when the drawing or the network has changed."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from core.commands import Command, PredictImages, PredictImagesWith
from core.events import Detached, Event, RunFailed, RunFinished, RunStarted
from core.responses.predictions import CheckpointRefused, ImagesPredicted
from tui.app.drawing.asked_network import NetworkFinder
from tui.app.drawing.quick_run import QuickRun
from tui.app.frame_rate import RESPONSE_SHARE, SLOW_LINK, RequestThrottle
from tui.drawing.drawing import is_blank
from tui.state.drawing_answers import (
    AskedNetwork,
    DrawingAsked,
    DrawingCleared,
    EpochShown,
    KeptEpoch,
)
from tui.state.race.shown import LaneSelected
from tui.state.run_state import RecordRead
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.app.app import MnistApp

# While a drawing changes: the least time between two questions, and the share of
# training's time for answers, which is that of viewers in core/attach/server.py.
DRAWING_SECONDS, DRAWING_SHARE = 0.15, 0.02
SAME_SECONDS = 0.5  # between two questions about the same drawing, of a network that has changed
SOON = 0.001  # Textual has no timers of 0 seconds
LOST_SECONDS = 6.0  # after which no answer is expected: a run has dropped the question
LOADING = -1  # the number of a question about nothing
MODE = "draw"  # the view with the drawing
NO_EPOCHS = (
    "No checkpoint of an earlier epoch is kept: a run keeps those of its newest epochs, as many as "
    "the setting keep says (--keep)."
)


class DrawingRequests:
    """Asks one question at a time, about the newest drawing, while its view is in front."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._finder = NetworkFinder(app, self.send_due)
        self._quick = QuickRun(app)
        self._drawing = b""
        self._is_empty = True
        self._prepared = b"", b""  # the newest drawing that was scaled and centred, and so
        self._throttle = RequestThrottle(DRAWING_SECONDS, DRAWING_SHARE)
        self._number = 0  # of the newest question
        self._asked: tuple[bytes, str | None] | None = None  # its drawing and checkpoint
        self._asked_at = self._same_not_before = 0.0
        self._loaded: str | None = None  # the checkpoint that the engine was made to load

    # For the view

    def change(self, pixels: bytes) -> None:
        """Ask about a drawing of 784 bytes, 0 paper and 255 ink, from now on."""
        was_empty, self._drawing = self._is_empty, pixels
        self._is_empty = is_blank(pixels)
        if self._is_empty and not was_empty:
            self._app.runs.emit(DrawingCleared())
        elif self._app.app_state.drawing.earlier:
            self._show_epoch(None)
        self.send_due()

    def step_epoch(self, by: int) -> None:
        """Ask the network of the epoch before (-1) or after (1) the one that is shown."""
        network, shown = self._finder.network(), self._app.app_state.drawing.earlier
        if network is None:
            return

        from tui.state.found_networks import list_epochs

        async def step() -> None:
            kept = await asyncio.to_thread(list_epochs, network.folder)
            past = [each for each in kept if each.epoch < network.epoch]
            if not past:
                self._app.notify(NO_EPOCHS, markup=False)
                return
            place = sum(each.epoch < shown.epoch for each in past) if shown else len(past)
            self._show_epoch((*past, None)[min(max(place + by, 0), len(past))])

        self._app.run_worker(step(), group="epochs", exclusive=True, exit_on_error=False)

    def train_quick(self) -> None:
        """Train the network quick for two seconds."""
        self._quick.start()

    def _show_epoch(self, earlier: KeptEpoch | None) -> None:
        self._app.runs.emit(EpochShown(earlier=earlier))  # which is followed by send_due
        self._throttle.hurry()

    # Events and frames

    def handle(self, event: Event) -> None:
        self._quick.handle(event)
        match event:
            case ImagesPredicted(question=number) if number and number == self._number:
                self._finish(event.seconds if event.source is None else 0.0)
            case EpochShown():
                self._app.call_later(self.send_due)
            case CheckpointRefused(path=path) if self._asked and path == self._asked[1]:
                self._finish(SAME_SECONDS * DRAWING_SHARE)
                self._be_refused(path)
            case (
                RunStarted()
                | RunFinished()
                | RunFailed()
                | Detached()
                | RecordRead()
                | LaneSelected()
            ):
                self._throttle.forget()  # no answer will come
                self._finder.forget()
                self._same_not_before = 0.0

    def _finish(self, seconds: float) -> None:
        pause = SLOW_LINK if self._app.preferences.slow else 0.0
        self._throttle.finish(seconds, pause, self._asked_at)
        self._same_not_before = monotonic() + max(SAME_SECONDS, pause, seconds / RESPONSE_SHARE)
        self._app.set_timer(max(SOON, self._throttle.wait), self.send_due)

    def _be_refused(self, path: str) -> None:
        state = self._app.app_state.drawing
        if state.earlier and path == state.earlier.path:
            self._app.notify(printable(state.error), severity="warning", markup=False)
            self._show_epoch(None)
        else:
            self._finder.refuse(path)

    def send_due(self) -> None:
        """Send the question that is due."""
        view = self._app.view
        if view is None:
            return
        if view.opened_path and len(self._app.screen_stack) > 1:  # else it is only a preview
            self._finder.note_opened(view.opened_path)
        if view.MODE != MODE or (network := self._finder.network()) is None:
            return
        if not self._is_empty:
            self._ask(network)
        elif network.path and network.path != self._loaded:
            self._loaded = network.path  # so that the first answer comes as fast as the next
            self._app.send(PredictImagesWith(network.path, (), self._app.config.data, LOADING))

    def _prepare(self) -> bytes:
        """Return the drawing scaled and centred. Not at each change of it: training waits."""
        from core.data.preprocessing import prepare_drawing

        if self._prepared[0] != self._drawing:
            self._prepared = self._drawing, prepare_drawing(self._drawing) or self._drawing
        return self._prepared[1]

    def _ask(self, network: AskedNetwork) -> None:
        app, now = self._app, monotonic()
        known = app.app_state.drawing
        earlier = known.earlier
        path = earlier.path if earlier else network.path
        if self._throttle.is_waiting and now - self._asked_at > LOST_SECONDS:
            self._throttle.forget()
        has_answer = bool(known.answer or known.asked or known.error)
        is_same = has_answer and self._asked == (self._drawing, path)
        if is_same and (path or now < self._same_not_before):
            return
        step = 0 if path else app.run_state.step
        if not self._throttle.start((self._drawing, path, step, is_same)):
            return
        images = self._prepare(), self._drawing
        self._number += 1
        self._asked, self._asked_at = (self._drawing, path), now
        asked = DrawingAsked(question=self._number, drawing=self._drawing, earlier=earlier)
        app.runs.emit(asked)
        # A drawing that still grows is hardly ever like a digit already: no sign is asked for.
        command: Command = PredictImages(images, question=self._number, marks=is_same)
        if path:
            command = PredictImagesWith(path, images, app.config.data, self._number, at_once=True)
        app.send(command)
