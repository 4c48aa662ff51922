"""Tests of the run folders that imported weights get."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from math import log
from queue import SimpleQueue

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.errors import CheckpointError, DataError, UsageError
from core.events import Progress, RunFinished, RunStarted
from core.models.input_scaling import DEFAULT_SCALING
from core.models.networks import resolve_network
from core.replay.replay import replay
from core.runs.branch import branch
from core.runs.catalog import read_run_info
from core.runs.data_folder import describe_lost
from core.runs.imported import import_file
from core.runs.resolve import resolve_checkpoint
from core.runs.resume import prepare_resume
from core.runs.run_writer import claim_folder
from core.training.trainer import train
from tests.support.plain import train_plainly
from tui.cli import main as cli


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return resolve_network("linear").build()


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
    assert [each.name for each in runs.iterdir()] == ["model"]


def test_simultaneous_imports_get_separate_folders(tmp_path, model):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: import_file(path, runs).path, range(8)))
    assert {each.parent.name for each in made} == {"model", *(f"model-{n}" for n in range(2, 9))}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../out", "a b", "\x1b"])
def test_name_unfit_for_a_folder_is_refused(tmp_path, model, name):
    with pytest.raises(UsageError, match="--name must be letters"):
        import_file(saved(tmp_path, model.state_dict()), tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


def test_name_in_use_is_refused(tmp_path, model, capsys):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    import_file(path, runs, "mine")
    with pytest.raises(CheckpointError) as refused:
        import_file(path, runs, "mine")
    taken = f"{runs}/mine already exists and is not replaced: choose another --name"
    assert str(refused.value) == taken
    with pytest.raises(CheckpointError, match="choose another --name"):
        claim_folder(runs, "mine", is_exact=True)
    assert [each.name for each in runs.iterdir()] == ["mine"]


def call(monkeypatch, capsys, runs, *arguments) -> tuple[object, str, str]:
    """Return the exit status of a command with its output and messages."""
    whole = ["mnist-tui", *map(str, arguments), "--checkpoints", str(runs)]
    monkeypatch.setattr(sys, "argv", whole)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


def test_imported_run_has_no_history_and_no_fault(tmp_path, model, monkeypatch, capsys):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    for name in ("one", "two"):
        import_file(path, runs, name, scaling=DEFAULT_SCALING)
    said = "imported: no training history"
    for command in ("list", "show one", "compare one two"):
        status, out, err = call(monkeypatch, capsys, runs, "runs", *command.split())
        assert (status, err) == (0, "")
        assert said in out
        assert not {"✗", "events.jsonl", "0:00"} & set(out.split())
    _, out, _ = call(monkeypatch, capsys, runs, "runs", "list", "--json")
    assert [row["problem"] for row in json.loads(out)] == [None, None]
    (runs / "one" / "imported.safetensors").unlink()
    _, out, _ = call(monkeypatch, capsys, runs, "runs", "show", "one")
    assert "✗ no checkpoints" in out


def test_sample_is_stored_where_mnist_is_missing(tmp_path, model, monkeypatch, capsys):
    """So the run can be evaluated; with --dataset mnist the error says what can be done."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.delenv("MNIST_TUI_DATA", raising=False)
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    _, out, err = call(monkeypatch, capsys, runs, "checkpoints", "import", path, "--json")
    assert json.loads(out)["dataset"] == "sample"
    assert "MNIST is not on this machine: the network will be evaluated on the sample" in err
    status, out, _ = call(monkeypatch, capsys, runs, "eval", "model")
    assert (status, "linear on sample" in out) == (0, True)
    options = ("--dataset", "mnist", "--name", "other", "--mean", "0.5", "--std", "0.5")
    assert call(monkeypatch, capsys, runs, "checkpoints", "import", path, *options)[0] == 0
    for command in (("eval", "other"), ("predict", "other", "--index", "0")):
        status, out, err = call(monkeypatch, capsys, runs, *command)
        assert (status, out) == (1, "")
        assert err.endswith("; pass the folder of MNIST as --data\n")


def test_stated_folder_without_mnist_is_refused(tmp_path, model, monkeypatch):
    path, runs = saved(tmp_path, model.state_dict()), tmp_path / "runs"
    (tmp_path / "empty").mkdir()
    for folder, said in (
        (tmp_path / "none", f"^--data {tmp_path}/none does not exist$"),
        (path, f"^--data {path} is not a folder$"),
        (tmp_path / "empty", f"^--data: MNIST is not in {tmp_path}/empty "),
    ):
        for scaling in (None, DEFAULT_SCALING):
            with pytest.raises(DataError, match=said):
                import_file(path, runs, scaling=scaling, data=str(folder))
    assert not runs.exists()
    import_file(path, runs, dataset="sample", data=str(path))
    assert "data" not in json.loads((runs / "model" / "run.json").read_text())["config"]
    stored = {"data": str(path)}
    assert describe_lost("mnist", stored, None) == f"the run's data folder {path} is not a folder"


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


def test_branch_trains_on_with_the_scaling(tmp_path, tiny, tiny_tensors, monkeypatch, capsys):
    """Its loss begins near that of the network; saved, resumed and replayed runs scale alike."""
    runs = tmp_path / "runs"
    _, loss, accuracy = train_plainly(tiny_tensors, tmp_path / "model.pth", 0.0, 1.0)
    imported = import_file(tmp_path / "model.pth", runs, dataset="sample")
    config, resume_point = branch(imported.path, {"epochs": 1, "seed": 5, "shift": 1}, runs)
    events = list(train(config, SimpleQueue(), resume_point))
    started = next(each for each in events if isinstance(each, RunStarted))
    assert (started.input_mean, started.input_std, started.step) == (0.0, 1.0, 0)
    assert started.branched_from == "model"
    first = next(each for each in events if isinstance(each, Progress))
    assert first.losses[0] < loss + 1 < log(10), "shifted images, the same network"
    assert isinstance(events[-1], RunFinished)
    assert events[-1].test_accuracy >= accuracy - 0.1
    folder = resume_point.folder
    assert "imported_from" not in json.loads((folder / "run.json").read_text())
    again = prepare_resume(str(folder), runs, epochs=2)
    assert isinstance(list(train(again[0], SimpleQueue(), again[1]))[-1], RunFinished)
    info = read_info(folder / "last.safetensors")
    assert (info.version, info.input_mean, info.input_std) == (3, 0.0, 1.0)
    *_, result = replay(folder / "epoch-001.safetensors", 7)
    assert (result.identical, result.saved) == (True, ("epoch-002",)), result.text
    said = {}
    for command in ("runs show", "checkpoints show", "checkpoints list"):
        name = [] if command.endswith("list") else [folder.name]
        for option in ([], ["--json"]):
            whole = ["mnist-tui", *command.split(), *name, *option, "--checkpoints", str(runs)]
            monkeypatch.setattr(sys, "argv", whole)
            with pytest.raises(SystemExit) as ended:
                cli.main()
            said[command, *option] = capsys.readouterr().out
            assert ended.value.code == 0
    assert "input scaling  pixel / 255, in [0, 1]" in said["runs show",]
    assert re.search("\ninput std +1.0\n", said["checkpoints show",])
    rows = [json.loads(said[name, "--json"]) for name in ("runs show", "checkpoints show")]
    for row in (*rows, *json.loads(said["checkpoints list", "--json"])):
        assert (row["input_mean"], row["input_std"]) == (0.0, 1.0)
