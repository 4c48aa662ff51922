"""A chart of a run, drawn by plotext and shown at the cost of what changed."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from time import monotonic

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.reactive import var

from tui.charts.chart import (
    AXIS,
    CHART_KINDS,
    MARK,
    OVERLAY,
    RAW,
    SMOOTH,
    TEST,
    Series,
    Window,
    build_chart,
    marks_of,
    place_of,
    series_of,
    window_of,
)
from tui.preferences import CHARTS, Preferences
from tui.state.run_state import LETTERS, Mark, RunState
from tui.text.formats import format_duration, printable
from tui.widgets.canvas import Canvas, StyledLine

PARTS = {
    AXIS: "chart--axis",
    RAW: "chart--raw",
    SMOOTH: "chart--smooth",
    TEST: "chart--test",
    MARK: "chart--mark",
} | {tag: f"chart--{letter}" for tag, letter in zip(OVERLAY, LETTERS, strict=True)}
MARKS = {"saved": "▾", "rate": "◆", "paused": "‖", "branch": "Y"}
MARK_WORDS = {"saved": "saved", "rate": "rate changed", "paused": "paused", "branch": "branched"}
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
# At least so long between two frames of a chart that stands beside the chosen one.
SIDE_SECONDS = 1.0
SLOW_SECONDS = 4.0  # and of any chart on a slow line
SIDE_DELAY = 0.05  # and so much later they follow a key
# Wider ones have wider labels at their y-axis.
WIDE = 50


class Chart(Canvas):
    """One chart: with both axes fixed, what has been drawn stays as it is, and a frame changes few
    characters. Slot 0 is of what the preferences say, the others of what comes after it."""

    PICTURE = True
    COMPONENT_CLASSES = set(PARTS.values())

    run_state: var[RunState] = var(RunState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    overlaid_runs: var[tuple[RunState, ...]] = var((), init=False)

    class Pointed(Message):
        """Somebody has clicked into the chart: at that share of its width, if it is slot 0."""

        def __init__(self, kind: str, share: float | None) -> None:
            super().__init__()
            self.kind, self.share = kind, share

    class Zoomed(Message):
        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, slot: int = 0) -> None:
        super().__init__(classes=f"slot-{slot}")
        self.slot = slot
        self._not_before = 0.0

    @property
    def kind(self) -> str:
        return CHARTS[(CHARTS.index(self.preferences.chart) + self.slot) % len(CHARTS)]

    @property
    def columns(self) -> int:
        """Of the plot itself, without the labels of its y-axis."""
        return max(10, self.size.width - (9 if self.size.width >= WIDE else 7))

    @property
    def newest(self) -> float:
        """Where the newest step is, as a share of the chart's width."""
        state, preferences = self.run_state, self.preferences
        if not state.started:
            return 0.0
        window = window_of(state, preferences, self.columns)
        now = place_of(state, preferences.x_axis)(state.step)
        return (now - window.low) / (window.high - window.low)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        def shown(state: RunState) -> tuple[object, ...]:
            return state.curves, state.marks, state.started, state.phase

        same = all(a is b for a, b in zip(shown(before), shown(after), strict=True))
        early = monotonic() < self._not_before and before.phase == after.phase
        if not same and not early:
            self.draw()
            seconds = SIDE_SECONDS if self.slot else 0.0
            self._not_before = monotonic() + (SLOW_SECONDS if self.preferences.slow else seconds)

    def watch_preferences(self) -> None:
        if self.slot:  # the chosen one first
            self.set_timer(SIDE_DELAY, self.draw)
        else:
            self.draw()

    def watch_overlaid_runs(self) -> None:
        self.draw()

    @property
    def has_curves(self) -> bool:
        state = self.run_state
        return bool(state.started and (state.curves.losses.points or state.scores))

    def series(self, window: Window) -> list[Series]:
        """What is drawn, the last on top."""
        return series_of(self.kind, self.run_state, self.overlaid_runs, self.preferences, window)

    def draw(self) -> None:
        width, height = self.size
        if width < 20 or height < 4 or not self.display:
            return
        state, preferences = self.run_state, self.preferences
        styles = {tag: self.part(name) for tag, name in PARTS.items()}
        if not self.has_curves:
            self.paint(self._waiting(styles))
            return
        window = window_of(state, preferences, self.columns)
        series = self.series(window)
        marks = marks_of(state, preferences, window)
        rail = [self._rail(marks, styles)] if height >= 8 and self.slot == 0 else []
        plot_height = height - 1 - len(rail)
        text = build_chart(self.kind, series, preferences, window, (width, plot_height))
        plot = list(read_back(text, styles))
        left = width - window.columns
        for column, mark in marks.items():
            if mark.kind == "branch":
                plot = _with_line(plot, left + column, "┊", styles[MARK])
        if preferences.cursor is not None:
            column = round(preferences.cursor * (window.columns - 1))
            plot = _with_line(plot, left + column, "│", styles[MARK])
        self.paint([self._legend(series, window, styles), *rail, *plot])

    def _waiting(self, styles: dict[int, Style]) -> list[StyledLine]:
        said = self.why_empty()
        blank: StyledLine = []
        rows = [blank] * (self.size.height // 2 - 1)
        middle = [Segment(said.center(self.size.width), styles[AXIS])]
        title = [Segment(f" {CHART_KINDS[self.kind].title}", styles[AXIS])]
        return [title, *rows, middle, *[blank] * (self.size.height - len(rows) - 2)]

    def why_empty(self) -> str:
        return "the curve appears here" if self.run_state.active else "press space to train"

    def _rail(self, marks: dict[int, Mark], styles: dict[int, Style]) -> StyledLine:
        """What happened, above where it did; and at the right, where there is room, in words."""
        left = self.size.width - self.columns
        cells = [" "] * self.size.width
        for column, mark in marks.items():
            cells[left + column] = MARKS[mark.kind]
        kinds = dict.fromkeys(mark.kind for mark in marks.values())
        words = "  ".join(f"{MARKS[kind]} {MARK_WORDS[kind]}" for kind in kinds)
        if words and not "".join(cells[-len(words) - 2 :]).strip():
            cells[-len(words) :] = words
        return [Segment("".join(cells), styles[MARK])]

    def _legend(
        self, series: Sequence[Series], window: Window, styles: dict[int, Style]
    ) -> StyledLine:
        """Each series' sign and newest value, or what it is at the cursor."""
        what, preferences, quiet = CHART_KINDS[self.kind], self.preferences, styles[AXIS]
        x = None if preferences.cursor is None else window.at(preferences.cursor)
        parts: list[StyledLine] = [[Segment(f" {self._title()} ", styles[SMOOTH])]]
        if x is not None:
            parts.append([Segment(f" at {at_text(preferences.x_axis, x)} ", styles[MARK])])
        elif self.slot == 0:
            parts.append([Segment(f"{self._how_seen()} ", quiet)])
        # What is behind the others goes last.
        for each in sorted(series, key=lambda each: each.tag in OVERLAY or each.tag == RAW):
            if not each.points or not each.name or (each.tag == RAW and self.slot):
                continue
            value = value_at(each.points, x)
            name, sign = each.name, "⠒⠒" if each.marker == "braille" else each.marker
            text = f" {what.text(value)}" if value is not None else ""
            if each.tag in OVERLAY:
                name, text = self.said_of(OVERLAY.index(each.tag), text, read_off=x is not None)
            elif each.tag == RAW:
                sign, text = "::", ""
            parts.append([Segment(f" {sign}", styles[each.tag]), Segment(f" {name}{text} ", quiet)])
        return _fitting(parts, self.size.width)

    def _title(self) -> str:
        if not self.preferences.log_scale:
            return CHART_KINDS[self.kind].title
        return (
            "test error, log" if self.kind == "accuracy" else f"{CHART_KINDS[self.kind].title}, log"
        )

    def _how_seen(self) -> str:
        what, preferences = CHART_KINDS[self.kind], self.preferences
        smooth = f" smooth {preferences.smoothing:g}" if preferences.smoothing else " not smoothed"
        part = "" if preferences.zoom == 1 else f" last {preferences.zoom:.0%}"
        return (smooth if what.smooth and what.raw else "") + part

    def said_of(self, place: int, text: str, *, read_off: bool) -> tuple[str, str]:
        """What the legend says of an earlier run: its name, and its value where one reads off."""
        started = self.overlaid_runs[place].started
        return (printable(started.run) if started else "?"), (text if read_off else "")

    def on_click(self, event: Click) -> None:
        left = self.size.width - self.columns
        share = min(1.0, max(0.0, (event.x - left) / max(1, self.columns - 1)))
        self.post_message(self.Pointed(self.kind, None if self.slot else share))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.Zoomed(1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Zoomed(-1))


class ChartGroup(Container):
    """The selected chart, and as many others as the preferences and the window allow."""

    run_state: var[RunState] = var(RunState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    overlaid_runs: var[tuple[RunState, ...]] = var((), init=False)

    def compose(self) -> ComposeResult:
        for slot in range(len(CHARTS)):
            yield Chart(slot).data_bind(
                ChartGroup.run_state, ChartGroup.preferences, ChartGroup.overlaid_runs
            )

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.several != after.several or not self.has_class(f"-{after.several}"):
            self.remove_class(f"-{before.several}")
            self.add_class(f"-{after.several}")

    @property
    def chosen(self) -> Chart:
        return self.query_one(".slot-0", Chart)


def at_text(x_axis: str, x: float) -> str:
    if x_axis == "time":
        return format_duration(x)
    return f"epoch {x:.2f}" if x_axis == "epoch" else f"step {x:,.0f}"


def value_at(points: Sequence[tuple[float, float]], x: float | None) -> float | None:
    """The newest value; or that of the last point which is not after x."""
    if x is None:
        return points[-1][1]
    place = bisect_right(points, x, key=lambda point: point[0])
    return points[place - 1][1] if place else None


def _fitting(parts: Sequence[StyledLine], width: int) -> StyledLine:
    """As many of the parts, from the first on, as fit."""
    line: StyledLine = []
    for part in parts:
        if sum(len(segment.text) for segment in [*line, *part]) > width:
            break
        line += part
    return line


def _with_line(plot: list[StyledLine], column: int, sign: str, style: Style) -> list[StyledLine]:
    """The plot with a vertical line through what is empty, and in its colour what is not. The last
    two rows are the x-axis."""
    return [*(_with_cell(line, column, sign, style) for line in plot[:-2]), *plot[-2:]]


def _with_cell(line: StyledLine, column: int, sign: str, style: Style) -> StyledLine:
    start, out = 0, []
    for segment in line:
        at = column - start
        start += len(segment.text)
        if not 0 <= at < len(segment.text):
            out.append(segment)
            continue
        text = segment.text
        there = text[at] if text[at] not in " ⠀" else sign
        out += [Segment(text[:at], segment.style), Segment(there, style)]
        out.append(Segment(text[at + 1 :], segment.style))
    return [segment for segment in out if segment.text]


def read_back(text: str, styles: dict[int, Style]) -> Iterator[StyledLine]:
    """plotext's coloured text as lines of segments, neighbours of one style merged."""
    for row in text.removesuffix("\n").split("\n"):
        style: Style | None = None
        line: StyledLine = []
        for place, piece in enumerate(COLOUR.split(row)):
            if place % 2:
                colour = piece.rpartition(";")[2]
                style = styles.get(int(colour)) if piece.startswith("38") else None
            elif piece:
                if line and line[-1].style == style:
                    line[-1] = Segment(line[-1].text + piece, style)
                else:
                    line.append(Segment(piece, style))
        yield line
