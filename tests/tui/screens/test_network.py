"""The Network view: its drawing, its table, and the selected layer."""

from dataclasses import replace

import pytest

from core.commands import Inspect, InspectCheckpoint, InspectUntrained
from core.responses.layers import UNTRAINED
from tests.support.app import app_in, phase, text_of, until
from tests.support.events import STARTED, after
from tests.support.fakes import fake_inspection, key_of, make_fake_train
from tests.support.training import drive
from tui.app import network_requests
from tui.help import NETWORK_HELP
from tui.screens.checkpoints.checkpoint_view import CheckpointView
from tui.screens.network import NetworkView
from tui.screens.number_dialogs import GotoDialog
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.widgets.layer_panel import LayerPanel
from tui.widgets.layers.layer_table import LayerTable
from tui.widgets.layers.network_diagram import NetworkDiagram
from tui.widgets.layers.picture_grid import OutputPictures, WeightGrid
from tui.widgets.select import CompactSelect

SLOW = make_fake_train(steps=5000)


def layer_panel(pilot) -> LayerPanel:
    return pilot.app.screen.query_one(LayerPanel)


async def shown(pilot, name) -> None:
    """Wait until the layer of that name is shown."""
    await until(pilot, lambda: layer_panel(pilot).query_one(OutputPictures).output is not None
                and layer_panel(pilot).query_one(OutputPictures).output.name == name)  # fmt: skip
    await pilot.pause()


def test_a_new_run_clears_the_diagnostics():
    state = fold(RunState(), fake_inspection(3, paused=False))
    paused = fold(state, fake_inspection(4, paused=True))
    assert (paused.inspected.step, paused.updated.step) == (4, 3)
    started = fold(paused, STARTED)
    assert (started.inspected, started.updated, started.gradients) == (None, None, None)


def test_last_gradients_leave_the_inspection():
    """The event at the end of a run has nothing but gradients."""
    state = after(STARTED, fake_inspection(3, paused=False))
    last = replace(fake_inspection(9, paused=True), tried=0, weights=None)
    ended = fold(state, last)
    assert (ended.inspected.step, ended.gradients.step) == (3, 9)
    other = replace(last, source="a/last.safetensors")
    assert fold(state, other) is state, "of a checkpoint, which is no run's"


def test_every_term_has_help():
    for word in ("gradient", "update", "dead ReLU", "multiply-adds", "weights", "output"):
        assert NETWORK_HELP[word].endswith(".")


async def test_view_shows_the_network_while_it_trains(tmp_path, monkeypatch):
    monkeypatch.setattr(network_requests, "INSPECTION_SECONDS", 0.1)
    monkeypatch.setattr(network_requests, "LONGEST_PICTURE", 0.1)
    async with app_in(tmp_path, SLOW, arch="mlp").run_test(size=(80, 24)) as pilot:
        await pilot.press("space", key_of("network"))
        await until(pilot, lambda: pilot.app.run_state.updated)
        first = pilot.app.run_state.inspected
        await until(pilot, lambda: pilot.app.run_state.inspected is not first)
        await pilot.pause()
        seen = text_of(pilot)
        assert "Linear 784→512" in seen
        assert "update 5e-2 ▲ large" in seen
        assert "669,706" in seen
        await pilot.press("down")
        await until(pilot, lambda: "75% ▲ many" in text_of(pilot))
        await until(pilot, lambda: pilot.app.run_state.inspected.layer == "stack.1")
        await pilot.press("1")
        sent, send = [], pilot.app.send
        monkeypatch.setattr(
            pilot.app, "send", lambda command: (sent.append(command), send(command))
        )
        await until(pilot, lambda: len(sent) > 3)
        assert not [each for each in sent if isinstance(each, Inspect)], "another view is in front"


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_layers_are_selected_at_every_size(tmp_path, tiny, size):
    """By keys, and each shows its weights and its output for the digit."""
    tiny()
    async with app_in(tmp_path, arch="mlp").run_test(size=size) as pilot:
        await pilot.press(key_of("network"))
        await shown(pilot, "stack.0")
        panel = layer_panel(pilot)
        assert panel.query_one(WeightGrid).images.name == "stack.0"
        assert "untrained" in text_of(pilot)
        assert "stack.4.weight" in text_of(pilot), "names are explained"
        await pilot.press("j", "down")
        await shown(pilot, "stack.2")
        assert pilot.app.screen.query_one(LayerTable).selected == 4
        await pilot.press("G")
        await shown(pilot, "stack.4")
        await pilot.press("down")
        assert panel.selected == 6, "the last"
        digit = panel.inspected.digit
        assert f"image #0 {'✓' if digit.right else '✗'} {digit.predicted}" in text_of(pilot)
        await pilot.press("right", "right")
        assert "unit 2 of 10" in text_of(pilot)
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        assert panel.unit == 9
        await pilot.press("g")
        await shown(pilot, "input")
        assert panel.unit == 0
        await pilot.press("up")
        assert panel.selected == 0


