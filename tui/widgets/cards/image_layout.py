"""How large the cards of images are drawn: as large as the window and their number allow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap

BORDER = 2  # rows and columns of a card's border, with the name and the prediction in it
LEAST_WIDTH, MOST_WIDTH = 14, 28  # cells of a drawing, which is half as high
FEW, FEW_WIDTH = 4, 56  # the most where there are few images
TRUE_WIDTH = 28  # cells in which each pixel of the network's input is seen
LEAST_BARS = 12  # cells of the bars beside the drawings, with percentages
STACKED_COST = 5  # cells of a drawing's width
ONE_COLUMN = 3  # the most bars below the drawings that are not in two columns
WARNING_ROWS = 3  # rows for the warnings of one of several images, before its drawings grow


@dataclass(frozen=True)
class ImageLayout:
    """The sizes of all cards of a view, in cells.

    `ink` is the width of each of the two drawings. The bars stand beside them, or below where
    `is_stacked`. `warning_rows` are below both; the image with the most warnings needs
    `lacking_rows` more. There is space for `bars` bars.
    """

    ink: int
    is_stacked: bool
    bar_columns: int
    width: int  # of a card with its border
    height: int
    columns: int  # cards beside each other
    rows: int
    warning_rows: int
    lacking_rows: int
    bars: int

    @property
    def capacity(self) -> int:
        return self.columns * self.rows


def arrange(warnings: Sequence[tuple[str, ...]], width: int, height: int, bars: int) -> ImageLayout:
    """Return the layout of cards in an area of width × height cells.

    `warnings` are those of each image, `bars` the bars of each. Two images are shown at once where
    that is possible, and of one alone all warnings; then all drawings have each pixel of the
    network's input, then there are as many images as possible, all of them as large as that allows.
    Where not all bars fit, there are fewer.
    """
    count = max(1, len(warnings))
    most = FEW_WIDTH if count <= FEW else MOST_WIDTH
    wanted = height if count == 1 else WARNING_ROWS

    def score(layout: ImageLayout) -> tuple[int, ...]:
        missing = min(layout.warning_rows + layout.lacking_rows, wanted) - layout.warning_rows
        # All bars in one column are easier to compare.
        legible = layout.ink - STACKED_COST * layout.is_stacked
        shown, lacking = min(count, layout.capacity), -max(0, missing)
        first = lacking if count == 1 else 0
        return min(2, shown), first, min(TRUE_WIDTH, layout.ink), shown, lacking, legible

    while True:
        for kept in (1, 0):
            found = [
                layout
                for ink in range(LEAST_WIDTH, most + 1, 2)
                for is_stacked in (True, False)
                if (layout := _fit(ink, is_stacked, warnings, kept, width, height, bars))
            ]
            if found:
                return max(found, key=score)
        if bars <= ONE_COLUMN:
            size = max(1, width), max(1, height)
            return ImageLayout(LEAST_WIDTH, True, 1, *size, 1, 1, 0, 0, bars)  # cut off
        bars = max(ONE_COLUMN, bars * 3 // 4)


def _fit(
    ink: int,
    is_stacked: bool,
    warnings: Sequence[tuple[str, ...]],
    kept: int,
    width: int,
    height: int,
    bars: int,
) -> ImageLayout | None:
    """Return the layout with drawings of that width and at least `kept` rows for warnings, if there
    are any; None if not even one card fits."""
    drawings, drawn = 2 * ink + 1, ink // 2 + 1  # with the captions
    bar_columns = 2 if is_stacked and bars > ONE_COLUMN else 1
    lines = -(-bars // bar_columns)
    across = drawings if is_stacked else drawings + 1 + LEAST_BARS
    body = BORDER + (drawn + lines if is_stacked else max(drawn, lines))
    columns = width // (across + BORDER)
    if not columns:
        return None
    wide = width // columns
    needed = max((len(wrap_warnings(each, wide - BORDER)) for each in set(warnings)), default=0)
    rows = min(height // (body + min(needed, kept)), -(-max(1, len(warnings)) // columns))
    if not rows:
        return None
    high = height // rows
    shown = min(needed, high - body)
    return ImageLayout(
        ink, is_stacked, bar_columns, wide, high, columns, rows, shown, needed - shown, bars
    )


@lru_cache(maxsize=1024)
def wrap_warnings(warnings: tuple[str, ...], width: int) -> tuple[str, ...]:
    return tuple(line for each in warnings for line in _wrap(each, width))


def _wrap(warning: str, width: int) -> list[str]:
    return wrap(f"! {warning}", width, subsequent_indent="  ")


def fit_warnings(warnings: tuple[str, ...], width: int, rows: int) -> tuple[str, ...]:
    """Return the warnings in at most `rows` lines; if not all fit, the last line ends in how many
    more there are: (+2)."""
    lines = wrap_warnings(warnings, width)
    if len(lines) <= rows:
        return lines
    for shown in range(len(warnings) - 1, 0, -1):
        kept = list(wrap_warnings(warnings[:shown], width))
        more = f" (+{len(warnings) - shown})"
        if len(kept) <= rows and len(kept[-1]) + len(more) <= width:
            return (*kept[:-1], kept[-1] + more)
        if len(kept) < rows:
            return (*kept, more)
    more = f"… (+{len(warnings) - 1})" if len(warnings) > 1 else "…"
    cut = f"! {warnings[0]}"
    return tuple(wrap(cut, width, subsequent_indent="  ", max_lines=rows, placeholder=more))[:rows]
