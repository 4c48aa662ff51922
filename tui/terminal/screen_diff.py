"""A terminal's screen as cells, and the few bytes that turn what it shows into what it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

JOINER = "\u200d"  # makes one character of the two beside it

# How a cell looks, in the codes of SGR: attributes, foreground and background. Of a blank the
# foreground is ANY.
CellStyle = tuple[frozenset[int], str, str]
# A character, with what combines with it, and its look. A wide one is followed by ("", look).
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
# Those that are seen where there is no character.
ON_BLANKS = frozenset((4, 7, 9, 21, 53))
# Cells that look like the one before and are sent again rather than stepped over.
SHORT_GAP = 3
# Blanks that take fewer bytes when they are erased.
ERASED = 9
# Cells that are sent together, or not yet.
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
    """One line of the screen, exactly so many cells wide."""
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
    """With the last one, which may be wider then."""
    place = len(row) - 1
    while not row[place][0]:
        place -= 1
    text, its_look = row[place]
    if text == " ":  # the look of a blank has no colour for what is seen on it
        its_look = look
    row[place] = text + character, its_look
    row += [("", its_look)] * (cell_len(text + character) - (len(row) - place))


def changed(before: CellRow, after: CellRow, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans between those columns that are to be sent, in order. One begins and ends with a
    whole character, of what is there and of what will be."""
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
    """With short gaps closed where stepping over them takes more bytes."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held and start - held[1] <= SHORT_GAP and _alike(row, held[1] - 1, start):
            held = held[0], end
            continue
        if held:
            yield held
        held = start, end
    if held:
        yield held


def _alike(row: CellRow, start: int, end: int) -> bool:
    return all(_fits(row[x][1], row[start][1]) for x in range(start, end))


def _fits(look: CellStyle, pen: CellStyle) -> bool:
    """Whether a pen of that look, once it has drawn so, draws this one too."""
    if look[1] == ANY:
        return look[0] == pen[0] & ON_BLANKS and look[2] == pen[2]
    return look == pen


def _runs(row: CellRow, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Parts of a span that one pen draws, none of them long; few blanks go with what is before,
    many are a part of their own."""
    first = last = start
    blanks_end = 0  # of those that are a part of their own
    for x in range(start, end):
        if not row[x][0] or x < blanks_end:
            continue
        blank = row[x][0] == " "
        streak = next((n for n in range(x, end) if row[n] != row[x]), end) if blank else x
        alone = streak - x > ERASED or (streak == len(row) and streak - x > SHORT_GAP)
        # Of characters that are made of several, terminals differ in how wide they are.
        ends = x == blanks_end or x - first >= LONGEST_RUN or len(row[last][0]) > 1
        if x > first and (alone or ends or not _fits(row[x][1], row[first][1])):
            yield first, x
            first = x
        last = x
        if alone:
            blanks_end = streak
    yield first, end


def _pen_change(pen: CellStyle | None, look: CellStyle) -> tuple[str, CellStyle]:
    """What to send so that the pen draws that look, and the pen after it."""
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
    """What a terminal shows, its pen and where its cursor is, as far as that is known."""

    rows: list[CellRow]
    pen: CellStyle | None = None
    at: tuple[int, int] | None = None  # x, y
    erases: bool = True  # whether what it erases takes the pen's background

    @classmethod
    def cleared(cls, width: int, height: int, *, erases: bool = True) -> tuple[ShownScreen, str]:
        """A screen with nothing on it, and what makes it so."""
        return cls([[BLANK] * width for _ in range(height)], PLAIN, None, erases), "\x1b[m\x1b[2J"

    def parts(self, wanted: Sequence[CellRow], y: int, start: int, end: int) -> Iterator[str]:
        """What to send for those columns of a line, in parts that can each be the last: taking the
        next one means that the one before was sent."""
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
            said, right, at = "\x1b[K", len(row), (left, y)
        elif blank and right - left > ERASED:
            said, at = f"\x1b[{right - left}X", (left, y)
        else:
            said = "".join(texts)
        # Where terminals differ in where their cursor is: at the edge, and after what is wide.
        unsure = at[0] >= len(row) or len(texts[-1]) != 1
        yield f"{move}{codes}{said}"
        self.pen, self.at = pen, None if unsure else at
        self.rows[y][left:right] = row[left:right]

    def _move(self, x: int, y: int) -> str:
        if self.at == (x, y):
            return ""
        if self.at and self.at[1] == y and self.at[0] < x:
            by = x - self.at[0]
            return f"\x1b[{by}C" if by > 1 else "\x1b[C"
        return f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"
