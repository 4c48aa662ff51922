"""The first layer's weights as images, one for each unit or kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import WeightImages
from tui.widgets.canvas import Canvas, StyledLine

if TYPE_CHECKING:
    import numpy

    Levels = numpy.ndarray[tuple[int, int], numpy.dtype[numpy.uint8]]

# From the most negative to the most positive weight. Its lightness rises all the way, so that it
# reads without colours too; blue and yellow differ for all kinds of colour vision. Few steps, since
# each change of colour sends 40 bytes.
PALETTE = (
    *("#06204f", "#124a94", "#3f73b5", "#7187a3"),
    "#8a8a8a",
    *("#b59a78", "#dfae66", "#f7c667", "#ffe6a8"),
)
SCALES = (6, 5, 4, 3, 2, 1)  # columns, and half lines, for one weight
LARGE = 20  # images of that many pixels a side can be halved, others must not be smaller than 2
GAP = 2


@dataclass(frozen=True)
class GridLayout:
    """The layout of images: the size of one in cells, and how many fit across and down."""

    scale: float
    width: int
    height: int
    columns: int
    rows: int

    @property
    def capacity(self) -> int:
        return self.columns * self.rows


def fit_grid(images: WeightImages, width: int, height: int) -> GridLayout:
    """Return the largest scale at which all images fit, else the smallest that is readable."""
    large = min(images.width, images.height) >= LARGE
    even = images.width % 2 == images.height % 2 == 0
    least = (0.5 if even else 1) if large else 2
    for scale in [*(each for each in SCALES if each > least), least]:
        columns, lines = round(images.width * scale), round(images.height * scale + 1) // 2
        across, down = max(1, (width + GAP) // (columns + GAP)), max(1, height // (lines + 1))
        found = GridLayout(scale, columns, lines, across, down)
        if found.capacity >= len(images.images) and columns <= width:
            break
    return found


@lru_cache(maxsize=512)
def _style(upper: int, lower: int, background: str) -> Style:
    under = background if lower >= len(PALETTE) else PALETTE[lower]
    return Style(color=PALETTE[upper], bgcolor=under)


def palette_indices(image: bytes, images: WeightImages, scale: float) -> Levels:
    """Return the image at that scale as places in PALETTE, shape (rows, columns)."""
    import numpy

    values = numpy.frombuffer(image, dtype=numpy.uint8).reshape(images.height, images.width)
    signed = (values.astype(numpy.float32) - 128) / 127
    if scale < 1:
        signed = signed.reshape(images.height // 2, 2, images.width // 2, 2).mean((1, 3))
    else:
        signed = signed.repeat(int(scale), 0).repeat(int(scale), 1)
    middle = len(PALETTE) // 2
    return numpy.rint(signed * middle + middle).astype(numpy.uint8)


def half_block_lines(places: Levels, background: str) -> list[StyledLine]:
    """Return lines of half blocks: a character shows two weights, one above the other."""
    found = places.tolist()
    if len(found) % 2:
        found.append([len(PALETTE)] * len(found[0]))  # the background
    return [
        [
            Segment("▀" * len(list(run)), _style(*pair, background))
            for pair, run in groupby(zip(upper, lower, strict=True))
        ]
        for upper, lower in zip(found[::2], found[1::2], strict=True)
    ]


class WeightGrid(Canvas):
    """As many images as fit, page by page, under a legend of the colours."""

    PICTURE = True
    COMPONENT_CLASSES = {"weights--quiet"}

    images: var[WeightImages | None] = var(None, init=False)
    first: var[int] = var(0, init=False)

    def watch_images(self, before: WeightImages | None, after: WeightImages | None) -> None:
        if after and self.first >= len(after.images):
            self.first = 0  # another network has fewer
        self.draw()

    watch_first = Canvas.redraw

    def _grid(self, images: WeightImages) -> GridLayout:
        return fit_grid(images, self.size.width - 2, self.size.height - 2)

    def turn(self, pages: int) -> None:
        """Turn that many pages, backwards if negative."""
        if self.images and self.size:
            capacity = self._grid(self.images).capacity
            last = (len(self.images.images) - 1) // capacity * capacity
            self.first = max(0, min(self.first + pages * capacity, last))

    def draw(self) -> None:
        quiet, images = self.parts["quiet"], self.images
        if images is None:
            self.paint([[Segment(" The first layer's weights are shown here as images.", quiet)]])
            return
        laid = self._grid(images)
        first = self.first // laid.capacity * laid.capacity
        shown = images.images[first : first + laid.capacity]
        lines = self._legend(images, first, len(shown))
        background = self.background_colors[1].hex6
        for start in range(0, len(shown), laid.columns):
            row = shown[start : start + laid.columns]
            drawn = [
                half_block_lines(palette_indices(image, images, laid.scale), background)
                for image in row
            ]
            for parts in zip(*drawn, strict=True):
                beside = (segment for part in parts for segment in (*part, Segment(" " * GAP)))
                lines.append([Segment(" "), *beside])
            numbers = (f"{first + start + place:<{laid.width + GAP}}" for place in range(len(row)))
            lines.append([Segment(f" {''.join(numbers)}", quiet)])
        self.paint(lines)

    def _legend(self, images: WeightImages, first: int, shown: int) -> list[StyledLine]:
        quiet, ends, have = self.parts["quiet"], f"{images.largest:.2g}", len(images.images)
        of = f"the first {have} of " * (have < images.count) + f"{images.count:,}"
        title = f" weights of {images.name}: {first}–{first + shown - 1} of {of}"
        scale = [Segment("█", Style(color=colour)) for colour in PALETTE]
        meaning = f" +{ends}  blue negative, yellow positive"
        return [
            [Segment(title, quiet)],
            [Segment(f" −{ends} ", quiet), *scale, Segment(meaning, quiet)],
        ]
