"""The curves of all lanes of a race on one chart."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic, thread_time

from textual.reactive import var

from tui.charts.overlay import build_overlay_frame
from tui.charts.race import RACE_AXES, RACE_CHARTS, label_width, race_series, race_window
from tui.charts.series import CHART_KINDS, Series
from tui.charts.x_axis import Window
from tui.state.race.race_state import RaceState
from tui.widgets.charts.chart import SLOW_SECONDS, Chart

# Least seconds between two frames while the race trains, and the most of a core that they take: a
# frame of four bands over many seeds costs ten times as much as one of two curves.
FRAME_SECONDS, FRAME_SHARE = 0.5, 0.02


class RaceChart(Chart):
    """Both axes are fixed, so drawn points keep their cells and a frame changes few of them."""

    race: var[RaceState] = var(RaceState, init=False)
    shown: var[str] = var(RACE_CHARTS[0], init=False)
    x_axis: var[str] = var(RACE_AXES[0], init=False)

    @property
    def kind(self) -> str:
        return self.shown

    def watch_race(self, before: RaceState, after: RaceState) -> None:
        same = all(a is b for a, b in zip(_curves(before), _curves(after), strict=False))
        is_other = before.phase != after.phase or before.seed != after.seed
        is_other |= before.started is not after.started
        if is_other or (not same and monotonic() >= self._not_before):
            since = thread_time()
            self.draw()
            least = SLOW_SECONDS if self.preferences.slow else FRAME_SECONDS
            self._not_before = monotonic() + max(least, (thread_time() - since) / FRAME_SHARE)

    watch_shown = watch_x_axis = Chart.redraw

    def draw(self) -> None:
        # Its classes and its start are what a chart needs of a run.
        states = [state for lane in self.race.lanes for state in lane.states if state.started]
        self.set_reactive(Chart.run_state, build_overlay_frame(states))
        own = replace(self.preferences, x_axis=self.x_axis, cursor=None)
        self.set_reactive(Chart.preferences, own)
        super().draw()

    def _window(self) -> Window:
        names = label_width(self.race)
        return race_window(self.race, self.x_axis, self.preferences, self.columns, names)

    def _series(self, window: Window) -> list[Series]:
        return race_series(self.race, self.kind, self.x_axis, self.preferences, window)

    def _goal(self) -> float | None:
        return self.race.goal if self.kind == "test_accuracy" else None

    def _why_empty(self) -> str:
        if not self.race.is_active:
            return "This race has no recorded metrics."
        if any(state.started for state in self.race.now) and CHART_KINDS[self.kind].scores:
            return "Known after the first evaluation, at the end of an epoch."
        doing = next((s.doing for s in self.race.now if s.phase == "preparing" and s.doing), "")
        return f"The curves appear here during training. {doing.capitalize()}".strip()

    def _keys(self, cursor: float | None, width: int) -> str:
        scale = "l linear" if self.preferences.log_scale else "l log"
        smoothing = self.preferences.smoothing
        smooth = f"m smooth {smoothing:g}" if smoothing else "m not smoothed"
        items = ["c next", "h axis", scale]
        if CHART_KINDS[self.kind].raw:
            items.append(smooth)
        zoom = self.preferences.zoom
        items.append("z zoom" if zoom == 1 else f"z last {zoom:.0%}")
        while len(text := " · ".join(items)) > width and items:
            items.pop()
        return text


def _curves(race: RaceState) -> list[object]:
    return [state.curves for state in race.now]
