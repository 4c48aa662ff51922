"""How the answer has changed since the drawing was begun: a small chart of the leading classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.reactive import var

from core.digit import Digit
from tui.charts.sparkline import LEVELS
from tui.preferences import Preferences
from tui.state.drawing_answers import DrawingAnswers
from tui.terminal.textual_private import set_border_titles
from tui.text.formats import class_label, fit_cells, truncate, widest_label
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.drawing.pace import Pace

MOST_CLASSES = 5  # that have a line
HIGHEST = 4  # rows of a line
LONGEST_LABEL = 12
PERCENT_WIDTH = 5
TITLE = "answers while drawing"
STRIP_SECONDS = 0.3  # between two drawings of it


class HistoryStrip(Canvas):
    """A line for each of the leading classes, its name and probability at the right end."""

    PICTURE = True
    COMPONENT_CLASSES = {"history--first", "history--other"}

    preferences: var[Preferences] = var(Preferences, init=False)
    drawing: var[DrawingAnswers] = var(DrawingAnswers, init=False)

    watch_drawing = Canvas.redraw

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self._pace = Pace(STRIP_SECONDS, self.draw)
        self._drawn_state: DrawingAnswers | None = None

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.temperature != after.temperature:
            self.draw()

    def draw(self) -> None:
        set_border_titles(self, Content(truncate(TITLE, self.size.width - 4)), Content(""))
        if self.drawing.answer is None or not self.drawing.latest:
            self._drawn_state = None
            self.paint([])
            return
        # Only new answers are put off; another size or temperature shows at once.
        if self._drawn_state is not self.drawing and (
            self._pace.is_due() or self._drawn_state is None
        ):
            self._drawn_state = self.drawing
        state = self._drawn_state or self.drawing
        answer = state.answer or self.drawing.answer
        # A digit for each of the answers: of the same classes, and so comparable.
        of_now = replace(answer.prepared, logits=state.latest[-1])
        shares = [
            replace(of_now, logits=logits).probabilities(self.preferences.temperature)
            for logits in state.latest
        ]
        styles = self.parts["first"], self.parts["other"]
        self.paint(draw_history(of_now, shares, *self.size, styles))


def draw_history(
    of_now: Digit,
    shares: Sequence[Sequence[float]],
    width: int,
    height: int,
    styles: tuple[Style, Style],
) -> list[StyledLine]:
    """Return the lines of the chart. `shares` are the probabilities of each answer, oldest first,
    and `styles` those of the most probable class and of the others."""
    last = shares[-1]
    count = min(MOST_CLASSES, height, len(last))
    leading = sorted(range(len(last)), key=lambda number: -last[number])[:count]
    rows = min(HIGHEST, height // count) if count else 0
    label = widest_label((of_now.name_of(number) for number in leading), LONGEST_LABEL)
    columns = max(1, width - label - PERCENT_WIDTH - 1)
    lines: list[StyledLine] = []
    for number, style in zip(leading, [styles[0], *[styles[1]] * count], strict=False):
        curve = _curve([each[number] for each in shares], columns, rows)
        name = fit_cells(class_label(of_now.name_of(number), label), label)
        text = f" {name}{last[number]:{PERCENT_WIDTH}.0%}"
        lines += [[Segment(row, style)] for row in curve[:-1]]
        lines.append([Segment(curve[-1] + text, style)])
    return lines


def _curve(values: Sequence[float], columns: int, rows: int) -> list[str]:
    """Return values of 0 to 1 as `rows` lines of `columns` characters, the top one first. Where
    there are more values than columns, each column is the mean of its part."""
    edges = [place * len(values) // columns for place in range(columns + 1)]
    parts = [values[start : max(end, start + 1)] for start, end in pairwise(edges)]
    means = [sum(part) / len(part) for part in parts]
    steps = len(LEVELS)
    levels = [min(rows * steps, max(1, round(mean * rows * steps))) for mean in means]
    return [
        "".join(
            " " if level <= below else LEVELS[min(steps, level - below) - 1] for level in levels
        )
        for below in range((rows - 1) * steps, -1, -steps)
    ]
