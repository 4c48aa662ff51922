"""Draw a chart: its curves, its axes, and what is written beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from tui.charts.grid import Grid, Run
from tui.charts.series import AXIS, CHART_KINDS, MARK, OVERLAY, RAW, TEST, Series
from tui.charts.x_axis import Window, x_ticks
from tui.charts.y_axis import YAxis, build_y_axis, fit_label, value_scale
from tui.preferences import Preferences
from tui.state.run_state import Mark

GUESSING, GOAL = "guessing", "goal"
MARKS = {"saved": "▾", "rate": "r", "paused": "‖", "branch": "Y"}
MARK_WORDS = {"saved": "saved", "rate": "rate changed", "paused": "paused", "branch": "branched"}
# Rows that the x-axis takes: its labels, and where there are so many rows, a line above them.
ROWS_WITH_LINE = 8
# Columns by which the signs of one line are further right than those of the line before.
SIGN_SHIFT = 5

Ticks = tuple[Sequence[float], Sequence[str]]  # places on the x-axis, and their labels


def build_chart(
    kind: str,
    series: Sequence[Series],
    preferences: Preferences,
    window: Window,
    size: tuple[int, int],
    *,
    guessing: float | None = None,
    goal: float | None = None,
    marks: Mapping[int, Mark] | None = None,
    cursor: float | None = None,
    ticks: Ticks | None = None,
) -> list[list[Run]]:
    """Return the lines of a chart of `size` (columns, lines), in pieces of one colour each.

    `guessing` is the loss of guessing, for a line across the plot. `marks` are by column, and
    `cursor` is the x of a vertical line behind the curves. `ticks` are those of the x-axis where
    they are not those of a run.
    """
    width, height = size
    rows = height - (2 if height >= ROWS_WITH_LINE else 1)
    least_top = guessing if goal is None else goal
    axis = build_y_axis(kind, series, preferences, rows, least_top)
    grid = Grid(window.columns, rows, ascii=preferences.ascii)
    scale = value_scale(kind, preferences.log_scale)
    ends = [_draw(each, grid, window, axis, scale) for each in series]
    for each, end in zip(series, ends, strict=True):
        if end and each.sign and 0 <= end[1] < rows:
            grid.write(*end, each.sign, each.tag)
    for each in series:
        if each.apart:
            _write_signs(each, grid, window, axis, scale)
    for each, end in zip(series, ends, strict=True):
        if end and each.label:
            _write_label(grid, *end, each)
    if preferences.zoom == 1:
        _write_beginning(grid, series, axis, scale, kind)
    _write_marks(grid, marks or {})
    if cursor is not None:
        _draw_vertical(grid, window.column(cursor), "│")
    for name, level in ((GUESSING, guessing), (GOAL, goal)):
        if level is not None:
            _draw_level(grid, axis.dot(scale(level), 1), name)
    margin = width - window.columns - 1
    labels = dict(axis.ticks)
    lines = []
    for row, line in zip(range(rows - 1, -1, -1), grid.lines(), strict=True):
        label = fit_label(labels.get(row, ""), margin)
        lines.append([(label + ("┤" if row in labels else "│"), AXIS), *line])
    ticks = ticks or x_ticks(preferences.x_axis, window)
    return [*lines, *_x_axis_lines(ticks, window, margin, with_line=height > rows + 1)]


def _draw(
    series: Series, grid: Grid, window: Window, axis: YAxis, scale: Callable[[float], float]
) -> tuple[int, int] | None:
    """Draw a series and return the cell (column, row) of its newest point, or the one at the top
    where it has left the axis."""
    dots = _dots(series, grid, window, axis, scale)
    if not dots:
        return None
    if series.line:
        grid.draw_line(dots, series.tag, series.ink, series.dash)
    else:
        grid.draw_dots(dots, series.tag, series.ink)
    x, y = dots[-1]
    row = y // grid.up
    return x // grid.across, row if series.most == math.inf else min(row, grid.rows - 1)


def _dots(
    series: Series, grid: Grid, window: Window, axis: YAxis, scale: Callable[[float], float]
) -> list[tuple[int, int]]:
    per = (window.columns - 1) / (window.high - window.low)
    return [
        (
            math.floor(((x - window.low) * per + 0.5) * grid.across),
            axis.dot(scale(value), grid.up),
        )
        for x, value in series.points
        if math.isfinite(value)
    ]


def _write_signs(
    series: Series, grid: Grid, window: Window, axis: YAxis, scale: Callable[[float], float]
) -> None:
    """Write a line's sign on it, every so many columns, so that it is known where lines cross."""
    column = series.tag * SIGN_SHIFT % series.apart
    dots = _dots(series, grid, window, axis, scale)
    last = dots[-1][0] - 2 * SIGN_SHIFT if dots else 0  # not beside the one at the end
    for (left, start), (right, end) in pairwise(dots):
        while column * grid.across <= last and column * grid.across <= right:
            at = (column * grid.across - left) / max(1, right - left)
            if at >= 0 and start + at * (end - start) < grid.rows * grid.up:
                grid.write(
                    column, round(start + at * (end - start)) // grid.up, series.sign, series.tag
                )
            column += series.apart


