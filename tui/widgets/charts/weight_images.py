"""The first layer's weights as images: what each unit, or each kernel, looks for."""

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

# From the most negative to the most positive weight. It grows lighter all the way, so that it can
# be read without its colours, and blue and orange are told apart by those who see few. So few
# steps, since each change of colour costs the terminal 40 bytes.
PALETTE = (
    *("#06204f", "#124a94", "#3f73b5", "#7187a3"),
    "#8a8a8a",
    *("#b59a78", "#dfae66", "#f7c667", "#ffe6a8"),
)
SCALES = (6, 5, 4, 3, 2, 1)  # columns, and half rows, of one weight
LARGE = 20  # images of that many pixels a side can be halved, others must not be smaller than 2
GAP = 2


@dataclass(frozen=True)
class GridLayout:
    """How images of so many columns and lines, their numbers under them, are laid out."""

    scale: float
    width: int
    height: int
    columns: int
    rows: int

    @property
    def capacity(self) -> int:
        return self.columns * self.rows


def fit_grid(images: WeightImages, width: int, height: int) -> GridLayout:
    """The largest scale at which all images fit; else the smallest at which one sees something."""
    large = min(images.width, images.height) >= LARGE
    even = images.width % 2 == images.height % 2 == 0
    least = (0.5 if even else 1) if large else 2
    for scale in [*(each for each in SCALES if each > least), least]:
        columns, lines = round(images.width * scale), round(images.height * scale + 1) // 2
        found = GridLayout(
            scale,
            columns,
            lines,
            max(1, (width + GAP) // (columns + GAP)),
            max(1, height // (lines + 1)),
        )
        if found.capacity >= len(images.images) and columns <= width:
            break
    return found


@lru_cache(maxsize=512)
def _style(upper: int, lower: int, background: str) -> Style:
    under = background if lower >= len(PALETTE) else PALETTE[lower]
    return Style(color=PALETTE[upper], bgcolor=under)


def palette_indices(image: bytes, images: WeightImages, scale: float) -> Levels:
    """The image at that scale, as places in PALETTE."""
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
    """In half blocks: a character is two weights, one over the other."""
    found = places.tolist()
    if len(found) % 2:
        found.append([len(PALETTE)] * len(found[0]))  # nothing
    return [
        [
            Segment("▀" * len(list(run)), _style(*pair, background))
            for pair, run in groupby(zip(upper, lower, strict=True))
        ]
        for upper, lower in zip(found[::2], found[1::2], strict=True)
    ]


class WeightGrid(Canvas):
    """As many of the images as there is room for, from the first of the page on; over them what
    the colours mean."""

    PICTURE = True
    COMPONENT_CLASSES = {"weights--quiet"}

    images: var[WeightImages | None] = var(None, init=False)
    first: var[int] = var(0, init=False)

    def watch_images(self, before: WeightImages | None, after: WeightImages | None) -> None:
        if after and self.first >= len(after.images):
            self.first = 0  # of another network
        self.draw()

    def watch_first(self) -> None:
        self.draw()

    def _grid(self, images: WeightImages) -> GridLayout:
        return fit_grid(images, self.size.width - 2, self.size.height - 2)

    def turn(self, pages: int) -> None:
        """To the next page, or that many on or back."""
        if self.images and self.size:
            capacity = self._grid(self.images).capacity
            last = (len(self.images.images) - 1) // capacity * capacity
            self.first = max(0, min(self.first + pages * capacity, last))

    def draw(self) -> None:
        if not self.size:
            return
        quiet = self.part("weights--quiet")
        images = self.images
        if images is None:
            self.paint([[Segment(" the first layer's weights stand here as images", quiet)]])
            return
        laid = self._grid(images)
        first = self.first // laid.capacity * laid.capacity
        shown = images.images[first : first + laid.capacity]
        lines = [*self._legend(images, first, len(shown), quiet)]
        background = self.background_colors[1].hex6
        for start in range(0, len(shown), laid.columns):
            row = shown[start : start + laid.columns]
            drawn = [
                half_block_lines(palette_indices(image, images, laid.scale), background)
                for image in row
            ]
            for parts in zip(*drawn, strict=True):
                lines.append([Segment(" "), *_joined(parts)])
            numbers = (
                f"{first + start + place}".ljust(laid.width + GAP) for place in range(len(row))
            )
            lines.append([Segment(f" {''.join(numbers)}", quiet)])
        self.paint(lines)

    def _legend(
        self, images: WeightImages, first: int, shown: int, quiet: Style
    ) -> list[StyledLine]:
        of = (
            f"{images.count:,}"
            if images.count == len(images.images)
            else (f"the first {len(images.images)} of {images.count:,}")
        )
        said = f" weights of {images.name}: {first}–{first + shown - 1} of {of}"
        ends = f"{images.largest:.2g}"
        scale = [Segment("█", Style(color=colour)) for colour in PALETTE]
        return [
            [Segment(said, quiet)],
            [
                Segment(f" −{ends} ", quiet),
                *scale,
                Segment(f" +{ends}  dark is −, light is +", quiet),
            ],
        ]


def _joined(parts: tuple[StyledLine, ...]) -> StyledLine:
    line: StyledLine = []
    for part in parts:
        line += [*part, Segment(" " * GAP)]
    return line
