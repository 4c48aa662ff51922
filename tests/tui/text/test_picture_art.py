"""A person's own image in characters, and the frame in it."""

import pytest
from rich.style import Style
from textual.color import Color

from tui.text.grey_art import make_palette
from tui.text.picture_art import DENSITY, draw_grey_picture, draw_picture

INNER = (0.25, 0.25, 0.75, 0.75)


def drawn(pixels, size, share, columns, rows, **options):
    """Return the lines as text, after a check of their size."""
    lines = draw_picture(pixels, size, share, columns, rows, **options)
    texts = ["".join(text for text, _ in line) for line in lines]
    assert (len(texts), {len(text) for text in texts}) == (rows, {columns})
    return texts


def photo(paper=(200, 200), ink=150, side=40):
    """Return a square image: paper that darkens from left to right, and a vertical stroke in it."""
    light, dark = paper
    row = [light + (dark - light) * x // (side - 1) for x in range(side)]
    inked = [ink if side * 9 <= 20 * x < side * 11 else grey for x, grey in enumerate(row)]
    quarter = side // 4
    rows = [inked if quarter <= y < side - quarter else row for y in range(side)]
    return bytes(grey for line in rows for grey in line)


@pytest.mark.parametrize("style", DENSITY)
def test_faint_ink_stands_out(style):
    """Ink and paper 50 grey levels apart were two neighbouring characters of the ramp."""
    share = (0.4, 0.25, 0.6, 0.75)
    lines = drawn(photo(), (40, 40), share, 20, 10, style=style)
    middle = [lines[row][9:11] for row in range(4, 6)]
    assert "".join(middle).strip(" ⠀") == "", "ink is dark"
    beside = {lines[row][column] for row in range(4, 6) for column in (2, 17)}
    assert beside <= set("@█⣿"), "paper is bright"


def test_brightness_is_that_around_the_part():
    """Light from one side leaves the stroke as distinct as on even paper."""
    lines = drawn(photo((250, 120), 90), (40, 40), (0.4, 0.25, 0.6, 0.75), 20, 10)
    assert {lines[row][9:11] for row in range(4, 6)} == {"  "}
    assert {lines[row][0] for row in range(10)} == {"@"}


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_image_has_no_noise(level):
    pixels = bytes(min(255, max(0, level + (7 * x * x) % 5 - 2)) for x in range(900))
    lines = drawn(pixels, (30, 30), INNER, 20, 10)
    assert len(set("".join(lines)) - set("┌─┐│└┘")) <= 2


def test_frame_surrounds_a_part():
    pixels = bytes([255] * 48)
    framed = drawn(pixels, (6, 8), (2 / 6, 1 / 4, 4 / 6, 3 / 4), 7, 4)
    grey = framed[0][0]
    assert framed == [
        line.replace(".", grey) for line in (".┌──┐. ", ".│..│. ", ".│..│. ", ".└──┘. ")
    ]
    pieces = draw_picture(pixels, (6, 8), (2 / 6, 1 / 4, 4 / 6, 3 / 4), 7, 4)[1]
    assert pieces == (
        (grey, False),
        ("│", True),
        (grey * 2, False),
        ("│", True),
        (f"{grey} ", False),
    )


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    "share", [(0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), (0, 0, 1, 1), (0.98, 0.4, 1, 0.43), INNER]
)
def test_frame_at_the_edge_is_whole(share, plain):
    """The image leaves a cell for the frame: one side alone does not look like a frame."""
    lines = drawn(bytes(1600), (40, 40), share, 14, 7, plain=plain)
    corners = "++++" if plain else "┌┐└┘"
    text = "".join(lines)
    assert all(text.count(each) == corners.count(each) for each in corners)
    top, bottom = (
        next(i for i in order if corners[0 if order is DOWN else -1] in lines[i])
        for order in (DOWN, UP)
    )
    assert bottom - top >= 2, "a row inside"
    assert lines[top].index(corners[0]) == lines[bottom].index(corners[2])
    assert lines[top].rindex(corners[1]) == lines[bottom].rindex(corners[3])


DOWN, UP = range(7), range(6, -1, -1)


@pytest.mark.parametrize("place", [(14, 7), (28, 14), (1, 1), (2, 1)])
@pytest.mark.parametrize("size", [(100, 3), (3, 100), (1, 1), (112, 112)])
def test_wide_and_high_images_fit(size, place):
    """`drawn` checks the number of lines and their width."""
    text = "".join(drawn(bytes(size[0] * size[1]), size, (0, 0, 1, 1), *place))
    assert text.strip(), "something of the image or its frame is there"


def test_greys_show_the_image_and_its_frame():
    """Paper is light in a dark theme, and the frame is as in characters."""
    palette = make_palette(Color.parse("#000000"), Color.parse("#ffffff"))
    frame = Style(color="red")
    place = photo((200, 200), ink=0), (40, 40), (0.25, 0.25, 0.75, 0.75), 20, 10
    lines = draw_grey_picture(*place, palette=palette, frame_style=frame)
    plain = draw_picture(*place, style="half-block")
    assert [sum(segment.cell_length for segment in line) for line in lines] == [20] * 10
    for grey, blocks in zip(lines, plain, strict=True):
        framed = "".join(segment.text for segment in grey if segment.style == frame)
        assert framed == "".join(text for text, of_frame in blocks if of_frame)
    (corner, *_) = lines[0]
    assert corner.style.bgcolor.get_truecolor().hex == "#ffffff", "paper"
    (corner, *_) = draw_grey_picture(*place, palette=palette, frame_style=frame, inverted=True)[0]
    assert corner.style is None, "black ink on a light theme"
