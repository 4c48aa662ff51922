"""Replace all characters by ASCII of the same width, for fonts without braille and blocks."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

# What each sign becomes: by meaning first, then by shape. Blocks: what fills from below by its
# height, what fills from the left as an edge.
MEANING = {
    "'": "‘’",
    '"': "“”▀",
    " ": "°",
    "#": "■█▉▓",
    "*": "●★•▇",
    "+": "▆",
    "-": "·–—−▔▄",
    ".": "…▂░",
    "/": "÷",
    ":": "┊▃▒",
    "<": "←◀◁≤",
    "=": "▅▭□",
    ">": "→▶▷▸⏎≥🔎",
    "^": "↑▲△",
    "_": "▁",
    "o": "○◆",
    "v": "✓✔↓▼▽▾",
    "x": "✗✘×",
    "|": "‖▊▋▌▍▎▏▐▕",
}
SIGNS = {sign: plain for plain, signs in MEANING.items() for sign in signs}
# From no ink to all of it.
INK = " ..::**##"


class AsciiFilter(LineFilter):
    """Filters every line that is drawn, after all styling."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def to_ascii(text: str) -> str:
    return "".join(map(_in_ascii, text))


@lru_cache(maxsize=2048)
def _in_ascii(character: str) -> str:
    """Return as many characters as the given one is cells wide."""
    if character.isascii():
        return character
    width = cell_len(character)
    if character in SIGNS:
        return SIGNS[character].ljust(width)
    number = ord(character)
    if 0x2800 <= number <= 0x28FF:  # braille: each bit is a dot
        return INK[(number - 0x2800).bit_count()]
    if 0x2500 <= number <= 0x257F:
        return _line(unicodedata.name(character))
    if 0x2596 <= number <= 0x259F:  # quadrants
        return ":"
    alike = unicodedata.normalize("NFKD", character)[:width]
    return alike if alike.isascii() and len(alike) == width else "?" * width


def _line(name: str) -> str:
    """Return the ASCII of a box-drawing character, given its Unicode name."""
    if "DIAGONAL" in name:
        return "X" if "CROSS" in name else "/" if "UPPER RIGHT" in name else "\\"
    across = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    along = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    if across and along:
        return "+"
    return "|" if along else "=" if "DOUBLE" in name or "HEAVY" in name else "-"
