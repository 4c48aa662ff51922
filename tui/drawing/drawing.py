"""A drawing of 28×28 pixels that grows by strokes, each of which can be undone."""

from __future__ import annotations

from collections import deque
from math import floor

from tui.drawing.pen import MEDIUM, SIDE, WIDTHS, Point, Width, draw_segment

BLANK = bytes(SIDE * SIDE)
MOST_UNDONE = 100  # changes that can be undone: their images take 78 KB
FAINT = 64  # less ink than this everywhere is an empty drawing: what an eraser may leave
MARGIN = 8.0  # how far outside of the image the pen is followed, in pixels


class Drawing:
    """The image, the pen over it, and the images before each change.

    A change is a stroke from `press` to `lift`, a `clear` or a `load`. Positions are in pixels of
    the image, fractions included; those outside are followed up to MARGIN, and draw nothing.
    """

    def __init__(self) -> None:
        self.pen: Point = (SIDE / 2 + 0.5, SIDE / 2 + 0.5)
        self.width: Width = WIDTHS[MEDIUM]
        self._pixels = bytearray(BLANK)
        self._done: deque[bytes] = deque(maxlen=MOST_UNDONE)  # the images before each change
        self._undone: list[bytes] = []  # the images after each change that was undone
        self._before: bytes | None = None  # the image before the stroke that is being drawn
        self._erases = False

    @property
    def pixels(self) -> bytes:
        """The image row by row, 0 paper and 255 ink."""
        return bytes(self._pixels)

    @property
    def is_empty(self) -> bool:
        return is_blank(self._pixels)

    @property
    def is_drawing(self) -> bool:
        """Whether the pen, or the eraser, is down."""
        return self._before is not None

    @property
    def is_erasing(self) -> bool:
        return self.is_drawing and self._erases

    # Strokes

    def press(self, at: Point | None = None, *, erase: bool = False) -> None:
        """Put the pen or the eraser down, at its own position or at another."""
        self.lift()
        self._before, self._erases = self.pixels, erase
        self.pen = _near(at or self.pen)
        self._draw_to(self.pen)

    def move(self, to: Point) -> None:
        """Move the pen; if it is down, this draws a straight line."""
        start, self.pen = self.pen, _near(to)
        if self.is_drawing:
            self._draw_to(start)

    def step(self, columns: int, rows: int) -> None:
        """Move the pen by whole pixels, to the middle of one inside the image."""
        x, y = (
            _inside(_inside(floor(place)) + by) + 0.5
            for place, by in zip(self.pen, (columns, rows), strict=True)
        )
        self.move((x, y))

    def lift(self) -> None:
        """End the stroke. One that has changed nothing is forgotten."""
        before, self._before = self._before, None
        if before is not None:
            self._record(before)

    def _draw_to(self, start: Point) -> None:
        draw_segment(self._pixels, start, self.pen, self.width.pixels, erase=self._erases)

    def next_width(self) -> None:
        """Give the pen the next width; after the widest, the thinnest. It ends a stroke."""
        self.lift()
        self.width = WIDTHS[(WIDTHS.index(self.width) + 1) % len(WIDTHS)]

    # The whole image

    def clear(self) -> None:
        self.load(BLANK)

    def load(self, pixels: bytes) -> None:
        """Show another image in place of this one.

        Raises ValueError unless it has SIDE×SIDE bytes.
        """
        if len(pixels) != SIDE * SIDE:
            raise ValueError(f"an image has {SIDE * SIDE} pixels, and this one {len(pixels)}")
        self.lift()
        before, self._pixels = self.pixels, bytearray(pixels)
        self._record(before)

    def undo(self) -> bool:
        """Take the last change back, and return whether there was one."""
        self.lift()
        if not self._done:
            return False
        self._undone.append(self.pixels)
        self._pixels = bytearray(self._done.pop())
        return True

    def redo(self) -> bool:
        """Make the change that was undone last again, and return whether there was one."""
        self.lift()
        if not self._undone:
            return False
        self._done.append(self.pixels)
        self._pixels = bytearray(self._undone.pop())
        return True

    def _record(self, before: bytes) -> None:
        if before != self._pixels:
            self._done.append(before)
            self._undone.clear()


def _inside(pixel: int) -> int:
    return min(SIDE - 1, max(0, pixel))


def is_blank(pixels: bytes | bytearray) -> bool:
    """Return whether an image has no ink but what an eraser has left."""
    return max(pixels) < FAINT


def _near(at: Point) -> Point:
    x, y = (min(SIDE + MARGIN, max(-MARGIN, place)) for place in at)
    return x, y
