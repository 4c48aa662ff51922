"""What there is to see of one entry of the list: its run's curve and config, its digits."""

from __future__ import annotations

import time
from dataclasses import replace

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from core.config import FIELDS
from core.events import Digit
from tui.charts.chart import AXIS
from tui.preferences import Preferences
from tui.screens.checkpoints.rows import LIVE_SIGNS, STAR, Entry, saved
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_loss, format_percent, format_size, printable
from tui.widgets.canvas import StyledLine
from tui.widgets.charts.chart import Chart
from tui.widgets.digit_cards import DigitCards

STATUS_SIGNS = {"finished": "✓", "stopped": "■", "interrupted": "■", "failed": "✗"}
# Where it was, which is no setting of the training.
PLACES = ("checkpoints", "data", "preset", "arch", "dataset")


class Curve(Chart):
    """The loss of a run that one does not train."""

    waiting: var[str] = var("", init=False)

    @property
    def kind(self) -> str:
        return "loss"

    def watch_waiting(self) -> None:
        self.draw()

    def _waiting(self, styles: dict[int, Style]) -> list[StyledLine]:
        blank: list[StyledLine] = [[]] * (self.size.height // 2)
        return [*blank, [Segment(self.waiting.center(self.size.width), styles[AXIS])]]


class Preview(Container):
    """What it shows is put in by `show`, `history` and `digits`; it reads nothing itself."""

    preferences: var[Preferences] = var(Preferences, init=False)

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Static(id="about")
        yield Curve()
        yield Static(id="config")
        yield DigitCards("")

    def watch_preferences(self, preferences: Preferences) -> None:
        """As the other views have it, but for what is chosen there for the live run's chart."""
        whole = replace(preferences, chart="loss", zoom=1, cursor=None, x_axis="epoch")
        self.query_one(Curve).preferences = whole
        self.query_one(DigitCards).preferences = preferences

    def show(self, entry: Entry | None) -> None:
        title, about, config = ("", "", "") if entry is None else _said(entry)
        for name, text in (("title", title), ("about", about), ("config", config)):
            self.query_one(f"#{name}", Static).update(Content(text))

    def history(self, state: RunState | None, waiting: str) -> None:
        """The run's own curve; `waiting` is said in its place."""
        curve = self.query_one(Curve)
        curve.waiting = waiting
        curve.run_state = state or RunState()

    def digits(self, digits: tuple[Digit, ...], waiting: str) -> None:
        shown = self.query_one(DigitCards)
        shown.waiting = waiting
        shown.digits = digits


def _said(entry: Entry) -> tuple[str, str, str]:
    run = entry.run
    sign = LIVE_SIGNS.get(run.status) or STATUS_SIGNS.get(run.status, "?")
    title = " ".join(filter(None, (entry.name, f" {sign} {run.status}", STAR * run.is_starred)))
    lines = [_figures(entry), _size(entry)]
    if run.note:
        lines.append(f"note: {printable(run.note)}")
    changed, usual = settings_of(entry)
    lines.append(f"other than usual: {', '.join(changed) or 'nothing'}")
    return f" {title}", "\n".join(lines), f"as usual: {', '.join(usual)}" if usual else ""


def _figures(entry: Entry) -> str:
    """Of the checkpoint; of a run that goes on, how far it is."""
    listed, newest = entry.listed, entry.run.latest
    if listed and listed.info:
        info = listed.info
        test = f"test {format_percent(info.test_accuracy)}, loss {format_loss(info.test_loss)}"
        if info.test_accuracy is None:
            test = "not tested"
        said = f"{listed.path.stem}: epoch {info.epoch}, step {info.step:,}, {test}"
        return f"{printable(said)}, {info.parameters:,} parameters"
    if listed:
        return f"{printable(listed.path.name)} is broken: {printable(listed.error or '')}"
    if entry.run.is_live and newest:
        epoch = f"epoch {newest.epoch or 0}" + (f" of {entry.epochs}" if entry.epochs else "")
        return f"{epoch}, step {newest.step:,}, loss {format_loss(newest.loss)}"
    return "no checkpoint has been saved"


def _size(entry: Entry) -> str:
    ago = format_age(time.time() - saved(entry))
    ago = "now" if ago == "now" else f"{ago} ago"
    own = f"{format_size(entry.bytes)}, its run " if entry.listed else ""
    device = printable(entry.device)
    return f"{own}{format_size(entry.run.bytes)} on the disk, saved {ago}, on {device}"


def settings_of(entry: Entry) -> tuple[list[str], list[str]]:
    """A run's settings, each with its name: those that differ from the defaults, which stand behind
    them, and the others."""
    info = entry.listed.info if entry.listed else None
    config = info.config if info else entry.run.config
    changed, usual = [], []
    for name, value in config.items():
        if name in PLACES:
            continue
        said = printable(f"{name.replace('_', ' ')} {_short(value)}")
        default = FIELDS[name].default if name in FIELDS else None
        if value == default:
            usual.append(said)
        else:
            changed.append(f"{said} ({_short(default)})" if name in FIELDS else said)
    return changed, usual


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
