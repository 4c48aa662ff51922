"""Events that wait for the next frame, and what they are folded into."""

from __future__ import annotations

from collections import deque
from functools import reduce
from typing import TYPE_CHECKING

from textual.message import Message

from core.events import Detached, Event, LaneEvent, Notice, RunFailed
from tui.app.frame_rate import FREQUENT
from tui.state.race.shown import (
    Shown,
    fold_lane_progress,
    fold_shown,
    is_lane_progress,
    is_news,
)
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.app.app import MnistApp


class EventsReady(Message):
    """There are events that should be shown at once."""


class EventQueue:
    """Receives events on any thread, and folds them into the app's state on the screen's."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._events: deque[Event] = deque()
        self.lane = 0  # of the race, that is selected

    @property
    def _shown(self) -> Shown:
        app = self._app
        elsewhere = app.runs.is_elsewhere
        return Shown(app.run_state, app.app_state, app.race_state, self.lane, elsewhere)

    def emit(self, event: Event) -> None:
        """Queue an event for the screen; for any thread."""
        self._events.append(event)
        app, inner = self._app, event.event if isinstance(event, LaneEvent) else event
        is_training = "training" in (app.run_state.phase, app.race_state.phase)
        if not is_training or not isinstance(inner, FREQUENT):
            app.post_message(EventsReady())

    def take(self) -> list[Event]:
        """Fold the queued events into the app's state. Return them, without most of those of
        the race's lanes that are not selected."""
        app, taken = self._app, []
        shown = before = self._shown
        while self._events:
            progress = []
            while self._events and is_lane_progress(self._events[0]):
                progress.append(self._events.popleft())
            if progress:
                shown = fold_lane_progress(shown, progress)
                continue
            event = self._events.popleft()
            shown = fold_shown(shown, event)
            if (
                not isinstance(event, LaneEvent)
                or event.lane == shown.lane
                or isinstance(event.event, Detached)  # the lane that is shown may have ended before
            ):
                taken.append(event)
            elif isinstance(failed := event.event, RunFailed) and is_news(event, shown.race):
                name = printable(shown.race.lanes[event.lane].name)
                taken.append(Notice(message=f"{name}: {failed.message}"))
        if shown is not before:
            self.lane = shown.lane
            app.app_state, app.race_state, app.run_state = shown.app, shown.race, shown.run
        return taken

    def newest(self) -> Shown:
        """Return the state with the queued events folded in; for signal handlers too."""
        return reduce(fold_shown, [*self._events], self._shown)
