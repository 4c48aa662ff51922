"""The drawing of a network, and pictures of a layer's values."""

import numpy
import pytest
from rich.color import Color

from core.models.architectures import ARCHITECTURES
from core.models.summary import describe_network
from core.responses.layers import Layer, NetworkDescribed
from tui.widgets.layers.network_drawing import LABELS, ROWS, Shown, draw_network
from tui.widgets.layers.value_pictures import (
    PALETTE,
    fit_grid,
    picture_lines,
    scaled,
    steps_of,
    to_values,
)


def drawn(arch, width, shown=Shown()) -> list[str]:  # noqa: B008
    return draw_network(describe_network(arch), width, shown)[0].texts()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_drawing_fits_any_width(arch):
    for width in (40, 54, 66, 78, 150):
        lines = drawn(arch, width)
        assert [len(line) for line in lines] == [width] * (ROWS + LABELS)
        # Every output, even where hidden units are left out.
        assert all(f"● {digit}" in "\n".join(lines) for digit in range(10))
        assert "28×28" in lines[ROWS]
    shapes = [layer.shape for layer in describe_network(arch).layers if layer.parameters]
    for shape in shapes:
        assert "×".join(map(str, shape[-2:])) in lines[ROWS]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_digit_and_probabilities_stand_in_the_drawing(arch):
    """From 68 columns on, which the view has at 120×40, the digit has 14×7 cells."""
    from rich.segment import Segment

    shares = (0.98, *[0.0] * 8, 0.02)
    shown = Shown(1, lambda width, height: [[Segment("x" * width)]] * height, shares, 0)
    for width in (68, 76, 108):
        lines = drawn(arch, width, shown)
        assert sum(line.count("x" * 14) for line in lines) == 7
        assert any("● 0  98%" in line for line in lines)
        assert any("● 9   2%" in line for line in lines)


def test_every_layer_is_found_by_its_place():
    picture, starts = draw_network(describe_network("cnn"), 76)
    found = [place for block in starts.values() for place in block.positions]
    assert found == list(range(12))
    assert picture.width == 76


def test_networks_of_other_classes_are_drawn():
    layer = Layer("last", "Linear 784→47", (47,), 1, 1, 4, 4)
    network = NetworkDescribed(arch="other", input=(1, 28, 28), layers=(layer,))
    lines = draw_network(network, 60, Shown(0, None, (1 / 47,) * 47, 3))[0].texts()
    assert "47" in lines[ROWS]


def test_positive_values_are_drawn_lighter():
    steps = steps_of(scaled(to_values(bytes([1] * 392 + [255] * 392), 28), 0.5))
    assert (len(steps), len(steps[0])) == (14, 14)
    assert (steps[0][0], steps[13][13]) == (0, len(PALETTE) - 1)
    colours = [Color.parse(each).get_truecolor() for each in PALETTE]
    light = [2 * colour.red + 5 * colour.green + colour.blue for colour in colours]
    assert light == sorted(light)


def test_values_between_two_steps_keep_their_colour():
    before = steps_of(numpy.array([0.0, 0.1, 0.5], dtype=numpy.float32))
    after = steps_of(numpy.array([0.15, -0.05, 0.9], dtype=numpy.float32), before)
    assert after.tolist() == [*before[:2], 8]


@pytest.mark.parametrize("side", [1, 2, 3, 8, 17, 28, 64])
def test_images_keep_within_their_area(side):
    values = numpy.linspace(-1, 1, side * side, dtype=numpy.float32).reshape(side, side)
    for area in ((46, 8), (46, 16), (30, 5), (90, 50)):
        grid = fit_grid(32, (side, side), area)
        assert grid.width <= area[0]
        assert grid.height + 1 <= area[1]
        lines = picture_lines(steps_of(scaled(values, grid.scale)).tolist(), None)
        assert len(lines) == grid.height
        assert {sum(segment.cell_length for segment in line) for line in lines} == {grid.width}
    # All of them at once if they fit, but never too small to see.
    kernels = fit_grid(32, (3, 3), (120, 40)).scale, fit_grid(32, (3, 3), (50, 12)).scale
    assert kernels[0] > kernels[1] == 2


def test_signs_replace_colours():
    from rich.style import Style

    (line,) = picture_lines([[0, 4, 8, 5], [4, 4, 4, 4]], Style())
    assert "".join(segment.text for segment in line) == "= #+"
