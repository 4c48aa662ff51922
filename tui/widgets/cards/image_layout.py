"""How large the cards of images are drawn: as large as the window and their number allow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap

GAP = 2  # cells between two cards, and 1 row
HEAD = 2  # rows above the drawings: the name and the prediction
LEAST_WIDTH, MOST_WIDTH = 14, 28  # cells of a drawing, which is half as high
FEW, FEW_WIDTH = 4, 56  # the most where there are few images
LEAST_BARS, MOST_BARS = 12, 24  # cells of the bars beside the drawings, with percentages
STACKED_COST = 5  # cells of a drawing's width
CLASSES = 10
WARNING_ROWS = 3  # rows for the warnings of one of several images, before its drawings grow


@dataclass(frozen=True)
class ImageLayout:
    """The sizes of all cards of a view, in cells.

    `ink` is the width of each of the two drawings. The bars stand beside them, or in two columns
    below where `is_stacked`. `warning_rows` are below both; the image with the most warnings needs
    `lacking_rows` more.
    """

    ink: int
    is_stacked: bool
    bars: int  # width of one column of bars
    columns: int  # cards beside each other
    rows: int
    warning_rows: int
    lacking_rows: int

    @property
    def width(self) -> int:
        return 2 * self.ink + 1 + (0 if self.is_stacked else 1 + self.bars)

    @property
    def body(self) -> int:
        """Rows of a card without its warnings."""
        return _body(self.ink, self.is_stacked)

    @property
    def capacity(self) -> int:
        return self.columns * self.rows


def _body(ink: int, is_stacked: bool) -> int:
    drawing = ink // 2 + 1  # with the caption
    return HEAD + (drawing + CLASSES // 2 if is_stacked else max(drawing, CLASSES))


def arrange(warnings: Sequence[tuple[str, ...]], width: int, height: int) -> ImageLayout:
    """Return the layout of cards in an area of width × height cells.

    `warnings` are those of each image. As many images as possible are shown at once, all of them as
    large as that allows.
    """
    count = max(1, len(warnings))
    most = FEW_WIDTH if count <= FEW else MOST_WIDTH
    wanted = height if count == 1 else WARNING_ROWS

    def score(layout: ImageLayout) -> tuple[int, int, int]:
        missing = min(layout.warning_rows + layout.lacking_rows, wanted) - layout.warning_rows
        # All bars in one column are easier to compare.
        legible = layout.ink - STACKED_COST * layout.is_stacked
        return min(count, layout.capacity), -max(0, missing), legible

    for kept in (1, 0):
        found = [
            layout
            for ink in range(LEAST_WIDTH, most + 1, 2)
            for is_stacked in (True, False)
            if (layout := _fit(ink, is_stacked, warnings, kept, width, height))
        ]
        if found:
            return max(found, key=score)
    return ImageLayout(LEAST_WIDTH, False, LEAST_BARS, 1, 1, 0, 0)  # is cut off


def _fit(
    ink: int,
    is_stacked: bool,
    warnings: Sequence[tuple[str, ...]],
    kept: int,
    width: int,
    height: int,
) -> ImageLayout | None:
    """Return the layout with drawings of that width and at least `kept` rows for warnings, if there
    are any; None if not even one card fits."""
    least = 2 * ink + 1 + (0 if is_stacked else 1 + LEAST_BARS)
    columns = (width + GAP) // (least + GAP)
    if not columns:
        return None
    bars = ink - 1 if is_stacked else min(MOST_BARS, (width + GAP) // columns - GAP - 2 * ink - 2)
    across = least if is_stacked else 2 * ink + 2 + bars
    body = _body(ink, is_stacked)
    needed = max((len(wrap_warnings(each, across)) for each in set(warnings)), default=0)
    rows = min((height + 1) // (body + min(needed, kept) + 1), -(-max(1, len(warnings)) // columns))
    if not rows:
        return None
    shown = min(needed, (height + 1) // rows - 1 - body)
    return ImageLayout(ink, is_stacked, bars, columns, rows, shown, needed - shown)


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
