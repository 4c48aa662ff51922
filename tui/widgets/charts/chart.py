"""A chart of a run, and the group of all charts."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.reactive import var

from tui.charts.plot import build_chart
from tui.charts.series import (
    AXIS,
    MARK,
    OVERLAY,
    RAW,
    SMOOTH,
    TEST,
    Series,
    build_series,
    chart_order,
    loss_of_guessing,
    place_marks,
)
from tui.charts.x_axis import Window, choose_window, step_to_x
from tui.preferences import CHARTS, Preferences
from tui.state.run_state import LETTERS, RunState
from tui.state.summaries import NOT_STARTED
from tui.terminal.textual_private import set_border_titles
from tui.widgets.canvas import Canvas, center_text
from tui.widgets.charts.legend import chart_title, keys_line, title_parts

# The names of the styles by the numbers of the colours.
PARTS = {AXIS: "axis", RAW: "raw", SMOOTH: "smooth", TEST: "test", MARK: "mark"}
PARTS |= zip(OVERLAY, LETTERS, strict=True)
# The colours of the parts of a title.
COLOURS = {SMOOTH: "$series-train", TEST: "$series-test"}
COLOURS |= {tag: f"$series-{letter}" for tag, letter in zip(OVERLAY, LETTERS, strict=True)}
# The preferences that a chart shows.
SEEN = ("ascii", "chart", "log_scale", "smoothing", "x_axis", "marks", "zoom", "cursor")
# Seconds between two frames of a chart beside the selected one, and of any on a slow connection.
SIDE_SECONDS = 1.0
SLOW_SECONDS = 4.0
SIDE_DELAY = 0.05  # seconds after a key until the charts beside the selected one follow it
# Columns of the y-axis's labels and its line, and of them in a chart of WIDE columns and more.
LABELS, WIDE_LABELS, WIDE = 7, 8, 50
SMALLEST = 20, 4  # columns and lines of a chart
BESIDE_TITLE = 4  # columns that Textual leaves beside a title, apart from the corners


class Chart(Canvas):
    """One chart of a run, as a panel.

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
        super().__init__(classes=f"slot-{slot} panel")
        self.slot = slot
        self._not_before = 0.0  # time.monotonic() of the earliest next frame

    @property
    def kind(self) -> str:
        return chart_order(self.preferences.chart, self.run_state)[self.slot]

    @property
    def columns(self) -> int:
        """The width of the plot in cells, without the labels of its y-axis."""
        return max(10, self.size.width - (WIDE_LABELS if self.size.width >= WIDE else LABELS))

    @property
    def newest(self) -> float:
        """Where the newest step is, as a share of the plot's width."""
        if not self.run_state.started:
            return 0.0
        window = self._window()
        now = step_to_x(self.run_state, self.preferences.x_axis)(self.run_state.step)
        return min(1.0, (now - window.low) / (window.high - window.low))

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        def shown(state: RunState) -> tuple[object, ...]:
            return state.curves, state.marks, state.started, state.phase

        same = all(a is b for a, b in zip(shown(before), shown(after), strict=True))
        early = monotonic() < self._not_before and before.phase == after.phase
        if not same and not early:
            self.draw()
            seconds = SIDE_SECONDS if self.slot else 0.0
            self._not_before = monotonic() + (SLOW_SECONDS if self.preferences.slow else seconds)

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        """Draw again for what a chart shows, which most keys do not change."""
        changed = [name for name in SEEN if getattr(before, name) != getattr(after, name)]
        if self.slot and (changed or before.several != after.several):
            self.set_timer(SIDE_DELAY, self.draw)  # which does nothing in a hidden chart
        elif changed:
            self.draw()

    watch_overlaid_runs = Canvas.redraw

    # What a subclass may show otherwise

    def _window(self) -> Window:
        return choose_window(self.run_state, self.preferences, self.columns)

    def _series(self, window: Window) -> list[Series]:
        """Return what is drawn, the topmost last."""
        return build_series(self.kind, self.run_state, self.overlaid_runs, self.preferences, window)

    def _goal(self) -> float | None:
        """Return the accuracy to draw a line at."""
        return None

    def _why_empty(self) -> str:
        """Return what stands in the place of curves."""
        state = self.run_state
        if state.phase == "failed":
            return NOT_STARTED if state.has_not_started else "The run failed before its first loss."
        if state.curves.losses.points:
            return "Known after the first evaluation, at the end of the epoch."
        return "The curve appears here during training."

    def _keys(self, cursor: float | None, width: int) -> str:
        """Return what the lower border says."""
        if self.slot == 0:
            return keys_line(self.kind, self.run_state, self.preferences, cursor, width)
        return "c next" if self.slot == 1 else ""

    # Drawing

    def draw(self) -> None:
        width, height = self.size
        if width < SMALLEST[0] or height < SMALLEST[1] or not self.display:
            return
        state, preferences = self.run_state, self.preferences
        series: list[Series] = []
        if state.started:
            window = self._window()
            series = self._series(window)
        if not any(each.points for each in series):
            set_border_titles(self, Content(chart_title(self.kind, preferences)), Content(""))
            self.paint(center_text(self._why_empty(), self.size, self.parts["axis"]))
            return
        cursor = None if preferences.cursor is None else window.at(preferences.cursor)
        room = width - BESIDE_TITLE
        parts = title_parts(self.kind, series, preferences, cursor, room)
        title = Content.assemble(*((text, COLOURS.get(tag, "")) for text, tag in parts))
        set_border_titles(self, title, Content(self._keys(cursor, room)))
        lines = build_chart(
            self.kind,
            series,
            preferences,
            window,
            (width, height),
            guessing=loss_of_guessing(self.kind, state, series),
            goal=self._goal(),
            marks=place_marks(state, preferences, window),
            cursor=cursor,
        )
        styles: dict[int, Style | None] = {0: None}
        styles |= {tag: self.parts[name] for tag, name in PARTS.items()}
        self.paint([[Segment(text, styles[tag]) for text, tag in line] for line in lines])

    def on_click(self, event: Click) -> None:
        at = event.x - self.content_offset.x - (self.size.width - self.columns)
        share = min(1.0, max(0.0, at / max(1, self.columns - 1)))
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

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._mark_selected)

    def _mark_selected(self) -> None:
        """Mark the selected chart as what keys act on, unless another widget has the focus."""
        self.selected.set_class(self.screen.focused is None, "-focus")

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.several != after.several or not self.has_class(f"-{after.several}"):
            self.remove_class(f"-{before.several}", update=False)
            self.add_class(f"-{after.several}")

    @property
    def selected(self) -> Chart:
        return self.query_one(".slot-0", Chart)
