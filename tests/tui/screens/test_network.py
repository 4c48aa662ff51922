"""The Network view: its drawing, its table and its weights."""

import pytest

from core.models.architectures import ARCHITECTURES
from core.models.summary import describe_network
from core.responses import WeightImages
from tests.support.app import SIZES, app_in, text_of, until
from tests.support.events import STARTED
from tests.support.fakes import fake_inspection, key_of, make_fake_train
from tui.app import network_requests
from tui.help import NETWORK_HELP
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.widgets.charts.network_diagram import LABELS, ROWS, draw_network
from tui.widgets.charts.weight_images import PALETTE, WeightGrid, fit_grid, palette_indices
from tui.widgets.layer_table import layer_columns, training_columns
from tui.widgets.select import CompactSelect

SLOW = make_fake_train(steps=5000)


def picture(arch, width) -> list[str]:
    return [
        "".join(cell for cell, _ in row)
        for row in draw_network(describe_network(arch), width)._cells
    ]


def column(columns, title) -> tuple[str, ...]:
    return next(each.cells for each in columns if each.title == title)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_drawing_fits_any_width(arch):
    for width in (40, 54, 66, 78, 150):
        lines = picture(arch, width)
        assert [len(line) for line in lines] == [width] * (ROWS + LABELS)
        drawn = "\n".join(lines)
        # Every output, even where hidden units are left out.
        assert all(f"● {digit}" in drawn for digit in range(10))
        assert "28×28" in lines[ROWS]
    shapes = [layer.shape for layer in describe_network(arch).layers if layer.parameters]
    for shape in shapes:
        assert "×".join(map(str, shape[-2:])) in lines[ROWS]


def test_table_adds_up_and_marks_problems():
    network, inspected = describe_network("mlp"), fake_inspection(7, paused=False)
    known = layer_columns(network)
    assert column(known, "parameters")[-1] == "669,706"
    assert column(known, "mult-adds")[1] == "401,408"
    live = training_columns(network, inspected, inspected)
    assert column(live, "update")[1::2] == ("5e-2 ▲ large", "1e-3", "1e-5 ▼ small")
    dead = column(live, "dead ReLUs")
    assert (dead[2].strip(), dead[4].strip()) == ("75% ▲ many", "0% none")
    assert column(live, "gradient")[-1] == "0.43"
    unwatched = training_columns(network, fake_inspection(8, paused=True), None)
    assert column(unwatched, "update")[1] == "–"


def test_positive_weights_are_drawn_lighter():
    image = bytes([1] * 392 + [255] * 392)
    places = palette_indices(image, WeightImages("fc1", (image,), 1, 28, 28, 1.0), 0.5)
    assert places.shape == (14, 14)
    assert (places[0, 0], places[13, 13]) == (0, len(PALETTE) - 1)
    light = [sum(int(each[i : i + 2], 16) for i in (1, 3, 5)) for each in PALETTE]
    assert light == sorted(light)
    # All kernels at once if they fit, but never too small to see.
    kernels = WeightImages("stack.0", (bytes(9),) * 32, 32, 3, 3, 1.0)
    assert fit_grid(kernels, 120, 40).scale > fit_grid(kernels, 50, 12).scale == 2


def test_a_new_run_clears_the_diagnostics():
    state = fold(RunState(), fake_inspection(3, paused=False))
    paused = fold(state, fake_inspection(4, paused=True))
    assert (paused.inspected.step, paused.updated.step) == (4, 3)
    started = fold(paused, STARTED)
    assert (started.inspected, started.updated) == (None, None)


def test_every_term_has_help():
    for word in ("gradient", "update", "dead ReLU", "multiply-adds", "weights as images"):
        assert NETWORK_HELP[word].endswith(".")


@pytest.mark.parametrize("size", SIZES)
async def test_view_shows_the_network_while_it_trains(tmp_path, size, monkeypatch):
    monkeypatch.setattr(network_requests, "INSPECTION_SECONDS", 0.1)
    async with app_in(tmp_path, SLOW, arch="mlp").run_test(size=size) as pilot:
        await pilot.press(key_of("network"))
        await until(pilot, lambda: "784" in text_of(pilot))
        assert "press space to train" in text_of(pilot)
        network = pilot.app.app_state.network
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.updated)
        first = pilot.app.run_state.inspected
        await until(pilot, lambda: pilot.app.run_state.inspected is not first)
        await pilot.pause()
        assert pilot.app.app_state.network is network
        assert "weights of stack.0" in text_of(pilot)
        seen = text_of(pilot)
        for _ in range(3 if size == (80, 24) else 0):
            await pilot.press("down")
            seen += text_of(pilot)
        assert all(each in seen for each in ("669,706", "5e-2 ▲ large", "75% ▲ many"))
        await pilot.press("up", "up", "up", "right")
        shown = pilot.app.screen.query_one(WeightGrid).first
        assert shown > 0
        assert f"{shown}–" in text_of(pilot)
        await pilot.press("left")
        assert pilot.app.screen.query_one(WeightGrid).first == 0
        await pilot.press("1")
        await pilot.pause(0.2)  # replies to earlier requests arrive
        last = pilot.app.run_state.inspected
        await pilot.pause(0.3)
        assert pilot.app.run_state.inspected is last, "another view requests no diagnostics"


async def test_view_shows_the_network_of_the_form(tmp_path):
    async with app_in(tmp_path, arch="linear").run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("#arch", CompactSelect).value = "cnn"
        await pilot.press(key_of("network"))
        await until(pilot, lambda: "4,230,602" in text_of(pilot))
        await pilot.press("1")
        pilot.app.screen.query_one("#arch", CompactSelect).value = "mlp"
        await pilot.press(key_of("network"))
        await until(pilot, lambda: "669,706" in text_of(pilot))
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.started)
        assert pilot.app.run_state.started.arch == "mlp", "space starts the network that is shown"
