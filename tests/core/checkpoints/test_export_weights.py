"""Export a checkpoint: formats, targets and refusals."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from torch import nn

from core.checkpoints import export_weights as exporting
from core.checkpoints.export_weights import export
from core.checkpoints.header import CheckpointInfo
from core.checkpoints.io import load_model, save
from core.class_names import DIGITS
from core.errors import CheckpointError
from core.models.input_scaling import DEFAULT_SCALING
from core.models.networks import resolve_network
from core.runs.imported import import_file
from tests.support.checkpoints import INFO
from tui.cli import main as cli


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs `checkpoints export` in a folder with a run `mine`.

    It returns status, stdout and stderr.
    """
    monkeypatch.chdir(tmp_path)
    model = resolve_network("linear").build()
    info = CheckpointInfo(
        run="mine", arch="linear", dataset="mnist", config={}, epoch=1, step=10, test_loss=0.5,
        test_accuracy=0.8, parameters=7850, saved_at=1.77e9,
    )  # fmt: skip
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    tensors = dict(model.state_dict()) | {"optimizer.fc1.bias.exp_avg": torch.zeros(10)}
    save(folder / "best.safetensors", tensors, info)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", "checkpoints", "export", *arguments])
        monkeypatch.setenv("MNIST_TUI_CHECKPOINTS", "runs")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_default_target_has_run_and_kind(run, tmp_path):
    fed = "(0 background, 255 ink) as (pixel / 255 - 0.5) / 0.5, so in [-1, 1], as by "
    fed += "ToTensor(), then Normalize((0.5,), (0.5,)). logits"
    status, out, said = run("mine")
    assert (status, out, fed in said) == (0, "mine-best.pth\n", True)
    weights = torch.load(tmp_path / "mine-best.pth", weights_only=True)
    assert set(weights) == {"fc1.weight", "fc1.bias"}
    status, out, said = run("mine", "--format", "safetensors")
    assert (status, out, fed in said) == (0, "mine-best.safetensors\n", True)
    with safe_open(tmp_path / "mine-best.safetensors", "pt") as file:
        stated = file.metadata()
    assert fed in stated["input"]
    assert (stated["input_mean"], stated["input_std"]) == ("0.5", "0.5")
    status, said, _ = run("mine", "out.pth", "--json")
    assert status == 0
    row = json.loads(said)
    assert (row["path"], row["arch"], row["difference"]) == ("out.pth", "linear", None)
    assert (row["input_mean"], row["input_std"], fed in row["input"]) == (0.5, 0.5, True)
    assert row["bytes"] == (tmp_path / "out.pth").stat().st_size


def test_checkpoint_deleted_meanwhile_is_exported(run, tmp_path, monkeypatch):
    """A run in training deletes the checkpoints of old epochs."""

    def encode(model, info):
        (tmp_path / "runs" / "mine" / "best.safetensors").unlink()
        return b"weights", None

    monkeypatch.setitem(exporting.FORMATS, ".pth", encode)
    status, out, said = run("mine", "out.pth")
    assert (status, out) == (0, "out.pth\n"), said
    assert (tmp_path / "out.pth").read_bytes() == b"weights"


