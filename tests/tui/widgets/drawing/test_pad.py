"""Drawing with the mouse and with the keyboard, in both sizes."""

from contextlib import asynccontextmanager

import pytest
from textual.events import MouseDown, MouseMove, MouseUp

from tests.support.app import app_in, text_of
from tests.support.fakes import key_of
from tui.drawing.drawing import BLANK, Drawing
from tui.preferences import Preferences
from tui.widgets.drawing.pad import DrawingChanged, DrawingPad

SIZES = [(80, 24), (120, 40)]
LEFT, RIGHT = 1, 3


class Hand:
    """A mouse over the pad, as the terminal reports it."""

    def __init__(self, pilot) -> None:
        self.pilot = pilot

    @property
    def pad(self) -> DrawingPad:
        return self.pilot.app.screen.pad

    def send(self, kind, x: float, y: float, button: int = LEFT) -> None:
        """Report the cell x, y of the pad; with fractions, a place inside of it."""
        corner = self.pad.content_region.offset
        x, y = corner.x + x, corner.y + y
        self.pilot.app.post_message(
            kind(None, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y)
        )

    async def drag(self, *places, button: int = LEFT, release: bool = True) -> None:
        self.send(MouseDown, *places[0], button)
        for place in places[1:]:
            self.send(MouseMove, *place, button)
        if release:
            self.send(MouseUp, *places[-1], button)
        await self.pilot.pause(0.05)


@asynccontextmanager
async def drawing(folder, size=(80, 24), **preferences):
    """Open the Draw view, and return a mouse over its pad."""
    app = app_in(folder)
    app.set_reactive(type(app).preferences, Preferences(**preferences))
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("draw"))
        yield Hand(pilot)


def strokes(*paths) -> bytes:
    """Return the pixels of strokes, given in pixels."""
    drawing = Drawing()
    for first, *others in paths:
        drawing.press(first)
        for each in others:
            drawing.move(each)
        drawing.lift()
    return drawing.pixels


@pytest.mark.parametrize("size", SIZES)
async def test_mouse_draws_erases_and_undoes(tmp_path, size):
    """A cell is reported: the pen is in its middle. The right button erases."""
    async with drawing(tmp_path, size) as hand:
        is_large = size[0] >= 120
        cells = [(10, 4), (30, 20)] if is_large else [(5, 2), (15, 10)]
        await hand.drag(*cells)
        places = [(5.25, 4.5), (15.25, 20.5)] if is_large else [(5.5, 5.0), (15.5, 21.0)]
        image = hand.pad.pixels
        assert image == strokes(places)
        assert hand.pilot.app.mouse_captured is None
        assert not hand.pilot.app.screen.selections, "a drag selects no text"
        await hand.drag(*cells, button=RIGHT)
        assert hand.pad.pixels == BLANK
        assert hand.pad.is_empty
        await hand.pilot.press("u")
        assert hand.pad.pixels == image
        await hand.pilot.click("#pad", offset=(hand.pad.size.width - 4, hand.pad.size.height + 1))
        assert hand.pad.is_empty, "the word Clear in the border is clicked"


async def test_mouse_in_pixels_draws_between_cells(tmp_path):
    async with drawing(tmp_path) as hand:
        await hand.drag((5.2, 3.1), (9.7, 8.85))
        assert hand.pad.pixels == strokes([(5.2, 6.2), (9.7, 17.7)])


