"""Pictures of units: where a click finds them, and the images that excite one."""

import pytest
from textual.app import App

from core.responses.layers import LayerOutput
from tests.support.fakes import fake_digit
from tui.text.themes import theme_variables
from tui.widgets.explain.exciting_digits import ExcitingDigits, arrange_digits, shorten
from tui.widgets.explain.unit_outputs import UnitOutputs, mean_value


@pytest.mark.parametrize("size", [(78, 5), (58, 5), (116, 8), (196, 12), (60, 30)])
def test_ten_images_fit(size):
    laid = arrange_digits(*size)
    rows = -(-10 // laid.across)
    assert laid.across * laid.column <= size[0]
    assert rows * (laid.height + laid.labels + 1) - 1 <= size[1]
    assert laid.width <= laid.column


def test_values_are_shortened_and_never_cut():
    assert [shorten(0.6789, width) for width in (4, 3, 2, 1)] == ["0.68", "0.7", ".7", ""]
    assert shorten(-12.3, 3) == "−12"
    assert shorten(float("nan"), 9) == ""


def test_the_value_of_a_channel_is_its_mean():
    channels = LayerOutput("c", (2, 1, 2), 0, bytes([128, 128, 255, 1]), 2.0)
    assert [mean_value(channels, 0), mean_value(channels, 1)] == [0.0, 0.0]
    assert mean_value(LayerOutput("c", (2, 1, 2), 0, bytes([255] * 4), 2.0), 1) == 2.0
    assert mean_value(LayerOutput("u", (3,), 1, bytes([255, 1]), 2.0), 0) is None
    assert mean_value(LayerOutput("c", (9, 1, 2), 4, bytes([255] * 4), 2.0), 2) is None


class Pictures(App):
    def __init__(self, widget):
        super().__init__()
        self._widget, self.chosen = widget, []

    def get_css_variables(self):
        variables = super().get_css_variables()
        return variables | theme_variables(self.current_theme, variables)

    def compose(self):
        yield self._widget

    def on_unit_outputs_selected(self, message):
        self.chosen.append(message.unit)

    def on_exciting_digits_selected(self, message):
        self.chosen.append(message.digit.index)


def find(pilot, sign: str) -> tuple[int, int]:
    """Return where a text is on the screen."""
    for y, strip in enumerate(pilot.app.screen._compositor.render_strips()):
        if sign in strip.text:
            return strip.text.index(sign), y
    raise AssertionError(f"{sign} is not on the screen")


@pytest.mark.parametrize("shape", [(64, 4, 4), (16, 28, 28), (300,), (2000,), (10,)])
async def test_a_click_selects_the_unit_under_it(shape):
    """The selected unit is marked where it was clicked, on each page."""
    size = shape[0] * (shape[1] * shape[2] if len(shape) > 1 else 1)
    outputs = UnitOutputs()
    app = Pictures(outputs)
    async with app.run_test(size=(60, 14)) as pilot:
        for first in (0, shape[0] - 1):
            outputs.output = LayerOutput("layer", shape, 0, bytes(200 for _ in range(size)), 1.0)
            outputs.unit = first
            await pilot.pause()
            x, y = next(
                (x, y)
                for y in range(13, 0, -1)
                for x in range(60)
                if outputs.unit_at(x, y) is not None
            )
            await pilot.click(UnitOutputs, offset=(x, y))
            assert app.chosen[-1] == outputs.unit_at(x, y)
            outputs.unit = app.chosen[-1]
            await pilot.pause()
            if shape != (10,):  # bars have no sign for it
                assert outputs.unit_at(*find(pilot, "▶")) == outputs.unit


async def test_units_that_are_off_have_a_sign():
    outputs = UnitOutputs()
    async with Pictures(outputs).run_test(size=(60, 14)) as pilot:
        for shape in ((8, 4, 4), (100,), (10,)):
            size = shape[0] * (16 if len(shape) > 1 else 1)
            outputs.off = frozenset()
            outputs.output = LayerOutput("layer", shape, 0, bytes(200 for _ in range(size)), 1.0)
            await pilot.pause()
            with pytest.raises(AssertionError):
                find(pilot, "○")
            outputs.off = frozenset({3})
            await pilot.pause()
            assert outputs.unit_at(*find(pilot, "○")) in (3, None)  # None: beside a bar


async def test_exciting_images_are_named_and_can_be_clicked():
    digits = ExcitingDigits()
    app = Pictures(digits)
    async with app.run_test(size=(80, 5)) as pilot:
        digits.placeholder = "Searching"
        await pilot.pause()
        find(pilot, "Searching")
        digits.values = tuple(9.5 - place for place in range(10))
        digits.digits = tuple(fake_digit(index, 2.0) for index in range(10))
        await pilot.pause()
        find(pilot, "✓2 7.5")
        find(pilot, "✗3 6.5")
        await pilot.click(ExcitingDigits, offset=(find(pilot, "✓2")[0], 1))
        assert app.chosen == [2]