async def test_layers_and_digits_are_selected_by_mouse_and_index(tmp_path, tiny):
    tiny()
    async with app_in(tmp_path, arch="cnn").run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("network"))
        await shown(pilot, "stack.0")
        await pilot.click(LayerTable, offset=(8, 8))
        await shown(pilot, "stack.5")
        await pilot.click(NetworkDiagram, offset=(8, 6))
        await shown(pilot, "input")
        await pilot.press("number_sign")
        assert isinstance(pilot.app.screen, GotoDialog)
        await pilot.press("7", "enter")
        await until(pilot, lambda: layer_panel(pilot).inspected.digit.index == 7)
        diagram = pilot.app.screen.query_one(NetworkDiagram)
        await until(pilot, lambda: diagram.digit.index == 7)


async def test_units_of_a_large_layer_are_all_within_reach(tmp_path, tiny):
    tiny()
    async with app_in(tmp_path, arch="mlp").run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("network"))
        await shown(pilot, "stack.0")
        panel = layer_panel(pilot)
        panel.unit = 500
        pilot.app.request_digits(at_once=True)
        await until(pilot, lambda: panel.inspected.weights.first > 64)
        await pilot.pause()
        assert " 500 " in text_of(pilot)


async def test_v_shows_the_drawing_in_a_small_window(tmp_path, tiny):
    tiny()
    async with app_in(tmp_path, arch="mlp").run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("network"))
        await shown(pilot, "stack.0")
        assert "28×28" in text_of(pilot)
        assert "● 0" not in text_of(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "● 0" in text_of(pilot))
        await pilot.press("down")
        assert pilot.app.screen.query_one(NetworkDiagram).selected == 3


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


@pytest.mark.parametrize("is_open", [False, True])
async def test_finished_run_shows_its_last_network(tmp_path, tiny, is_open):
    """Whether the view was opened before the run, during it or not at all before its end."""
    config = tiny(arch="mlp", epochs=1)
    app = app_in(tmp_path, None, arch="mlp", epochs=1, batch_size=20)
    app.runs.engine._train = None  # the real trainer
    async with app.run_test(size=(120, 40)) as pilot:
        if is_open:
            await pilot.press(key_of("network"))
            await shown(pilot, "stack.0")
            await pilot.press("1")
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.press(key_of("network"))
        checkpoint = app.run_state.checkpoint
        await until(pilot, lambda: layer_panel(pilot).inspected.source == checkpoint)
        await shown(pilot, "stack.0")
        text = text_of(pilot)
        assert "press space" not in text.lower()
        assert "untrained" not in text
        assert "step 10" in text
        assert "of the last step of training" in text
        inspected = layer_panel(pilot).inspected
        assert all(layer.gradient > 0 for layer in inspected.layers)
        assert inspected.digit.index == 0
        assert config.arch == inspected.arch


async def test_checkpoint_has_the_network_view(tmp_path, tiny):
    """W shows it, of the row under the cursor and of an opened checkpoint; esc goes back a step."""
    drive(tiny(arch="mlp", epochs=1))
    async with app_in(tmp_path / "runs", arch="linear").run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: "mlp" in text_of(pilot))
        await pilot.press("W")
        await until(pilot, lambda: isinstance(pilot.app.screen, NetworkView))
        await shown(pilot, "stack.0")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CheckpointView)
        await pilot.press("W")
        await until(pilot, lambda: isinstance(pilot.app.screen, NetworkView))
        await shown(pilot, "stack.0")
        text = text_of(pilot)
        assert "step 10" in text
        assert "mlp-" in text
        assert "Linear 784→512" in text
        assert "gradient" not in text.lower(), "a checkpoint has none"
        await pilot.press("down", "down", "#")
        await pilot.press("5", "enter")
        await until(pilot, lambda: layer_panel(pilot).inspected.digit.index == 5)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CheckpointView)


def test_requests_go_to_the_network_that_is_shown(tmp_path):
    """In training, of the last checkpoint, or of the next run."""
    app = app_in(tmp_path)
    requests, panel = network_requests.NetworkRequests(app), LayerPanel()
    panel.set_reactive(LayerPanel.config, app.config)
    arch = app.config.arch
    run = replace(STARTED, arch=arch)

    def command(state, **changes):
        app.set_reactive(type(app).run_state, state)
        panel.set_reactive(LayerPanel.run_state, state)
        panel.set_reactive(LayerPanel.config, replace(app.config, **changes))
        return requests._layer_command(panel, None)

    assert isinstance(command(replace(after(run), phase="paused")), Inspect)
    ended = replace(after(run), phase="finished", checkpoint="a/last.safetensors")
    assert command(ended).path == "a/last.safetensors"
    assert isinstance(command(ended), InspectCheckpoint)
    assert command(RunState()) is None, "torch is not loaded yet"
    app.set_reactive(type(app).app_state, replace(app.app_state, devices=("cpu",)))
    assert isinstance(command(RunState()), InspectUntrained)
    other = "linear" if arch != "linear" else "mlp"
    assert isinstance(command(ended, arch=other), InspectUntrained)
    assert ended.checkpoint != UNTRAINED
