"""Numbers in large figures of three lines, of half blocks or of ASCII."""

from tui.text.digit_art import half_blocks

# Each figure is 3×5 pixels, but the dot. A row is a character of its three pixels, as octal bits.
SHAPES = {
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71122",
    "8": "75757",
    "9": "75717",
    "%": "51245",
    ".": "00001",
}
WIDTHS = {".": 1}
# The same as seven segments, in the order of the digits.
SEGMENTS = (
    " _     _  _     _  _  _  _  _ ",
    "| |  | _| _||_||_ |_   ||_||_|",
    "|_|  ||_  _|  | _||_|  ||_| _|",
)
PLAIN = {str(digit): [line[3 * digit : 3 * digit + 3] for line in SEGMENTS] for digit in range(10)}
PLAIN |= {".": [" ", " ", "."], "%": ["  ", "o/", "/o"]}


def draw_figures(text: str, *, plain: bool = False) -> tuple[str, ...]:
    """Return three lines that show `text`, of digits, dots and percent signs, in large figures.

    `plain` draws them in ASCII.
    """
    if plain:
        shapes = [PLAIN[sign] for sign in text]
        return tuple("".join(shape[row] for shape in shapes) for row in range(3))
    pixels: list[list[bool]] = [[] for _ in range(6)]
    for place, sign in enumerate(text):
        width = WIDTHS.get(sign, 3)
        for row, bits in enumerate("0" + SHAPES[sign]):
            gap = [False] if place else []
            pixels[row] += [*gap, *(bool(int(bits) >> bit & 1) for bit in reversed(range(width)))]
    return half_blocks(pixels)
