"""The lines above a chart: its legend, and the marks of what happened during the run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from tui.charts.series import AXIS, CHART_KINDS, MARK, OVERLAY, RAW, SMOOTH, Points, Series
from tui.charts.x_axis import format_x
from tui.preferences import Preferences
from tui.state.run_state import Mark
from tui.widgets.canvas import StyledLine

MARKS = {"saved": "▾", "rate": "◆", "paused": "‖", "branch": "Y"}
MARK_WORDS = {"saved": "saved", "rate": "rate changed", "paused": "paused", "branch": "branched"}


@dataclass(frozen=True)
class Legend:
    """The line above a chart: its title, and the value of each series."""

    kind: str
    preferences: Preferences
    cursor: float | None  # the x at which values are read, None: the newest values
    selected: bool  # whether the keys apply to this chart: it shows the smoothing and zoom too

    def line(
        self,
        series: Sequence[Series],
        styles: dict[int, Style],
        overlay_label: Callable[[int, str], tuple[str, str]],
        width: int,
    ) -> StyledLine:
        """Return the legend in at most `width` columns; what does not fit is left out.

        `overlay_label` maps the place of an overlaid run and its value to its name and that value.
        """
        what, quiet = CHART_KINDS[self.kind], styles[AXIS]
        parts: list[StyledLine] = [[Segment(f" {self._title()} ", styles[SMOOTH])]]
        if self.cursor is not None:
            at = format_x(self.preferences.x_axis, self.cursor)
            parts.append([Segment(f" at {at} ", styles[MARK])])
        elif self.selected:
            parts.append([Segment(f"{self._drawn_how()} ", quiet)])
        # The series that lie beneath the others come last.
        for each in sorted(series, key=lambda each: each.tag in OVERLAY or each.tag == RAW):
            if not each.points or not each.name or (each.tag == RAW and not self.selected):
                continue
            value = value_at(each.points, self.cursor)
            name, sign = each.name, "⠒⠒" if each.marker == "braille" else each.marker
            text = f" {what.text(value)}" if value is not None else ""
            if each.tag in OVERLAY:
                name, text = overlay_label(OVERLAY.index(each.tag), text)
            elif each.tag == RAW:
                sign, text = "::", ""
            parts.append([Segment(f" {sign}", styles[each.tag]), Segment(f" {name}{text} ", quiet)])
        line: StyledLine = []
        for part in parts:
            if sum(len(segment.text) for segment in [*line, *part]) > width:
                break
            line += part
        return line

    def _title(self) -> str:
        title = CHART_KINDS[self.kind].title
        if not self.preferences.log_scale:
            return title
        return "test error, log" if self.kind == "accuracy" else f"{title}, log"

    def _drawn_how(self) -> str:
        what, smoothing = CHART_KINDS[self.kind], self.preferences.smoothing
        smoothed = f" smoothing {smoothing:g}" if smoothing else " no smoothing"
        part = "" if self.preferences.zoom == 1 else f" last {self.preferences.zoom:.0%}"
        return (smoothed if what.smooth and what.raw else "") + part


def value_at(points: Points, x: float | None) -> float | None:
    """Return the value of the last point that is not after x, None if there is none.

    Without an x that is the newest value.
    """
    if x is None:
        return points[-1][1]
    place = bisect_right(points, x, key=lambda point: point[0])
    return points[place - 1][1] if place else None


def marks_line(marks: dict[int, Mark], left: int, width: int, style: Style) -> StyledLine:
    """Return a line with a sign over each marked column, and the signs' meaning at its right.

    `left` is the width of the y-axis's labels. The meaning is left out where marks are in its way.
    """
    cells = [" "] * width
    for column, mark in marks.items():
        cells[left + column] = MARKS[mark.kind]
    kinds = dict.fromkeys(mark.kind for mark in marks.values())
    words = "  ".join(f"{MARKS[kind]} {MARK_WORDS[kind]}" for kind in kinds)
    if words and not "".join(cells[-len(words) - 2 :]).strip():
        cells[-len(words) :] = words
    return [Segment("".join(cells), style)]
