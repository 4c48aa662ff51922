"""A drawing: its strokes, undo and redo, and how they look beside MNIST's."""

import sys
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strokes import digit_strokes
from tui.drawing.drawing import BLANK, MARGIN, MOST_UNDONE, Drawing
from tui.drawing.pen import FULL, SIDE, WIDTHS

PLACES = st.floats(-50, 80)
POINTS = st.tuples(PLACES, PLACES)
INSIDE = st.tuples(st.floats(0, SIDE), st.floats(0, SIDE))
STROKES = st.tuples(
    st.lists(POINTS, min_size=1, max_size=4), st.booleans(), st.integers(0, len(WIDTHS) - 1)
)


def draw(drawing: Drawing, path, *, erase: bool = False) -> None:
    drawing.press(path[0], erase=erase)
    for point in path[1:]:
        drawing.move(point)
    drawing.lift()


def drawn(*strokes) -> Drawing:
    """Return a drawing of strokes, each a path, whether it erases, and its width."""
    drawing = Drawing()
    for path, erase, width in strokes:
        drawing.width = WIDTHS[width]
        draw(drawing, path, erase=erase)
    return drawing


def ink_near(pixels: bytes, x: float, y: float) -> int:
    return pixels[min(SIDE - 1, int(y)) * SIDE + min(SIDE - 1, int(x))]


@given(st.lists(STROKES, max_size=4))
def test_undo_and_redo_are_exact(strokes):
    """Through all changes back to blank paper, and forward again to the same pixels."""
    drawing, seen = Drawing(), [BLANK]
    for path, erase, width in strokes:
        drawing.width = WIDTHS[width]
        draw(drawing, path, erase=erase)
        if drawing.pixels != seen[-1]:
            seen.append(drawing.pixels)
    for image in seen[-2::-1]:
        assert drawing.undo()
        assert drawing.pixels == image
    assert not drawing.undo()
    for image in seen[1:]:
        assert drawing.redo()
        assert drawing.pixels == image
    assert not drawing.redo()


@given(INSIDE, INSIDE, st.integers(0, len(WIDTHS) - 1))
def test_quick_drag_leaves_no_gap(start, end, width):
    """Two reports of the mouse at any distance are joined by full ink."""
    pixels = drawn(([start, end], False, width)).pixels
    for share in range(101):
        x, y = (a + (b - a) * share / 100 for a, b in zip(start, end, strict=True))
        assert ink_near(pixels, x, y) >= 0.6 * FULL


@given(st.lists(STROKES, max_size=3), st.lists(INSIDE, min_size=1, max_size=4))
def test_eraser_along_a_stroke_leaves_nothing_of_it(strokes, path):
    drawing = drawn(*strokes, (path, False, 1))
    draw(drawing, path, erase=True)
    assert all(ink_near(drawing.pixels, x, y) == 0 for x, y in path)
    alone = drawn((path, False, 1), (path, True, 1))
    assert alone.pixels == BLANK
    assert alone.is_empty


@given(INSIDE, POINTS, POINTS, INSIDE)
def test_stroke_outside_of_the_image_returns(start, out, further, back):
    """The mouse may leave the pad and come back at another place: no ink beside the path."""
    drawing = Drawing()
    draw(drawing, [start, out, further, back])
    assert ink_near(drawing.pixels, *back) > 0.6 * FULL
    assert all(-MARGIN <= place <= SIDE + MARGIN for place in drawing.pen)


@given(st.floats(2, 25), st.floats(2, 25))
def test_ink_follows_the_pen_inside_a_pixel(x, y):
    """The centre of mass of a dot is where the pen is, and not in the middle of a pixel."""
    pixels = drawn(([(x, y)], False, 1)).pixels
    mass = sum(pixels)
    along = sum(ink * (place % SIDE + 0.5) for place, ink in enumerate(pixels)) / mass
    down = sum(ink * (place // SIDE + 0.5) for place, ink in enumerate(pixels)) / mass
    assert hypot(along - x, down - y) < 0.1


def test_keyboard_reaches_every_pixel_and_stays_inside():
    drawing = Drawing()
    for columns, rows, corner in ((-40, -40, (0.5, 0.5)), (99, 99, (27.5, 27.5))):
        drawing.step(columns, rows)
        assert drawing.pen == corner
    drawing.move((-3.0, 99.0))
    drawing.step(1, 0)
    assert drawing.pen == (1.5, 27.5)


def test_clear_and_load_can_be_undone():
    drawing = drawn(([(5, 5), (20, 20)], False, 1))
    image = drawing.pixels
    drawing.clear()
    drawing.clear()  # of blank paper: no change
    assert drawing.is_empty
    assert drawing.undo()
    assert drawing.pixels == image
    other = bytes([FULL]) * len(BLANK)
    drawing.load(other)
    assert drawing.pixels == other
    assert not drawing.redo(), "a new change ends what could be redone"
    assert drawing.undo()
    assert drawing.pixels == image
    with pytest.raises(ValueError, match="784"):
        drawing.load(b"\0" * 783)


def test_undo_in_the_middle_of_a_stroke_takes_it_back():
    drawing = Drawing()
    drawing.press((5, 5))
    drawing.move((9, 9))
    assert drawing.undo()
    assert drawing.pixels == BLANK
    assert not drawing.is_drawing


def test_stroke_that_changes_nothing_is_no_change():
    drawing = drawn(([(5, 5), (20, 20)], False, 1))
    drawing.undo()
    draw(drawing, [(14, 14)], erase=True)
    draw(drawing, [(-8, -8), (-8, 30)])
    assert drawing.redo()


def test_memory_of_many_drawings_is_bounded():
    """500 drawings of three strokes, cleared and undone now and then: as much as after 50."""

    def size() -> int:
        images = [*drawing._done, *drawing._undone]
        return len(images) + sum(map(sys.getsizeof, images))

    drawing = Drawing()
    sizes = []
    for number in range(500):
        for path in digit_strokes(number % 10):
            draw(drawing, path[:3])
        drawing.clear()
        for _ in range(number % 3):
            drawing.undo()
        sizes.append(size())
    assert len(drawing._done) + len(drawing._undone) <= 2 * MOST_UNDONE
    assert max(sizes[150:]) <= 2 * max(sizes[:150])


@pytest.mark.parametrize("digit", range(10))
def test_strokes_have_as_much_ink_as_those_of_mnist(digit):
    """Per digit between a tenth and nine tenths of all images of MNIST: 60 to 149 full pixels."""
    drawing = Drawing()
    for path in digit_strokes(digit, height=19):
        draw(drawing, path)
    ink = sum(drawing.pixels) / FULL
    assert 45 < ink < 149
    grey = [0.1 < pixel / FULL < 0.9 for pixel in drawing.pixels if pixel > 0.1 * FULL]
    assert 0.381 < sum(grey) / len(grey) < 0.649
