"""The Race view: several runs on one chart, their way to the goal, and the same digits for all."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import var
from textual.widgets import Static

from core.commands import OpenCheckpoint, Predict, ToLane
from tui.analysis.race.words import describe_lanes
from tui.charts.race import RACE_AXES, RACE_CHARTS
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.screens.race.texts import RACE_HELP, result_content, start_content
from tui.state.race.race_state import RaceState
from tui.state.run_state import RunState
from tui.widgets.header import ViewHeader
from tui.widgets.race.lane_bars import LaneBars, bars_title
from tui.widgets.race.lane_digits import COUNT, LaneDigits
from tui.widgets.race.race_chart import RaceChart

# One lane is asked for its predictions each so many seconds, one after another; on a slow
# connection, rarely.
ASK_SECONDS, SLOW_ASK_SECONDS = 0.5, 4.0
LONGEST_WAIT = 10.0  # for an answer, before the lane is asked again
# Lines of the chart at least, with those of all but the digits and the lanes.
LEAST_CHART = 20
PARTS = ("chart", "digits", "result")  # of which a small window shows one at a time


class Asked(NamedTuple):
    """What a lane was asked for: these test images, by the network of a step or a checkpoint."""

    indices: tuple[int, ...]
    step: int
    checkpoint: str | None


class RaceView(View):
    MODE = "race"
    VIEW_HELP = RACE_HELP
    CSS_PATH = "view.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("c", "step('chart')", "Next chart"),
        Binding("v", "step('part')", "Layout"),
        Binding("h", "step('x_axis')", "Axis", show=False),
        Binding("f", "digits(1)", "Which", show=False),
        Binding("F", "digits(-1)", "Which", show=False),
        Binding("up,k", "lane(-1)", "Row", show=False),
        Binding("down,j", "lane(1)", "Row", show=False),
        Binding("pageup", "scroll(-1)", "Page", show=False),
        Binding("pagedown", "scroll(1)", "Page", show=False),
        Binding("delete", "drop", "Drop lane", show=False),
        Binding("enter", "app.view('train')", "Open", show=False),
    ]

    part: var[str] = var(PARTS[0], init=False)
    first: var[int] = var(0, init=False)  # of the digits

    def __init__(self) -> None:
        super().__init__()
        self._next_lane = 0  # to be asked
        # By lane: what it was asked for, and when.
        self._asked: dict[int, tuple[Asked, float]] = {}
        self._not_before = 0.0

    def body(self) -> ComposeResult:
        yield Static(id="difference")
        with VerticalScroll(id="start", can_focus=False):
            yield Static(id="about")
        with Horizontal(id="upper"):
            yield RaceChart().data_bind(View.preferences, race=View.race_state)
            with VerticalScroll(id="result", classes="panel", can_focus=False) as result:
                result.border_title = "Result"
                yield Static(id="card")
        digits = LaneDigits(classes="panel").data_bind(View.preferences, race=View.race_state)
        digits.border_title = "The same digits, as each lane sees them"
        digits.border_subtitle = "f others"
        yield digits
        bars = LaneBars(classes="panel").data_bind(View.preferences, race=View.race_state)
        yield bars

    def on_mount(self) -> None:
        self.set_interval(ASK_SECONDS, self._ask)

    # What is shown

    def watch_race_state(self, before: RaceState, after: RaceState) -> None:
        if before.started is not after.started:
            self._begin(after)
        is_new = not before.has_ended or after.verdict is not before.verdict
        is_detached = after.verdict is not None and after.verdict.detached
        if after.has_ended and is_new and not is_detached:
            self.part = "result"
        if _outline(before) != _outline(after):
            self.attempt("show", self.show)
        if before.phase != after.phase:
            # Not the selected lane's, which may have failed where others train or have won.
            self.query_one(ViewHeader).phase = after.phase if after.started else ""
            self.refresh_bindings()

    def watch_preferences(self) -> None:
        self.attempt("show", self.show)

    def _begin(self, race: RaceState) -> None:
        """Show another race."""
        self.part, self._asked = PARTS[0], {}
        chart = self.query_one(RaceChart)
        chart.x_axis = "time" if race.started and race.started.by == "time" else RACE_AXES[0]

    @property
    def _shows_all(self) -> bool:
        return self.has_class("-wide") and self.has_class("-tall")

    def show(self) -> None:
        race, whole = self.race_state, self._shows_all
        has_race, has_ended = bool(race.lanes), race.has_ended
        part = self.part if has_ended or self.part != "result" else PARTS[0]
        chart, digits = self.query_one(RaceChart), self.query_one(LaneDigits)
        bars = self.query_one(LaneBars)
        result = self.query_one("#result")
        result.display = has_race and has_ended and (whole or part == "result")
        chart.display = has_race and (whole or part == "chart")
        self.query_one("#upper").display = chart.display or result.display
        digits.display = has_race and (whole or part == "digits")
        bars.display = has_race
        self.query_one("#start").display = not has_race
        # A small window needs its lines for the result.
        self.query_one("#difference").display = has_race and (whole or part != "result")
        digits.indices = tuple(range(self.first, self.first + COUNT))
        lanes, (width, height) = len(race.lanes), self.size
        most = height - LEAST_CHART - lanes
        digits.styles.height = 2 + digits.best_height(width - 2, lanes, most) if whole else "1fr"
        if not has_race:
            width = min(self.size.width, 96) - 4
            set_text(self, "#about", start_content(width))
            return
        bars.border_title = bars_title(race)
        drops = " · del drop it" if race.is_active else ""
        bars.border_subtitle = f"↑↓ select a lane{drops}"
        bars.styles.height = len(race.lanes) + 2
        bars.selected = self.mnist.race.lane
        set_text(self, "#difference", describe_lanes(race))
        if result.display:
            inner = result.size.width - 4 if result.size.width > 10 else self.size.width - 6
            text = result_content(race, inner, ascii=self.preferences.ascii)
            set_text(self, "#card", text)

    # Digits

    def _ask(self) -> None:
        """Ask the next lane for its predictions, if they may have changed."""
        digits, race = self.query_one(LaneDigits), self.race_state
        if not self.is_current or not digits.display or not race.lanes:
            return
        if monotonic() < self._not_before:
            return
        for place in range(len(race.lanes)):
            lane = (self._next_lane + place) % len(race.lanes)
            if self._ask_lane(lane, race.now[lane], digits.indices):
                self._next_lane = lane + 1
                slow = SLOW_ASK_SECONDS if self.preferences.slow else 0.0
                self._not_before = monotonic() + slow
                return

    def _ask_lane(self, lane: int, state: RunState, indices: tuple[int, ...]) -> bool:
        """Return whether the lane was asked: not for what it has answered, or will yet."""
        is_live = self.race_state.is_active and state.phase in ("training", "paused")
        what = Asked(indices, state.step, None if is_live else state.checkpoint)
        asked, since = self._asked.get(lane, (None, 0.0))
        is_waiting = asked and not _has_answer(state, asked) and monotonic() < since + LONGEST_WAIT
        if asked == what or is_waiting:
            return False
        if is_live:
            self.mnist.send(ToLane(lane, Predict(indices)))
        elif state.checkpoint and not state.is_active:
            self.mnist.send(OpenCheckpoint(state.checkpoint, indices, self.mnist.config.data))
        else:
            return False
        self._asked[lane] = (what, monotonic())
        return True

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("step", "digits", "lane", "drop"):
            return bool(self.race_state.lanes)
        return super().check_action(action, parameters)

    def action_step(self, what: str) -> None:
        """Show the next chart, horizontal axis, or part."""
        chart = self.query_one(RaceChart)
        if what == "chart":
            self.part = "chart"
            chart.shown = _after(RACE_CHARTS, chart.shown)
        elif what == "x_axis":
            chart.x_axis = _after(RACE_AXES, chart.x_axis)
        else:
            parts = PARTS if self.race_state.has_ended else PARTS[:2]
            self.part = _after(parts, self.part)
        self.show()

    def action_digits(self, by: int) -> None:
        """Show other test images."""
        samples = max((len(state.labels) for state in self.race_state.now), default=0)
        last = max(0, (samples - 1) // COUNT * COUNT)
        self.first = 0 if self.first + by * COUNT > last else max(0, self.first + by * COUNT)
        self._asked = {}
        self.show()

    def action_scroll(self, by: int) -> None:
        """Scroll the result, or the text before a race."""
        part = self.query_one("#result" if self.race_state.lanes else "#start")
        part.scroll_relative(y=by * max(1, part.size.height - 2), animate=False)

    def action_lane(self, by: int) -> None:
        lanes = len(self.race_state.lanes)
        if lanes:
            self._select(max(0, min(lanes - 1, self.mnist.race.lane + by)))

    def action_drop(self) -> None:
        """End the selected lane, after a question."""
        self.mnist.race.drop(self.mnist.race.lane)

    @on(LaneBars.Selected)
    def _clicked(self, event: LaneBars.Selected) -> None:
        self._select(event.lane)

    def _select(self, lane: int) -> None:
        self.mnist.race.select(lane)
        self.query_one(LaneBars).selected = lane


def _outline(race: RaceState) -> tuple[object, ...]:
    """Return what decides which parts are shown, and their texts."""
    runs = tuple(lane.is_dropped for lane in race.lanes)
    started = tuple(state.started for state in race.now)
    return race.phase, race.seed, id(race.started), id(race.verdict), runs, tuple(map(id, started))


def _has_answer(state: RunState, asked: Asked) -> bool:
    """Return whether the newest predictions are those that were asked for."""
    is_same = {digit.index for digit in state.digits} == set(asked.indices)
    return is_same and state.digits_step >= asked.step


def _after(choices: tuple[str, ...], here: str) -> str:
    return choices[(choices.index(here) + 1) % len(choices)] if here in choices else choices[0]
