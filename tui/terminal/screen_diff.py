"""The screen of a terminal as cells, and the few bytes that turn one screen into another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

JOINER = "\u200d"  # makes one character of the two beside it

# SGR codes: attributes, foreground and background. The foreground of a blank is ANY.
CellStyle = tuple[frozenset[int], str, str]
# A character with its combining ones, and its style. A wide one is followed by ("", style).
Cell = tuple[str, CellStyle]
CellRow = list[Cell]

ANY = ""
PLAIN: CellStyle = (frozenset(), "39", "49")
BLANK: Cell = (" ", (frozenset(), ANY, "49"))
ATTRIBUTES = {
    "bold": 1,
    "dim": 2,
    "italic": 3,
    "underline": 4,
    "blink": 5,
    "reverse": 7,
    "strike": 9,
    "underline2": 21,
    "overline": 53,
}
OFF = {1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 7: 27, 9: 29, 21: 24, 53: 55}
# Attributes that are visible on blanks.
ON_BLANKS = frozenset((4, 7, 9, 21, 53))
# Up to so many unchanged cells of one style are sent again rather than stepped over.
SHORT_GAP = 3
# More blanks than this take fewer bytes when they are erased.
ERASED = 9
# The most cells of one part.
LONGEST_RUN = 40


@lru_cache(maxsize=2048)
def cell_style(style: Style | None, colours: ColorSystem) -> CellStyle:
    if style is None:
        return PLAIN
    attributes = frozenset(code for name, code in ATTRIBUTES.items() if getattr(style, name))
    fore = ";".join(style.color.downgrade(colours).get_ansi_codes()) if style.color else "39"
    back = ";".join(style.bgcolor.downgrade(colours).get_ansi_codes(False)) if style.bgcolor else ""
    return attributes, fore, back or "49"


def _blank(look: CellStyle) -> Cell:
    attributes, _, back = look
    seen = attributes & ON_BLANKS
    return " ", look if 7 in seen else (seen, ANY, back)


def to_cells(segments: Iterable[Segment], width: int, colours: ColorSystem) -> CellRow:
    """Return one line of the screen, exactly `width` cells."""
    row: CellRow = []
    joined = False
    for text, style, _ in segments:
        look = cell_style(style, colours)
        blank = _blank(look)
        for character in text:
            if character == " ":
                row.append(blank)
                joined = False
                continue
            size = get_character_cell_size(character)
            if row and (joined or not size):
                if character.isprintable() or character == JOINER:
                    _combine(row, character, look)
            elif size:
                row.append((character, look))
                row += [("", look)] * (size - 1)
            joined = character == JOINER
    del row[width:]
    if row and row[-1][0] and cell_len(row[-1][0]) > 1:
        row[-1] = _blank(row[-1][1])  # half of a wide one
    return row + [BLANK] * (width - len(row))


def _combine(row: CellRow, character: str, look: CellStyle) -> None:
    """Add a combining character to the last cell, which may become wider."""
    place = len(row) - 1
    while not row[place][0]:
        place -= 1
    text, its_look = row[place]
    if text == " ":  # a blank's style has no foreground
        its_look = look
    row[place] = text + character, its_look
    row += [("", its_look)] * (cell_len(text + character) - (len(row) - place))


def changed(before: CellRow, after: CellRow, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of columns that differ, in order.

    Each begins and ends with a whole character of both lines.
    """
    x = start
    while x < end:
        if before[x] == after[x]:
            x += 1
            continue
        first = x
        while first > 0 and not (before[first][0] and after[first][0]):
            first -= 1
        x += 1
        while x < len(after) and (
            before[x] != after[x] if x < end else not (before[x][0] and after[x][0])
        ):
            x += 1
        while x < len(after) and not (before[x][0] and after[x][0]):
            x += 1
        yield first, x


def _joined(spans: Iterable[tuple[int, int]], row: CellRow) -> Iterator[tuple[int, int]]:
    """Yield the spans with short gaps closed, where stepping over them would take more bytes."""
    last: tuple[int, int] | None = None
    for start, end in spans:
        if last and start - last[1] <= SHORT_GAP and _alike(row, last[1] - 1, start):
            last = last[0], end
            continue
        if last:
            yield last
        last = start, end
    if last:
        yield last


def _alike(row: CellRow, start: int, end: int) -> bool:
    return all(_fits(row[x][1], row[start][1]) for x in range(start, end))