async def test_changes_are_sent_once_a_frame(tmp_path, monkeypatch):
    """A hundred reports at once are one change or two, the last of which has all pixels."""
    async with drawing(tmp_path) as hand:
        sent = []
        post = DrawingPad.post_message

        def keep(pad, message):
            if isinstance(message, DrawingChanged):
                sent.append(message.pixels)
            return post(pad, message)

        monkeypatch.setattr(DrawingPad, "post_message", keep)
        await hand.drag(*((5 + step % 20, step // 10) for step in range(100)))
        assert 1 <= len(sent) <= 10
        assert sent[-1] == hand.pad.pixels
        assert len({*sent}) == len(sent)


async def test_mouse_that_leaves_and_returns_goes_on(tmp_path):
    """Outside of the pad and of the window nothing is drawn, and no stroke ends."""
    async with drawing(tmp_path) as hand:
        await hand.drag((5, 5), (20, 5), release=False)
        for place in ((40, 5), (40, 12), (20, 12)):
            hand.send(MouseMove, *place)
        hand.send(MouseUp, 20, 12)
        await hand.pilot.pause(0.05)
        outside = [(5.5, 11.0), (20.5, 11.0), (36.0, 11.0), (36.0, 25.0), (20.5, 25.0)]
        assert hand.pad.pixels == strokes(outside)
        await hand.pilot.press("u")
        assert hand.pad.is_empty


async def test_release_that_never_comes_ends_the_stroke(tmp_path):
    """By a move without a button, a click elsewhere, a key, or a window that loses the focus."""
    async with drawing(tmp_path) as hand:
        app, image = hand.pilot.app, strokes([(5.5, 11.0), (9.5, 11.0)])

        async def end_by_move():
            hand.send(MouseMove, 20, 5, 0)

        async def end_by_click_elsewhere():
            hand.send(MouseDown, 50, 5)

        async def end_by_key():
            await hand.pilot.press("left")

        async def end_by_blur():
            app.app_focus = False
            await hand.pilot.pause()
            app.app_focus = True

        async def end_by_another_view():
            await hand.pilot.press("1", key_of("draw"))

        for end in (
            *(end_by_move, end_by_click_elsewhere, end_by_key),
            *(end_by_blur, end_by_another_view),
        ):
            await hand.drag((5, 5), (9, 5), release=False)
            assert app.mouse_captured is hand.pad
            await end()
            await hand.pilot.pause()
            assert app.mouse_captured is None, end
            hand.send(MouseMove, 20, 12)  # a drag of something else
            await hand.pilot.pause()
            assert hand.pad.pixels == image, end
            await hand.pilot.press("u")
            assert hand.pad.is_empty
        assert app.screen.failed == {}


async def test_resize_in_the_middle_of_a_stroke_loses_nothing(tmp_path):
    async with drawing(tmp_path, (80, 24)) as hand:
        await hand.drag((5, 2), (15, 10), release=False)
        await hand.pilot.resize_terminal(120, 40)
        await hand.pilot.pause()
        assert hand.pad.pad_layout.is_large
        hand.send(MouseMove, 30, 24)
        hand.send(MouseUp, 30, 24)
        await hand.pilot.pause(0.05)
        assert hand.pad.pixels == strokes([(5.5, 5.0), (15.5, 21.0), (15.25, 24.5)])
        await hand.drag((10, 10), (20, 10), release=False)
        await hand.pilot.resize_terminal(50, 15)  # too small: the pad is hidden
        await hand.pilot.pause()
        assert hand.pilot.app.mouse_captured is None
        await hand.pilot.resize_terminal(80, 24)
        await hand.pilot.press("u")
        assert hand.pad.pixels == strokes([(5.5, 5.0), (15.5, 21.0), (15.25, 24.5)])


async def test_keyboard_draws_erases_and_clears(tmp_path):
    async with drawing(tmp_path) as hand:
        press = hand.pilot.press
        assert "Drag the mouse to draw" in text_of(hand.pilot)
        await press("enter", *["down"] * 6, "enter", "right")
        line = strokes([(14.5, 14.5), (14.5, 20.5)])
        assert "Drag the mouse to draw" not in text_of(hand.pilot)
        assert hand.pad.pixels == line, "the pen was up on its way to the right"
        await press("left", "B", "X", "enter", *["up"] * 6)
        await press("enter")
        assert hand.pad.is_empty
        await press("u")
        assert hand.pad.pixels == line
        await press("U")
        assert hand.pad.is_empty
        await press("u", "backspace")
        assert hand.pad.is_empty
        await press("u")
        assert hand.pad.pixels == line
        assert "eraser up · thick" in text_of(hand.pilot)
        hand.pilot.app.screen.load(bytes([255]) * 784)  # as full as can be
        await hand.pilot.pause()
        assert set(hand.pilot.app.screen.pixels) == {255}
        assert hand.pilot.app.screen.failed == {}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii", [False, True])
async def test_pen_is_visible_up_down_and_as_eraser(tmp_path, size, ascii):
    """By its sign, in characters of ASCII too, in the pad and in its title."""
    async with drawing(tmp_path, size, ascii=ascii) as hand:
        seen = {}
        for state, key in (
            ("pen up", "left"),
            ("pen down", "enter"),
            ("eraser down", "X"),
            ("eraser up", "enter"),
        ):
            await hand.pilot.press(key)
            lines = text_of(hand.pilot).splitlines()
            assert f" {state} " in lines[1]
            cell = hand.pad.first_cells[-1]
            seen[state] = lines[cell.y][cell.x : cell.right]
        assert len({*seen.values()}) == 4
        assert all(sign.strip() for sign in seen.values())
        assert not ascii or "".join(seen.values()).isascii()


async def test_keyboard_marks_both_pixels_of_a_cell(tmp_path):
    """The pen is underlined on the lower pixel of a cell, with and without colours."""
    async with drawing(tmp_path) as hand:
        found = []
        for _ in range(2):
            await hand.pilot.press("down")
            cell = hand.pad.first_cells[-1]
            strip = hand.pilot.app.screen._compositor.render_strips()[cell.y]
            (mark,) = strip.crop(cell.x, cell.x + 1)
            found.append((cell.y, bool(mark.style.underline)))
        (above, upper), (below, lower) = found
        assert (above, upper, below, lower) == (above, True, above + 1, False)


async def test_step_of_the_pen_draws_few_cells(tmp_path, monkeypatch):
    """Only cells that look different are drawn again: those of the pen and around it."""
    async with drawing(tmp_path, (120, 40)) as hand:
        cells = []
        refresh = DrawingPad.refresh

        def count(pad, *regions, **more):
            cells.extend(region.area for region in regions)
            cells.extend([pad.size.area] * (not regions))
            return refresh(pad, *regions, **more)

        await hand.pilot.press("enter")
        monkeypatch.setattr(DrawingPad, "refresh", count)
        await hand.pilot.press("right")
        assert 0 < sum(cells) < 70
