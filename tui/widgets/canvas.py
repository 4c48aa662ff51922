"""A widget made of styled lines, which redraws only the cells that have changed."""

import textwrap
from collections.abc import Callable, Iterable
from functools import partial, wraps
from itertools import zip_longest
from typing import Any, ClassVar, Protocol, runtime_checkable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from core.errors import first_line

StyledLine = list[Segment]

# If more than this share of the cells has changed, all of them are drawn again.
MOST_CHANGED = 0.75
# Fewer equal cells than these between two changes are drawn again too: moving the cursor past them
# takes as many bytes.
LEAST_EQUAL = 6


@runtime_checkable
class Draggable(Protocol):
    """A widget that follows the mouse while it has captured it."""

    def drag(self, x: float, y: float, button: int) -> None:
        """Follow the mouse to a cell of the widget, fractions included; `button` is 0 if none is
        down."""


class Canvas(Widget):
    """Shows the lines last passed to `paint`.

    A subclass passes them in `draw`, which does nothing while the widget has no width, and is
    called again when the size or the theme changes. If it raises, the error is shown in place of
    the lines until the next draw.
    """

    PICTURE: ClassVar[bool] = False  # whether a slow connection gets text before it

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if draw := vars(cls).get("draw"):
            setattr(cls, "draw", through_attempt(draw))  # noqa: B010, mypy knows no other way

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: list[StyledLine] = []
        self._parts: dict[str, Style] = {}  # for the current theme, as is the next
        self._base: Style | None = None

    def draw(self) -> None:
        """Paint the current values; a subclass overrides it."""

    def attempt(self, name: str, act: Callable[[], object]) -> None:
        """Call `act`. If it raises, show the error in place of this widget."""
        try:
            if self.size.width:
                act()
        except Exception as error:  # the rest of the screen keeps working
            lines = textwrap.wrap(draw_error_text(error), max(10, self.size.width))
            self.paint([[Segment(line)] for line in lines])

    def redraw(self) -> None:
        """Draw; subclasses have it as the watcher of the values that they show."""
        self.draw()

    on_resize = redraw

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None
        if self.is_running:
            # Textual notifies before it updates the styles of component classes.
            self.call_next(self._draw_anew)

    def _draw_anew(self) -> None:
        self._parts.clear()
        self._base = None
        self.draw()

    @property
    def pictures(self) -> list[Region]:
        """The parts of the screen that a slow connection gets after all text."""
        return [self.region] if self.PICTURE and self.is_on_screen else []

    @property
    def first_cells(self) -> list[Region]:
        """The parts of the screen that a slow connection gets before all else."""
        return []

    def paint(self, lines: list[StyledLine]) -> None:
        """Show these lines; only the cells that differ from the lines before are drawn again."""
        old, self._drawn = self._drawn, lines
        changed = [
            Region(start, row, end - start, 1)
            for row, (before, after) in enumerate(zip_longest(old, lines, fillvalue=()))
            if before != after
            for start, end in _differences(list(before), list(after))
        ]
        if sum(region.width for region in changed) > MOST_CHANGED * self.size.area:
            self.refresh()  # quicker than many regions
        elif changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        self._base = base = self._base or self.rich_style
        width = self.size.width
        line = self._drawn[y] if y < len(self._drawn) else []
        # Neighbours of one style become one segment: each sends some 40 bytes.
        return Strip(line).simplify().adjust_cell_length(width).apply_style(base)

    @property
    def parts(self) -> dict[str, Style]:
        """The styles of the component classes, each by the end of its name ("--text": "text")."""
        if not self._parts:
            for name in self.COMPONENT_CLASSES:
                styles = self.get_component_styles(name)
                has_own = styles.has_rule("background")
                ground = styles.background if has_own else self.background_colors[1]
                style = Style(
                    color=(ground + styles.color).rich_color,
                    bgcolor=ground.rich_color if has_own else None,
                )
                style += styles.text_style
                self._parts[name.partition("--")[2]] = style
        return self._parts


def through_attempt(method: Callable[..., object]) -> Callable[..., None]:
    """Return a method that calls `method` through its object's `attempt(name, call)`."""

    @wraps(method)
    def guarded(self: Any, *arguments: object) -> None:
        self.attempt(method.__name__, partial(method, self, *arguments))

    return guarded


def draw_error_text(error: Exception) -> str:
    return f"✗ This part could not be drawn: {type(error).__name__}: {first_line(error)}"


def pad_line(line: StyledLine, width: int) -> StyledLine:
    """Return the line with spaces up to `width` cells, in the style of its last segment.

    So the terminal gets them in one piece with it, unless that has a background: the edge of an
    image in greys.
    """
    used = sum(segment.cell_length for segment in line)
    style = line[-1].style if line else None
    return [*line, Segment(" " * (width - used), None if style and style.bgcolor else style)]


def center_text(text: str, size: Size, style: Style) -> list[StyledLine]:
    """Return the text, wrapped, as lines in the middle of an area."""
    lines = textwrap.wrap(text, max(10, size.width))
    above: list[StyledLine] = [[]] * max(0, (size.height - len(lines) + 1) // 2)
    return [*above, *([Segment(line.center(size.width), style)] for line in lines)]


def place_side_by_side(blocks: Iterable[list[StyledLine]], width: int) -> list[StyledLine]:
    """Return blocks of lines beside one another, each `width` cells wide; short ones end early."""
    return [
        [segment for line in level for segment in pad_line(line, width)]
        for level in zip_longest(*blocks, fillvalue=[])
    ]


def _differences(before: StyledLine, after: StyledLine) -> list[tuple[int, int]]:
    """Return the pieces, first cell and past the last, in which two lines differ."""
    old, new = _cells(before), _cells(after)
    if not (_is_plain(before) and _is_plain(after)):
        return [(0, 2 * max(len(old), len(new)))]
    pieces: list[tuple[int, int]] = []
    for place, (one, two) in enumerate(zip_longest(old, new, fillvalue=(" ", None))):
        if one == two:
            continue
        if pieces and place - pieces[-1][1] < LEAST_EQUAL:
            pieces[-1] = pieces[-1][0], place + 1
        else:
            pieces.append((place, place + 1))
    return pieces


def _cells(line: StyledLine) -> list[tuple[str, Style | None]]:
    """Return each character with its style."""
    return [(character, style) for text, style, _ in line for character in text]


def _is_plain(line: StyledLine) -> bool:
    """Return whether each character is one cell wide; those of file names may not be."""
    return all(cell_len(text) == len(text) for text, _, _ in line)
