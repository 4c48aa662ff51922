"""Tests of the run folders that imported weights get."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.errors import CheckpointError, UsageError
from core.models.architectures import ARCHITECTURES
from core.runs.branch import branch
from core.runs.catalog import read_run_info
from core.runs.imported import import_file
from core.runs.resolve import resolve_checkpoint
from core.runs.resume import prepare_resume


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return ARCHITECTURES["linear"].build()


def saved(tmp_path, value, **how):
    torch.save(value, tmp_path / "model.pth", **how)
    return tmp_path / "model.pth"


def test_imported_folder_is_a_run_never_trained(tmp_path, model):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    imported = import_file(path, runs)
    assert resolve_checkpoint("model", runs) == imported.path
    listed = read_run_info(imported.path.parent)
    assert (listed.status, listed.is_live, listed.checkpoints[0].kind) == (
        "imported",
        False,
        "imported",
    )
    described = json.loads((imported.path.parent / "run.json").read_text())
    assert described["imported_from"] == str(path)
    assert "status" not in described
    alone = "was imported and has weights only: there is no training to resume"
    for name in ("model", str(imported.path)):
        with pytest.raises(CheckpointError, match=alone):
            prepare_resume(name, runs)
    with pytest.raises(CheckpointError, match=alone):
        branch(imported.path, {}, runs)
    assert [each.name for each in runs.iterdir()] == ["model"]


def test_simultaneous_imports_get_separate_folders(tmp_path, model):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: import_file(path, runs, "mine").path, range(8)))
    assert {each.parent.name for each in made} == {"mine", *(f"mine-{n}" for n in range(2, 9))}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../out", "a b", "\x1b"])
def test_name_unfit_for_a_folder_is_refused(tmp_path, model, name):
    with pytest.raises(UsageError, match="--name must be letters"):
        import_file(saved(tmp_path, model.state_dict()), tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


def test_long_names_are_cut_or_refused(tmp_path, model):
    """A file's name is cut; a name that a person gives is not changed."""
    for name, size in (("x" * 300, "300 bytes"), ("é" * 101, "202 bytes in UTF-8")):
        with pytest.raises(UsageError) as refused:
            import_file(saved(tmp_path, model.state_dict()), tmp_path / "runs", name)
        assert str(refused.value) == f"--name is too long: {size}, at most 200"
    long = tmp_path / ("é" * 110 + ".pth")
    saved(tmp_path, model.state_dict()).rename(long)
    assert import_file(long, tmp_path / "runs").path.parent.name == "é" * 100


def test_failed_write_leaves_nothing(tmp_path, model, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save", full)
    with pytest.raises(CheckpointError, match="cannot be written"):
        import_file(saved(tmp_path, model.state_dict()), tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []
