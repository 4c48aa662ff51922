"""A chart of a run, and the group of all charts."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.reactive import var

from tui.charts.plot import build_chart, parse_plot
from tui.charts.series import (
    AXIS,
    CHART_KINDS,
    MARK,
    OVERLAY,
    RAW,
    SMOOTH,
    TEST,
    Series,
    build_series,
    place_marks,
)
from tui.charts.x_axis import Window, choose_window, step_to_x
from tui.preferences import CHARTS, Preferences
from tui.state.run_state import LETTERS, RunState
from tui.state.summaries import NOT_STARTED
from tui.text.formats import printable
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.charts.legend import Legend, marks_line

# The names of the styles by the numbers of the colours.
PARTS = {AXIS: "axis", RAW: "raw", SMOOTH: "smooth", TEST: "test", MARK: "mark"}
PARTS |= zip(OVERLAY, LETTERS, strict=True)
# Seconds between two frames of a chart beside the selected one, and of any on a slow connection.
SIDE_SECONDS = 1.0
SLOW_SECONDS = 4.0
SIDE_DELAY = 0.05  # seconds after a key until the charts beside the selected one follow it
# Columns of the y-axis's labels and its line, and of them in a chart of WIDE columns and more.
LABELS, WIDE_LABELS, WIDE = 7, 9, 50


class Chart(Canvas):
    """One chart of a run.

    Both axes are fixed, so drawn points keep their cells and a frame changes few of them. The
    chart of slot 0 is the one that the preferences select, the others show what comes after it.
    """

    PICTURE = True
    COMPONENT_CLASSES = {f"chart--{name}" for name in PARTS.values()}

    run_state: var[RunState] = var(RunState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    overlaid_runs: var[tuple[RunState, ...]] = var((), init=False)

    @dataclass
    class Clicked(Message):
        """A click on the chart; `share` (0 to 1) is where along its x-axis, in slot 0."""

        kind: str
        share: float | None

    @dataclass
    class Zoomed(Message):
        """The mouse wheel has been turned: 1 zooms in, -1 out."""

        by: int

    def __init__(self, slot: int = 0) -> None:
        super().__init__(classes=f"slot-{slot}")
        self.slot = slot
        self._not_before = 0.0  # time.monotonic() of the earliest next frame

    @property
    def kind(self) -> str:
        return CHARTS[(CHARTS.index(self.preferences.chart) + self.slot) % len(CHARTS)]

    @property
    def columns(self) -> int:
        """The width of the plot in cells, without the labels of its y-axis."""
        return max(10, self.size.width - (WIDE_LABELS if self.size.width >= WIDE else LABELS))

    @property
    def newest(self) -> float:
        """Where the newest step is, as a share of the plot's width."""
        state, preferences = self.run_state, self.preferences
        if not state.started:
            return 0.0
        window = choose_window(state, preferences, self.columns)
        now = step_to_x(state, preferences.x_axis)(state.step)
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
        if self.slot:
            self.set_timer(SIDE_DELAY, self.draw)
        else:
            self.draw()

    watch_overlaid_runs = Canvas.redraw

    # What a subclass may show otherwise

    @property
    def _has_curves(self) -> bool:
        state = self.run_state
        return bool(state.started and (state.curves.losses.points or state.scores))

    def _series(self, window: Window) -> list[Series]:
        """Return what is drawn, the topmost last."""
        return build_series(self.kind, self.run_state, self.overlaid_runs, self.preferences, window)

    def _why_empty(self) -> str:
        """Return what stands in the place of curves."""
        state = self.run_state
        if state.phase == "failed":
            return NOT_STARTED if state.has_not_started else "The run failed before its first loss."
        return "The curve appears here." if state.is_active else "Press space to train."

    def _empty_lines(self, styles: dict[int, Style]) -> list[StyledLine]:
        """Return the title and, in the middle, why there are no curves."""
        blank: list[StyledLine] = [[]] * (self.size.height // 2 - 1)
        middle = [Segment(self._why_empty().center(self.size.width), styles[AXIS])]
        return [[Segment(f" {CHART_KINDS[self.kind].title}", styles[AXIS])], *blank, middle]

    def _overlay_label(self, place: int, value: str) -> tuple[str, str]:
        """Return the name of an overlaid run, and its value while the cursor reads it."""
        started = self.overlaid_runs[place].started
        name = printable(started.run) if started else "?"
        return name, ("" if self.preferences.cursor is None else value)

    # Drawing

    def draw(self) -> None:
        width, height = self.size
        if width < 20 or height < 4 or not self.display:
            return
        state, preferences = self.run_state, self.preferences
        styles = {tag: self.parts[name] for tag, name in PARTS.items()}
        if not self._has_curves:
            self.paint(self._empty_lines(styles))
            return
        window = choose_window(state, preferences, self.columns)
        series, marks = self._series(window), place_marks(state, preferences, window)
        left = width - window.columns
        cursor = None if preferences.cursor is None else window.at(preferences.cursor)
        legend = Legend(self.kind, preferences, cursor, selected=self.slot == 0)
        above = [legend.line(series, styles, self._overlay_label, width)]
        if height >= 8 and self.slot == 0:
            above.append(marks_line(marks, left, width, styles[MARK]))
        text = build_chart(self.kind, series, preferences, window, (width, height - len(above)))
        plot = list(parse_plot(text, styles))
        verticals = [(column, "┊") for column, mark in marks.items() if mark.kind == "branch"]
        if preferences.cursor is not None:
            verticals.append((round(preferences.cursor * (window.columns - 1)), "│"))
        for column, sign in verticals:
            plot = _with_vertical(plot, left + column, sign, styles[MARK])
        self.paint([*above, *plot])

    def on_click(self, event: Click) -> None:
        left = self.size.width - self.columns
        share = min(1.0, max(0.0, (event.x - left) / max(1, self.columns - 1)))
        self.post_message(self.Clicked(self.kind, None if self.slot else share))

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def _turn_wheel(self, event: MouseScrollUp | MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.Zoomed(1 if isinstance(event, MouseScrollUp) else -1))


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
    def selected(self) -> Chart:
        return self.query_one(".slot-0", Chart)


def _with_vertical(
    plot: list[StyledLine], column: int, sign: str, style: Style
) -> list[StyledLine]:
    """Return the plot with a vertical line behind its curves, which take its colour there.

    The last two lines are the x-axis, and stay as they are.
    """
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
