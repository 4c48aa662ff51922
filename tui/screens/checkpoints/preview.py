"""The preview of one entry of the list: its run's curve and settings, and predictions."""

from __future__ import annotations

import time
from dataclasses import replace

from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from core.config import FIELDS
from core.models.input_scaling import DEFAULT_SCALING
from core.responses import Digit
from tui.charts.series import AXIS
from tui.preferences import Preferences
from tui.screens.checkpoints.rows import LIVE_SIGNS, STAR, Entry, saved_at
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_loss, format_percent, format_size, printable
from tui.widgets.canvas import StyledLine, center_text
from tui.widgets.charts.chart import Chart
from tui.widgets.digit_cards import DigitCards

STATUS_SIGNS = {"finished": "✓", "stopped": "■", "interrupted": "■", "failed": "✗"}
STATUS_SIGNS["imported"] = ""  # neither good nor bad
# Shown elsewhere, or where the run was stored, which does not change the training.
PLACES = ("checkpoints", "data", "preset", "arch", "dataset")


class LossChart(Chart):
    """The loss of a listed run."""

    waiting: var[str] = var("", init=False)

    def _watch_waiting(self) -> None:
        self.draw()

    def _empty_lines(self, styles: dict[int, Style]) -> list[StyledLine]:
        return center_text(self.waiting, self.size, styles[AXIS])


class Preview(Container):
    """Shows what it is given; reads nothing itself."""

    preferences: var[Preferences] = var(Preferences, init=False)

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Static(id="about")
        yield LossChart()
        yield Static(id="config")
        yield DigitCards("")

    def watch_preferences(self, preferences: Preferences) -> None:
        # The kind, zoom, cursor and x axis of the chart were chosen for the live run.
        whole_run = replace(preferences, chart="loss", zoom=1, cursor=None, x_axis="epoch")
        self.query_one(LossChart).preferences = whole_run
        self.query_one(DigitCards).preferences = preferences

    def show(self, entry: Entry | None) -> None:
        title, about, config = ("", "", "") if entry is None else _texts(entry)
        for name, text in (("title", title), ("about", about), ("config", config)):
            self.query_one(f"#{name}", Static).update(Content(text))

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


def _texts(entry: Entry) -> tuple[str, str, str]:
    """Return the title, the lines about the entry, and its run's settings."""
    run = entry.run
    sign = LIVE_SIGNS.get(run.status) or STATUS_SIGNS.get(run.status, "?")
    status = f" {sign} {run.status}".replace("  ", " ")
    title = " ".join(filter(None, (entry.name, status, STAR * run.is_starred)))
    lines = [_metrics(entry), _size(entry)]
    if run.note:
        lines.append(f"note: {printable(run.note)}")
    changed, default = settings_of(entry)
    if changed or run.status != "imported":
        lines.append(f"changed: {', '.join(changed) or 'nothing'}")
    return f" {title}", "\n".join(lines), f"default: {', '.join(default)}" if default else ""


def _metrics(entry: Entry) -> str:
    """Return the metrics of the checkpoint, or of a run in progress."""
    file, info, newest = entry.file, entry.info, entry.run.latest
    if file and info:
        test = f"test {format_percent(info.test_accuracy)}, loss {format_loss(info.test_loss)}"
        if info.test_accuracy is None:
            test = "not evaluated"
        name = printable(file.path.stem)
        step = "" if file.kind == "imported" else f"epoch {info.epoch}, step {info.step:,}, "
        scaling = "" if info.scaling == DEFAULT_SCALING else f", input {info.scaling.range}"
        return f"{name}: {step}{test}, {info.parameters:,} parameters{scaling}"
    if file:
        return f"{printable(file.path.name)} is broken: {printable(file.error or '')}"
    if entry.run.is_live and newest:
        epoch = f"epoch {newest.epoch or 0}" + (f"/{entry.epochs}" if entry.epochs else "")
        return f"{epoch}, step {newest.step:,}, training loss {format_loss(newest.loss)}"
    return "No checkpoint saved yet."


def _size(entry: Entry) -> str:
    ago = format_age(time.time() - saved_at(entry))
    ago = "now" if ago == "now" else f"{ago} ago"
    file = f"file {format_size(entry.bytes)}, " if entry.file else ""
    run, device = format_size(entry.run.bytes), printable(entry.device)
    return f"{file}run {run}, saved {ago}, device {device}"


def settings_of(entry: Entry) -> tuple[list[str], list[str]]:
    """Return a run's settings, each as its name and value: those changed from the default, with
    the default in parentheses, and the others."""
    config = entry.info.config if entry.info else entry.run.config
    changed, default = [], []
    for name, value in config.items():
        if name in PLACES:
            continue
        text = printable(f"{name.replace('_', ' ')} {_short(value)}")
        default_value = FIELDS[name].default if name in FIELDS else None
        if value == default_value:
            default.append(text)
        else:
            changed.append(f"{text} (default {_short(default_value)})" if name in FIELDS else text)
    return changed, default


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
