"""Imported weights are trained further from the checkpoint browser."""

from textual.widgets import DataTable

from core.checkpoints.header import read_info
from core.models.input_scaling import InputScaling
from core.runs.imported import import_file
from tests.support.app import phase, text_of, until
from tests.support.fakes import key_of
from tests.support.plain import train_plainly
from tui.app.app import MnistApp
from tui.screens.branch_dialog import BranchDialog
from tui.widgets.lists.virtual_table import VirtualTable


async def test_imported_weights_are_branched(tiny, tiny_tensors, tmp_path):
    train_plainly(tiny_tensors, tmp_path / "other.pth", 0.0, 1.0, steps=20)
    runs = tmp_path / "runs"
    import_file(tmp_path / "other.pth", runs, scaling=InputScaling(0.0, 1.0), dataset="sample")
    async with MnistApp(tiny()).run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: len(pilot.app.screen.query_one(VirtualTable)._keys) == 1)
        await until(pilot, lambda: "imported: no training history" in text_of(pilot))
        assert "Not evaluated" in text_of(pilot), text_of(pilot)
        assert "? imported" not in text_of(pilot)
        assert "Changed: nothing" not in text_of(pilot)
        await pilot.press("b")
        assert isinstance(pilot.app.screen, BranchDialog)
        table = pilot.app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 1)
        await until(pilot, lambda: "imported weights are trained" in text_of(pilot))
        assert "From step 0" not in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: phase(pilot) == "finished")
        started = pilot.app.run_state.started
        assert (started.branched_from, started.branched_at, started.input_std) == ("other", 0, 1.0)
    (branched,) = (each for each in runs.iterdir() if each.name != "other")
    assert read_info(branched / "last.safetensors").scaling == InputScaling(0.0, 1.0)