def _write_label(grid: Grid, column: int, row: int, series: Series) -> None:
    """Write the name of a line where it ends: to the right, or else above or below it. Beside the
    line's sign the name alone is enough."""
    label, right = series.label, column + 2
    left = max(0, min(column, grid.columns - 1) - len(label) + 1)
    places = [(right + 1, row)]
    for away in (1, -1, 2, -2, 3, -3):
        places += [(left, row + away), (right, row + away)]
    if grid.is_blank(column + 1, row, 1 + len(label)):
        beside = label.removeprefix(f"{series.sign} ") if series.sign else label
        grid.write(right, row, beside, series.tag)
        return
    for x, y in places:
        if grid.is_blank(x, y, len(label)):
            grid.write(x, y, label, series.tag)
            return


def _write_beginning(
    grid: Grid, series: Sequence[Series], axis: YAxis, scale: Callable[[float], float], kind: str
) -> None:
    """Where a curve enters from above the plot, write the value at which it begins."""
    for each in series:
        if each.tag in OVERLAY or each.tag in (RAW, TEST) or not each.points:
            continue
        value = each.points[0][1]
        if math.isfinite(value) and axis.dot(scale(value), 1) >= grid.rows:
            text = f"↑ from {CHART_KINDS[kind].text(value)}"
            column = next(
                (x for x in range(1, grid.columns // 2) if grid.is_blank(x, grid.rows - 1, 8)), None
            )
            if column is not None:
                grid.write(column + 1, grid.rows - 1, text, AXIS)


def _write_marks(grid: Grid, marks: Mapping[int, Mark]) -> None:
    """Write the marks into the top row, the newest of each kind with its meaning."""
    newest = {mark.kind: column for column, mark in sorted(marks.items())}
    for column, mark in marks.items():
        grid.write(column, grid.rows - 1, MARKS[mark.kind], MARK)
        if mark.kind == "branch":
            _draw_vertical(grid, column, "┊")
    for kind, column in newest.items():
        word = f" {MARK_WORDS[kind]}"
        if grid.is_blank(column + 1, grid.rows - 1, len(word)):
            grid.write(column + 1, grid.rows - 1, word, MARK)


def _draw_vertical(grid: Grid, column: int, sign: str) -> None:
    for row in range(grid.rows):
        grid.write_behind(column, row, sign, MARK)


def _draw_level(grid: Grid, row: int, name: str) -> None:
    """Draw a faint line across the plot, with its name at the right."""
    name = f" {name}"
    place = grid.columns - len(name)
    if grid.is_blank(place, row, len(name)):
        grid.write(place, row, name, AXIS)
    for column in range(grid.columns):
        grid.write_behind(column, row, "╌", AXIS)


def _x_axis_lines(ticks: Ticks, window: Window, margin: int, *, with_line: bool) -> list[list[Run]]:
    """Return the axis below the plot and its labels."""
    line = ["─"] * window.columns
    labels = [" "] * (margin + 1 + window.columns)
    # The last label names the axis, so it comes before those that overlap it.
    for at, text in reversed(list(zip(*ticks, strict=True))):
        column = window.column(at)
        line[column] = "┬"
        number = text.rpartition(" ")[2]
        start = margin + 1 + column - len(number) // 2 - (len(text) - len(number))
        start = max(0, min(start, len(labels) - len(text)))
        if not "".join(labels[max(0, start - 1) : start + len(text) + 1]).strip():
            labels[start : start + len(text)] = text
    below: list[list[Run]] = [[(" " * margin + "└" + "".join(line), AXIS)]] if with_line else []
    return [*below, [("".join(labels), AXIS)]]