def test_existing_target_needs_force(run, tmp_path):
    (tmp_path / "out.pth").write_bytes(b"mine")
    assert run("mine", "out.pth") == (
        1,
        "",
        "mnist-tui: out.pth exists; pass --force to replace it\n",
    )
    assert (tmp_path / "out.pth").read_bytes() == b"mine"
    assert run("mine", "out.pth", "--force")[0] == 0
    assert set(torch.load(tmp_path / "out.pth", weights_only=True)) == {"fc1.weight", "fc1.bias"}
    for name in ("best", "last"):
        status, _, said = run("mine", f"runs/mine/{name}.safetensors", "--force")
        assert (status, "is in the folder of a run" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("out.tar",), 2, "out.tar must end in one of .pth, .safetensors, .onnx, .pt2"),
        (("out.pth", "--format", "pt2"), 2, "--format pt2 does not match out.pth"),
        (("--format", "h5"), 2, "--format must be one of pth, onnx, pt2, safetensors, not 'h5'"),
        (("nowhere/out.pth",), 1, "nowhere/out.pth cannot be written (No such file or directory)"),
        (("runs.pth",), 1, "runs.pth is a folder; name a file"),
        (("out.pth", "--with-scaling"), 2, "--with-scaling needs a format that holds layers"),
    ],
)
def test_impossible_target_says_why(run, tmp_path, arguments, status, said):
    (tmp_path / "runs.pth").mkdir()
    ended, out, err = run("mine", *arguments)
    assert (ended, out) == (status, "")
    assert said in err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runs", "runs.pth"]


def test_missing_onnx_packages_are_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    status, _, said = run("mine", "out.onnx")
    assert status == 1
    assert "needs packages that are not installed: " in said
    assert said.endswith("pip install onnx onnxscript onnxruntime\n")
    assert not (tmp_path / "out.onnx").exists()


def test_failing_exporter_writes_nothing(run, tmp_path, monkeypatch):
    def failing(model, info):
        print("noise")
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setitem(exporting.FORMATS, ".pt2", failing)
    status, out, said = run("mine", "out.pt2")
    assert (status, out) == (1, "")
    assert said.endswith("best.safetensors cannot be exported as .pt2 (no such operator)\n")
    monkeypatch.setitem(exporting.FORMATS, ".pt2", lambda model, info: (b"x", float("nan")))
    assert "gives logits that differ by nan: not written" in run("mine", "out.pt2")[2]
    assert not (tmp_path / "out.pt2").exists()


def test_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        exporting.export(tmp_path / "gone.safetensors", tmp_path / "out.pth")


def test_export_says_how_renamed_tensors_are_named(run, tmp_path):
    renamed = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).state_dict()
    for name, weights in (
        ("renamed", renamed),
        ("same", resolve_network("linear").build().state_dict()),
    ):
        torch.save(weights, tmp_path / "weights.pth")
        import_file(tmp_path / "weights.pth", tmp_path / "runs", name, dataset="sample")
    said = (
        "its tensors have the names of linear, not those of the file imported: fc1.weight and "
        "fc1.bias; `mnist-tui archs linear` prints the layers that they load into"
    )
    for name, file, is_said in (
        ("renamed", "out.pth", True),
        ("renamed", "out.pt2", False),
        ("same", "same.pth", False),
        ("mine", "mine.pth", False),
    ):
        status, _, notes = run(name, file)
        assert (status, said in notes) == (0, is_said)
    resolve_network("linear").build().load_state_dict(
        torch.load(tmp_path / "out.pth", weights_only=True)
    )


TEXT = "conv 4 3, batchnorm, skip (conv 4 3 pad 1, 2 x (relu)), maxpool 4, dropout 0.1, linear"


@pytest.mark.parametrize("names", [DIGITS, ("a", "b \x1b[31m", "c")])
def test_exported_text_finds_its_network_again(tmp_path, names):
    """With blocks that no shapes tell, and the names of its classes."""
    network = resolve_network(TEXT, len(names))
    info = replace(INFO, arch="custom", network=network.text, class_names=names)
    info = replace(info, dataset="sample" if names == DIGITS else "folder:elsewhere")
    save(tmp_path / "mine.safetensors", dict(network.build().state_dict()), info)
    export(tmp_path / "mine.safetensors", tmp_path / "out.safetensors")
    imported = import_file(tmp_path / "out.safetensors", tmp_path / "runs", scaling=DEFAULT_SCALING)
    info, model = load_model(imported.path)
    assert (info.network, info.class_names) == (network.text, names)
    expected = load_model(tmp_path / "mine.safetensors")[1].state_dict()
    assert all(torch.equal(expected[name], each) for name, each in model.state_dict().items())
