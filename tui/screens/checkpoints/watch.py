"""A view of the folder with all runs, in which others write: what changes there shows by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from core.errors import CheckpointError
from core.runs.catalog import RunInfo
from core.runs.watch import Watch
from tui.screens.base import View
from tui.screens.checkpoints.rows import Entry, entries_of
from tui.widgets.virtual_table import VirtualTable

POLL_SECONDS = 1.0
# So often what has been read so far is shown, at first at once.
BATCH_SECONDS = 0.1
FIRST_BATCH = 40
FIRST_TURN, LATER_TURNS = 0.15, 0.02


class Watching(View):
    """A view with a Listing of what is in the folder."""

    @dataclass
    class Found(Message):
        """Part of the folder, or all of it, has been looked at."""

        watch: Watch
        runs: dict[str, RunInfo | None]
        whole: bool
        error: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._watch = Watch(Path())
        self._entries: dict[str, tuple[Entry, ...]] = {}  # by the run's name
        self._looking, self._whole = False, False
        self._error = ""
        self._clock: Timer | None = None

    def show(self) -> None:
        """Called when the entries, or what is said of the folder, have changed."""
        raise NotImplementedError

    def reload(self) -> None:
        """Has the whole folder read again."""
        self._watch.forget()
        self._look()

    def on_mount(self) -> None:
        super().on_mount()
        self._clock = self.set_interval(POLL_SECONDS, self._tick, pause=True)

    def resume_view(self) -> None:
        super().resume_view()
        self._tick()
        if self._clock:
            self._clock.resume()

    def on_screen_suspend(self) -> None:
        if self._clock:
            self._clock.pause()

    def _tick(self) -> None:
        if not self.is_current:
            return
        if self._watch.folder != self.mnist.config.folder:
            self._watch = Watch(self.mnist.config.folder)
            self._entries, self._whole = {}, False
            self.show()
        elif self._whole:
            self.attempt("list", self.query_one(VirtualTable).draw)  # what is saved grows older
        self._look()

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            self._read(self._watch)

    @work(thread=True, exit_on_error=False)
    def _read(self, watch: Watch) -> None:
        """Headers alone, so it needs no torch and may run beside the engine."""
        worker, runs, error = get_current_worker(), dict[str, RunInfo | None](), ""
        due, turn = 0.0, FIRST_TURN
        try:
            for name, run in watch.look():
                runs[name] = run
                if worker.is_cancelled:
                    return
                if len(runs) >= FIRST_BATCH and time.monotonic() > due:
                    self.post_message(self.Found(watch, runs, whole=False))
                    time.sleep(turn)  # for the screen, which needs the same core, to draw them
                    runs, due, turn = {}, time.monotonic() + BATCH_SECONDS, LATER_TURNS
        except CheckpointError as failure:
            error = str(failure)
        except Exception as failure:  # whatever it is, the next look may go well
            error = f"{type(failure).__name__}: {failure}"
        self.post_message(self.Found(watch, runs, whole=True, error=error))

    def on_watching_found(self, message: Found) -> None:
        if message.whole:
            self._looking = False
        if message.watch is not self._watch:
            self._look()
            return
        new = (message.whole or self._whole, message.error) != (self._whole, self._error)
        self._whole, self._error = self._whole or message.whole, message.error
        for name, run in message.runs.items():
            if run is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = entries_of(run)
        if message.runs or new:
            self.attempt("list", self.show)
