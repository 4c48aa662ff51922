"""The map: test images as the signs of their classes, near those that the network finds alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.responses.explanations import MapExplained
from tui.text.themes import SHAPE_CONTRAST, lifted
from tui.widgets.canvas import Canvas, StyledLine, center_text
from tui.widgets.explain.map_grid import (
    Bounds,
    MapPoint,
    Spot,
    class_signs,
    find_spot,
    follow_bounds,
    map_points,
    most_frequent,
    next_spot,
    place_points,
)

# Of classes, in their order; more than ten take them in turns. Those from sky blue to blue are
# Okabe and Ito's, as in tui/text/themes.py. The signs tell classes apart without colours.
CLASS_COLOURS = (
    *("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#0072B2"),
    *("#9A7BE8", "#8FD14F", "#B2B2B2"),
)
ANSI_COLOURS = ("cyan", "yellow", "green", "blue", "red", "magenta")
MISTAKE, ASKED, OWN = "✗", "◆", "★"
# Where fewer of the images are predicted correctly, mistakes are not marked: nearly all are.
MARKED_FROM = 0.7
CROWD = 4  # images in a cell from which on its sign is bold


@lru_cache(maxsize=16)
def _readable(ground: str) -> tuple[Style, ...]:
    return tuple(Style(color=lifted(each, (ground,), SHAPE_CONTRAST)) for each in CLASS_COLOURS)


class MapPlane(Canvas):
    """A grid of cells. The cursor is on an image and moves with it from one map to the next."""

    PICTURE = True
    COMPONENT_CLASSES = {f"map--{name}" for name in ("text", "quiet", "own", "selected")}
    DEFAULT_CSS = """
    MapPlane {
        & > .map--text { color: $foreground; }
        & > .map--quiet { color: $quiet; }
        & > .map--own { color: $focus; text-style: bold; }
        & > .map--selected {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """

    class Moved(Message):
        """The cursor is on another image."""

    answer: var[MapExplained | None] = var(None, init=False)  # a complete one
    # Which images are shown: of a class, the mistakes alone, all.
    only_class: var[int | None] = var(None, init=False)
    only_mistakes: var[bool] = var(False, init=False)
    cursor: var[int | None] = var(None, init=False)  # the place of an image, as in MapPoint
    placeholder: var[str] = var("", init=False)

    watch_only_class = watch_only_mistakes = watch_placeholder = Canvas.redraw

    def __init__(self) -> None:
        super().__init__()
        self._bounds: Bounds | None = None
        self.points: list[MapPoint] = []  # that have a place on the map
        self.signs: list[str] = []  # of the classes

    def watch_answer(self, before: MapExplained | None, answer: MapExplained | None) -> None:
        if answer is None or before is None or before.layer != answer.layer:
            self._bounds = None
        self.points = map_points(answer) if answer else []
        self.signs = class_signs(answer.class_names) if answer else []
        xs, ys = [each.x for each in self.points], [each.y for each in self.points]
        self._bounds = follow_bounds(self._bounds, xs, ys)
        self.draw()

    def watch_cursor(self) -> None:
        self.draw()
        self.post_message(self.Moved())

    # What is shown

    @property
    def shown(self) -> list[MapPoint]:
        return [each for each in self.points if each.is_own or self._is_shown(each)]

    def _is_shown(self, point: MapPoint) -> bool:
        if self.only_mistakes and not point.is_mistake:
            return False
        return self.only_class is None or point.shown_class == self.only_class

    @property
    def marks_mistakes(self) -> bool:
        """Whether mistakes have a sign of their own: not where they are most of what is shown."""
        if self.only_mistakes:
            return False
        test = [each for each in self.points if not each.is_own]
        return sum(not each.is_mistake for each in test) >= MARKED_FROM * len(test)

    def cells(self) -> dict[Spot, list[MapPoint]]:
        """Return the images that are shown, by their cells."""
        if self._bounds is None or not self.size.area:
            return {}
        return place_points(self.shown, self._bounds, self.size.width, self.size.height)

    # The cursor

    def move(self, columns: int, rows: int) -> None:
        """Move the cursor to the next cell in a direction."""
        cells = self.cells()
        at = find_spot(cells, self.cursor)
        if not cells:
            return
        if at is None:  # the first time: the image in the middle
            middle = self.size.width // 2, self.size.height // 2
            spot = min(cells, key=lambda each: _distance(each, middle))
        else:
            spot = next_spot(cells, at, columns, rows)
        if spot != at:
            self.cursor = cells[spot][0].place

    def move_to_end(self, *, last: bool) -> None:
        """Move the cursor to the leftmost or the rightmost cell of its row."""
        cells = self.cells()
        at = find_spot(cells, self.cursor)
        if at is not None:
            row = [spot for spot in cells if spot[1] == at[1]]
            self.cursor = cells[max(row) if last else min(row)][0].place

    def go_to(self, indices: Sequence[int], index: int) -> None:
        """Move the cursor to the shown image whose index is nearest."""
        shown = [each for each in self.shown if not each.is_own]
        if shown:
            self.cursor = min(shown, key=lambda each: abs(indices[each.place] - index)).place

    def step_in_cell(self, by: int) -> None:
        """Move the cursor to another image of the same cell."""
        cells = self.cells()
        at = find_spot(cells, self.cursor)
        if at is None:
            return
        places = [each.place for each in cells[at]]
        self.cursor = places[(places.index(self.cursor or 0) + by) % len(places)]

    def on_click(self, event: Click) -> None:
        offset, cells = event.get_content_offset(self), self.cells()
        if offset is None or not cells:
            return
        spot = min(cells, key=lambda each: _distance(each, (offset.x, offset.y)))
        if spot == find_spot(cells, self.cursor):
            self.step_in_cell(1)
        else:
            self.cursor = cells[spot][0].place

    # Drawing

    def draw(self) -> None:
        if self.answer is None:
            self.paint(center_text(self.placeholder, self.size, self.parts["quiet"]))
            return
        cells, classes = self.cells(), self.class_styles()
        marks, chosen = self.marks_mistakes, find_spot(cells, self.cursor)
        lines: list[StyledLine] = []
        for row in range(self.size.height):
            drawn = [
                self._cell(cells.get((column, row)), (column, row) == chosen, marks, classes)
                for column in range(self.size.width)
            ]
            lines.append(
                [
                    Segment("".join(text for text, _ in run), style)
                    for style, run in groupby(drawn, lambda cell: cell[1])
                ]
            )
        self.paint(lines)

    def _cell(
        self,
        points: list[MapPoint] | None,
        is_chosen: bool,
        marks: bool,
        classes: tuple[Style, ...],
    ) -> tuple[str, Style | None]:
        """Return the sign of a cell and its style."""
        if not points:
            return " ", None
        first, number = points[0], most_frequent(points)
        text, style = self.signs[number], classes[number % len(classes)]
        if first.is_own:
            text = ASKED if first.place == len(self.answer.xs) else OWN  # type: ignore[union-attr]
            style = self.parts["own"]
        elif first.is_mistake and marks:
            text = MISTAKE
            style = classes[first.shown_class % len(classes)] + Style(bold=True)
        elif len(points) >= CROWD:
            style = style + Style(bold=True)
        return text, self.parts["selected"] if is_chosen else style

    def class_styles(self) -> tuple[Style, ...]:
        """Return the styles of the classes, readable on the background."""
        ground = self.background_colors[1]
        if ground.ansi is not None:
            return tuple(Style(color=name) for name in ANSI_COLOURS)
        return _readable(Color(*ground.rgb).hex)


def _distance(spot: Spot, other: Spot) -> float:
    """Return the distance of two cells; a row is as high as two columns are wide."""
    return (spot[0] - other[0]) ** 2 + 4 * (spot[1] - other[1]) ** 2
