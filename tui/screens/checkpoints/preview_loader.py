"""What a view of checkpoints shows beside its list: read once the cursor has rested."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from textual import work
from textual.message import Message
from textual.timer import Timer

from core.errors import explain
from core.events import Digit
from core.runs.catalog import CheckpointFile
from core.runs.layout import EVENTS_FILE
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.checkpoints.preview import Preview
from tui.screens.checkpoints.rows import Entry
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.formats import printable
from tui.widgets.digit_cards import DigitCards

# How long the cursor rests before anything of what it is on is shown, so that moving and typing on
# waits for nothing; before a run's record is read; and before a checkpoint is opened, which takes
# the engine's time, of which a run that goes on needs most.
SHOWN_SECONDS = 0.06
CURVE_SECONDS, DIGITS_SECONDS, DIGITS_SECONDS_TRAINING = 0.15, 0.3, 1.0
MOST_HISTORIES = 6
# Of one core: what reading the record of a live run again and again may take.
READING_SHARE = 0.03


@dataclass(frozen=True)
class History:
    """What a run's record told when it was that long; `again` is when to read it next, by the
    clock `monotonic`."""

    state: RunState
    bytes: int
    again: float
    error: str = ""


class Previewing(View):
    """A view that shows a Preview of the entry it says it looks at."""

    @dataclass
    class Read(Message):
        """A run's record has been read."""

        folder: Path
        history: History

    def __init__(self) -> None:
        super().__init__()
        self._seen: Entry | None = None
        self._rested: Timer | None = None
        self._opens: str | None = None  # the checkpoint whose digits are shown
        self._histories: dict[Path, History] = {}  # the newest last
        self._reading: Path | None = None

    def look_at(self, entry: Entry | None) -> None:
        """Shows what is known of it, and the rest when the cursor stays there."""
        before, self._seen = self._seen, entry
        if before is None or entry is None or before.key != entry.key:
            self._opens = None
            if self._rested:
                self._rested.stop()
            self._rested = self.set_timer(SHOWN_SECONDS, self._show_seen)
            return
        if before.run.status != entry.run.status:
            self._read_history()  # to its end
        if entry != before:
            self._show_known()

    def _show_seen(self) -> None:
        self._rested = self.set_timer(CURVE_SECONDS - SHOWN_SECONDS, self._rest)
        self.attempt("preview", self._show_known)

    def _show_known(self) -> None:
        self.query_one(Preview).show(self._seen)
        self._show_history()
        self._show_digits()

    def _rest(self) -> None:
        self._read_history()
        training = self.mnist.run_state.phase == "training"
        seconds = DIGITS_SECONDS_TRAINING if training else DIGITS_SECONDS
        self._rested = self.set_timer(seconds - CURVE_SECONDS, self._open)

    # The curve

    def _own(self) -> bool:
        """Whether it is the run of this app, whose curve is at hand."""
        started, seen = self.mnist.run_state.started, self._seen
        return bool(
            started and seen and os.path.abspath(started.folder) == os.path.abspath(seen.run.folder)
        )

    def _show_history(self) -> None:
        preview, seen = self.query_one(Preview), self._seen
        if self._own():
            preview.history(self.mnist.run_state, "")
            return
        known = self._histories.get(seen.run.folder) if seen else None
        waiting = "" if seen is None else "reading its curve …" if known is None else known.error
        drawn = known is not None and bool(known.state.curves.losses.points or known.state.scores)
        if known and not drawn:
            waiting = known.error or "there is no curve of it"
        preview.history(known.state if known and drawn else None, waiting)
        if known and seen and seen.run.is_live and monotonic() > known.again:
            self._read_history()

    def _read_history(self) -> None:
        if self._seen and self._reading is None and not self._own():
            self._reading = self._seen.run.folder
            self._read_record(self._reading, self._histories.get(self._reading))

    @work(thread=True, exit_on_error=False, group="history")
    def _read_record(self, folder: Path, known: History | None) -> None:
        import plotext  # noqa: F401, else the first chart would wait for it

        from tui.state.history import read_run, without_digits

        since = monotonic()
        try:
            size = os.path.getsize(folder / EVENTS_FILE) if (folder / EVENTS_FILE).exists() else 0
            state = (
                known.state if known and known.bytes == size else without_digits(read_run(folder))
            )
            history = History(state, size, 0.0)
        except Exception as error:  # whatever it is, the next run may be read
            why = explain(error) if isinstance(error, OSError) else type(error).__name__
            history = History(RunState(), -1, 0.0, f"its record cannot be read ({why})")
        took = monotonic() - since
        again = monotonic() + max(1.0, took / READING_SHARE)
        known_now = History(history.state, history.bytes, again, history.error)
        self.post_message(self.Read(folder, known_now))

    def on_previewing_read(self, message: Read) -> None:
        self._reading = None
        self._histories.pop(message.folder, None)
        self._histories[message.folder] = message.history
        for folder in list(self._histories)[:-MOST_HISTORIES]:
            del self._histories[folder]
        if self._seen and self._seen.run.folder not in self._histories:
            self._read_history()  # the cursor has gone on meanwhile
        self.attempt("preview", self._show_history)

    # The digits

    @property
    def opened_path(self) -> str | None:
        return self._opens

    def wanted_digits(self) -> tuple[int, ...]:
        if self._opens is None or not self.app_state.devices:  # torch is on its way still
            return ()
        return tuple(range(sum(digits.capacity for digits in self.query(DigitCards))))

    def _open(self) -> None:
        listed = self._seen.listed if self._seen else None
        if listed and listed.info and _has_digits(listed, self.mnist.config.data):
            self._opens = str(listed.path)
        self.attempt("preview", self._show_digits)

    def _show_digits(self) -> None:
        listed, opened = self._seen.listed if self._seen else None, self.app_state.opened
        digits: tuple[Digit, ...] = ()
        waiting = ""
        if listed and listed.info and opened and opened.path == str(listed.path):
            digits = opened.digits
            waiting = "" if digits else f"✗ {printable(opened.error or 'no digits')}"
        elif listed and listed.info:
            there = _has_digits(listed, self.mnist.config.data)
            waiting = "sample predictions …" if there else "its digits are not on this machine"
        self.query_one(Preview).digits(digits, waiting)

    # What is told meanwhile

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.opened is not after.opened:
            self._show_digits()

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.curves is not after.curves and self._own():
            self._show_history()

    def watch_preferences(self, preferences: Preferences) -> None:
        self.query_one(Preview).preferences = preferences


def _has_digits(listed: CheckpointFile, data: str | None) -> bool:
    """Whether the digits of a checkpoint are here: to look at it none are downloaded."""
    from core.data.datasets import DATASETS
    from core.runs.resume import digits_folder

    info = listed.info
    dataset = DATASETS.get(info.dataset) if info else None
    if info is None or dataset is None:
        return False
    return dataset.missing(data or digits_folder(info.config)) is None