def _fits(look: CellStyle, pen: CellStyle) -> bool:
    """Return whether a pen that is set to one style draws the other unchanged."""
    if look[1] == ANY:
        return look[0] == pen[0] & ON_BLANKS and look[2] == pen[2]
    return look == pen


def _runs(row: CellRow, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield parts of a span that one pen draws, each at most LONGEST_RUN cells.

    Few blanks belong to the part before them, many are a part that can be erased.
    """
    first = last = start
    blanks_end = 0  # of a part of blanks
    for x in range(start, end):
        if not row[x][0] or x < blanks_end:
            continue
        blank = row[x][0] == " "
        streak = next((n for n in range(x, end) if row[n] != row[x]), end) if blank else x
        alone = streak - x > ERASED or (streak == len(row) and streak - x > SHORT_GAP)
        # Terminals differ in the width of characters that consist of several.
        ends = x == blanks_end or x - first >= LONGEST_RUN or len(row[last][0]) > 1
        if x > first and (alone or ends or not _fits(row[x][1], row[first][1])):
            yield first, x
            first = x
        last = x
        if alone:
            blanks_end = streak
    yield first, end


def _pen_change(pen: CellStyle | None, look: CellStyle) -> tuple[str, CellStyle]:
    """Return the bytes that set the pen to a style, and the pen after them."""
    if pen is not None and _fits(look, pen):
        return "", pen
    codes: list[str] = []
    if pen is None:
        codes, pen = ["0"], PLAIN
    has, fore, back = pen
    wanted = look[0] | (has - ON_BLANKS if look[1] == ANY else frozenset())
    off = {OFF[code] for code in has - wanted}
    codes += map(str, sorted(off))
    left = {code for code in has if OFF[code] not in off}
    codes += map(str, sorted(wanted - left))
    if look[1] not in (ANY, fore):
        codes.append(look[1])
        fore = look[1]
    if look[2] != back:
        codes.append(look[2])
        back = look[2]
    return f"\x1b[{';'.join(codes)}m" if codes else "", (frozenset(wanted), fore, back)


@dataclass
class ShownScreen:
    """What a terminal shows, its pen and its cursor, as far as they are known."""

    rows: list[CellRow]
    pen: CellStyle | None = None
    at: tuple[int, int] | None = None  # x, y
    erases: bool = True  # whether it erases to the pen's background

    @classmethod
    def cleared(cls, width: int, height: int, *, erases: bool = True) -> tuple[ShownScreen, str]:
        """Return an empty screen, and the bytes that clear the terminal."""
        return cls([[BLANK] * width for _ in range(height)], PLAIN, None, erases), "\x1b[m\x1b[2J"

    def parts(self, wanted: Sequence[CellRow], y: int, start: int, end: int) -> Iterator[str]:
        """Yield the bytes that update these columns of line y, part by part.

        Sending may stop after any part: asking for the next one means that it has been sent.
        """
        row = wanted[y]
        for first, last in list(_joined(changed(self.rows[y], row, start, end), row)):
            for left, right in list(_runs(row, first, last)):
                yield from self._run(row, y, left, right)

    def _run(self, row: CellRow, y: int, left: int, right: int) -> Iterator[str]:
        move = self._move(left, y)
        codes, pen = _pen_change(self.pen, row[left][1])
        texts = [text for text, _ in row[left:right]]
        at = right, y
        blank = self.erases and not row[left][1][0] and set(texts) == {" "}
        if blank and len(row) - left > SHORT_GAP and row[left:] == [row[left]] * (len(row) - left):
            drawn, right, at = "\x1b[K", len(row), (left, y)
        elif blank and right - left > ERASED:
            drawn, at = f"\x1b[{right - left}X", (left, y)
        else:
            drawn = "".join(texts)
        # Terminals differ in where the cursor is at the edge and after wide characters.
        unsure = at[0] >= len(row) or len(texts[-1]) != 1
        yield f"{move}{codes}{drawn}"
        self.pen, self.at = pen, None if unsure else at
        self.rows[y][left:right] = row[left:right]

    def _move(self, x: int, y: int) -> str:
        if self.at == (x, y):
            return ""
        if self.at and self.at[1] == y and self.at[0] < x:
            by = x - self.at[0]
            return f"\x1b[{by}C" if by > 1 else "\x1b[C"
        return f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"
