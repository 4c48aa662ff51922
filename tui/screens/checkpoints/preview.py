"""The preview of one row of the list: its metrics, its run's curve, and predictions."""

from __future__ import annotations

import time
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from core.digit import Digit
from core.models.architectures import ARCHITECTURES
from core.models.input_scaling import DEFAULT_SCALING
from tui.analysis.changed_settings import changed_settings
from tui.preferences import Preferences
from tui.screens.checkpoints.listing.columns import epoch_text, saved_at
from tui.screens.checkpoints.listing.rows import LIVE_SIGNS, STAR, UNKNOWN, Entry, kind_text
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_loss, format_percent, format_size, printable
from tui.widgets.charts.chart import Chart
from tui.widgets.digit_cards import DigitCards

STATUS_SIGNS = {"finished": "✓", "stopped": "■", "interrupted": "■", "failed": "✗"}
STATUS_SIGNS["imported"] = ""  # neither good nor bad


class LossChart(Chart):
    """The loss of a listed run."""

    waiting: var[str] = var("", init=False)

    def _watch_waiting(self) -> None:
        self.draw()

    def _why_empty(self) -> str:
        return self.waiting

    def _keys(self, cursor: float | None, width: int) -> str:
        return ""


class Preview(Container):
    """Shows what it is given; reads nothing itself."""

    preferences: var[Preferences] = var(Preferences, init=False)

    def __init__(self) -> None:
        super().__init__(classes="panel")

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield LossChart()
        yield DigitCards("")

    def watch_preferences(self, preferences: Preferences) -> None:
        # The kind, zoom, cursor and x axis of the chart were chosen for the live run.
        whole_run = replace(preferences, chart="loss", zoom=1, cursor=None, x_axis="epoch")
        self.query_one(LossChart).preferences = whole_run
        self.query_one(DigitCards).preferences = preferences

    def show(self, entry: Entry | None) -> None:
        # As content: a run's name may contain brackets.
        self.border_title = Content("" if entry is None else _title(entry))
        about = [] if entry is None else _about(entry)
        self.query_one("#about", Static).update(Content("\n").join(about))

    @property
    def has_digits(self) -> bool:
        """Whether there is room for predictions."""
        return bool(self.query_one(DigitCards).size)

    def show_curve(self, state: RunState | None, waiting: str) -> None:
        """Show the curve of a run, or `waiting` in its place."""
        curve = self.query_one(LossChart)
        curve.waiting = waiting
        curve.run_state = state or RunState()

    def show_digits(self, digits: tuple[Digit, ...], waiting: str) -> None:
        """Show predictions, or `waiting` in their place."""
        shown = self.query_one(DigitCards)
        shown.placeholder = waiting
        shown.digits = digits


def _title(entry: Entry) -> str:
    """Return the run's name, with that of the checkpoint, and its status."""
    run = entry.run
    name = f"{entry.name} · {kind_text(entry.file)}" if entry.file else entry.name
    sign = LIVE_SIGNS.get(run.status) or STATUS_SIGNS.get(run.status, "?")
    status = "" if entry.file else f" {sign} {run.status}".replace("  ", " ")
    return " ".join(filter(None, (name + status, STAR * run.is_starred)))


def _about(entry: Entry) -> list[Content]:
    """Return lines about a row: its metrics, its size, and what was changed from the defaults."""
    run = entry.run
    lines = [Content(_metrics(entry)), Content(_size(entry))]
    config = run.config or (entry.info.config if entry.info else {})
    changed = changed_settings(config)
    if changed or (config and run.status != "imported"):
        text = ", ".join(f"{name} {value}" for name, value in changed.items())
        lines.append(_named("Changed", text or "no setting besides network and dataset"))
    if info := entry.info or run.best:
        # With blanks, so that it can be wrapped.
        lines += [_named("Routes", info.routes.replace(",", ", "))] if info.routes else []
    if run.note:
        lines.append(_named("Note", printable(run.note)))
    # The last, as it may have more lines than there is room for.
    if entry.setting("arch") not in ARCHITECTURES and run.network:
        lines.append(_named("Layers", printable(run.network)))
    return lines


def _named(name: str, text: str) -> Content:
    return Content.styled(f"{name}: ", "$quiet") + Content(text)


def _metrics(entry: Entry) -> str:
    """Return the metrics of the checkpoint, of a run the best one's, or of a run in progress."""
    run, file = entry.run, entry.best
    if entry.file is None and run.is_live and (newest := run.latest):
        accuracy = newest.accuracy
        test = "" if accuracy is None else f", test accuracy {format_percent(accuracy)}"
        return f"Training loss {format_loss(newest.loss)}{test}"
    if file is None:
        return "No checkpoint yet." if run.is_live else "No checkpoint was saved."
    info = file.info
    if info is None:
        return f"{printable(file.path.name)} is broken: {printable(file.error or '')}"
    if info.test_accuracy is None:
        return "Not evaluated"
    best = "Test" if entry.file else "Best test"
    percent = format_percent(info.test_accuracy)
    return f"{best} accuracy {percent}, loss {format_loss(info.test_loss)}"


def _size(entry: Entry) -> str:
    """Return the epoch, age and size of a row, and its network."""
    info = entry.info or entry.run.best
    ago = format_age(time.time() - saved_at(entry))
    epoch = epoch_text(entry)
    parts = [
        f"epoch {epoch}" if epoch != UNKNOWN and entry.run.status != "imported" else "",
        f"step {entry.info.step:,}" if entry.info and entry.info.step else "",
        "saved now" if ago == "now" else f"saved {ago} ago",
        format_size(entry.file.bytes if entry.file else entry.run.bytes),
        printable(info.arch) if info else entry.setting("arch").replace(UNKNOWN, ""),
        f"{info.parameters:,} parameters" if info else "",
        f"input {info.scaling.range}" if info and info.scaling != DEFAULT_SCALING else "",
    ]
    return ", ".join(filter(None, parts))
