"""How large cards of digits are: as large as their area and the number wanted allow. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal

Bars = Literal["none", "below", "beside"]

# Width and height of an image in cells. The first shows each of its 28×28 pixels.
LARGE = (28, 14)
IMAGES = (LARGE, (20, 10), (18, 9), (16, 8), (14, 7))
BRAILLE_IMAGES = ((14, 7),)  # with a dot for each pixel
BORDER = 2
LEAST_WIDTH = 20  # of a card, for its title
MOST_PROBABLE = 3  # how many bars there are, unless all classes are shown
BAR_WIDTH, SLIM_BAR_WIDTH = 10, 9  # of a class's number, bar and percentage; of two side by side
LABEL_WIDTH = 6  # columns that the longest name of a class gets, if it is as long
# A row has at least this many digits where smaller cards allow it; so has a view of large cards.
WANTED, WANTED_WITH_ALL, WANTED_LARGE = 4, 3, 2


@dataclass(frozen=True)
class CardLayout:
    """The size of each card in cells with its border, and how many are side by side and below."""

    width: int
    height: int
    columns: int
    rows: int
    image: tuple[int, int]
    bars: Bars = "none"
    bar_columns: int = 1
    most_bars: int = 0  # the most probable classes that have one; 0: all that are wanted

    @property
    def capacity(self) -> int:
        return self.columns * self.rows

    @property
    def gap(self) -> int:
        """Columns between the image and bars beside it; a large image has a blank margin."""
        return 0 if self.image == LARGE else 1


@lru_cache(maxsize=64)
def arrange_cards(
    width: int,
    height: int,
    classes: int,
    label: int = 1,
    *,
    style: str,
    all_classes: bool,
    is_large: bool,
) -> CardLayout:
    """Return the layout of cards in an area of width × height cells.

    `label` is the width of the longest name of a class, and `style` as in draw_digit. Without
    `is_large`, several small cards are preferred to the bars. Where all classes are wanted and do
    not fit, as many of them as fit have a bar.
    """
    count = classes if all_classes else min(MOST_PROBABLE, classes)
    wider = min(label, LABEL_WIDTH) - 1
    needs_bars = is_large or all_classes
    wanted = WANTED_LARGE if is_large else WANTED_WITH_ALL if all_classes else WANTED

    def score(layout: CardLayout) -> tuple[int, ...]:
        has_bars = layout.bars != "none"
        enough = min(wanted, layout.capacity)
        return needs_bars and has_bars, enough, layout.image[0], has_bars, layout.capacity

    images = BRAILLE_IMAGES if style == "braille" else IMAGES
    placed: list[tuple[Bars, int]] = [("none", 1), ("below", 1), ("beside", 1)]
    if all_classes:
        placed += [("below", 2), ("beside", 2)]
    best = CardLayout(max(1, min(width, LEAST_WIDTH)), 9, 1, 1, images[-1])  # cut off
    fewer = range(min(count - 1, 2 * height), MOST_PROBABLE - 1, -1) if all_classes else ()
    for lines in (count, *fewer):
        found = [
            layout
            for image, (bars, bar_columns) in product(images, placed)
            if (layout := _fit(image, bars, bar_columns, lines, wider, width, height))
        ]
        best = max(found, key=score, default=best)
        if best.bars != "none":
            return best if lines == count else replace(best, most_bars=lines)
    return best


def _fit(
    image: tuple[int, int],
    bars: Bars,
    bar_columns: int,
    count: int,
    wider: int,
    width: int,
    height: int,
) -> CardLayout | None:
    """Return a layout whose cards share the area evenly; None where not one fits. Bars are `wider`
    than those of classes with a name of one column."""
    lines = -(-count // bar_columns)
    broad, high = image
    if bars == "below":
        if broad < bar_columns * (SLIM_BAR_WIDTH + wider):
            return None
        high += lines
    elif bars == "beside":
        gap = 0 if image == LARGE else 1
        one = (BAR_WIDTH if bar_columns == 1 else SLIM_BAR_WIDTH) + wider
        broad, high = broad + gap + bar_columns * (one + 1) - 1, max(high, lines)
    columns = width // max(LEAST_WIDTH, broad + BORDER)
    rows = height // (high + BORDER)
    if not columns or not rows:
        return None
    return CardLayout(width // columns, height // rows, columns, rows, image, bars, bar_columns)
