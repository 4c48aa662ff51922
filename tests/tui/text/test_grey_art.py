"""Digits in greys."""

from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color

from tui.text.digit_art import GREYS
from tui.text.grey_art import draw_grey_digit, make_palette

DARK, LIGHT = Color.parse("#121212"), Color.parse("#e0e0e0")
PALETTE = make_palette(DARK, LIGHT)


def pixel_colours(pixels: bytes, palette=PALETTE) -> list[list[str | None]]:
    """Return the colours that are drawn, one for each pixel; None is the background."""
    rows = []
    for line in draw_grey_digit(pixels, 28, 14, palette):
        upper, lower = [], []
        for text, style, _ in line:
            ink = style.color.get_truecolor().hex.upper() if style and style.color else None
            ground = style.bgcolor.get_truecolor().hex.upper() if style and style.bgcolor else None
            for cell in text:
                upper.append(ink if cell == "▀" else ground)
                lower.append(ink if cell == "▄" else ground)
        rows += [upper, lower]
    return rows


def test_each_pixel_has_its_grey():
    steps = [(x + y) % GREYS for y in range(28) for x in range(28)]
    drawn = pixel_colours(bytes(round(step * 255 / 15) for step in steps))
    expected = [PALETTE[step] if step else None for step in steps]
    assert [cell for row in drawn for cell in row] == expected


def test_blank_cells_have_no_style():
    """Each style is some 40 bytes for the terminal."""
    (line, *_) = draw_grey_digit(bytes(784), 28, 14, PALETTE)
    assert [(segment.text, segment.style) for segment in line] == [(" " * 28, None)]


def test_ink_is_dark_in_light_themes():
    assert make_palette(LIGHT, DARK)[-1] == DARK.hex
    assert PALETTE[0] == DARK.hex


def test_greys_are_those_of_256_colours():
    """Between a theme's tinted colours there are no others: #2e3440 would become blue."""
    ground, ink = Color.parse("#2e3440"), Color.parse("#d8dee9")
    shades = make_palette(ground, ink, few=True)
    for step, shade in enumerate(shades):
        shown = RichColor.parse(shade).downgrade(ColorSystem.EIGHT_BIT)
        assert 232 <= (shown.number or 0) <= 255
        wanted = 255 * ground.blend(ink, step / 15).brightness
        assert abs(shown.get_truecolor().red - wanted) <= 6
    assert len(set(shades)) >= 12
