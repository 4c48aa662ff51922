"""A run of a network of the user's own, on a machine that knows no name of it."""

import json
import sys
from dataclasses import replace

import pytest
import torch

from core.checkpoints.header import read_info
from core.checkpoints.io import load_model, save
from core.models.networks import resolve_network
from core.runs.branch import branch
from core.runs.catalog import read_run_info
from tests.support.checkpoints import INFO
from tui.analysis.run_comparison import comparison_rows
from tui.cli import main as cli
from tui.screens.checkpoints.listing.rows import run_entry
from tui.state.history import arch_of

TEXT = "conv 4 3, batchnorm, relu, skip (conv 4 3 pad 1, relu), maxpool 4, dropout 0.1, linear"


@pytest.fixture
def runs(tmp_path):
    """A run called as its network was where it was trained, `mine`."""
    folder = tmp_path / "runs" / "mine-1"
    folder.mkdir(parents=True)
    network = resolve_network(TEXT)
    torch.manual_seed(4)
    config = INFO.config | {"arch": TEXT}
    info = replace(INFO, run="mine-1", arch="mine", network=TEXT, config=config)
    info = replace(info, parameters=network.parameters)
    for kind in ("last", "best"):
        save(folder / f"{kind}.safetensors", dict(network.build().state_dict()), info)
    stored = {"run": "mine-1", "status": "finished", "arch": "mine"}
    stored["config"] = config | {"dataset": "sample"}
    (folder / "run.json").write_text(json.dumps(stored))
    (folder / "events.jsonl").write_text("")
    return folder.parent


@pytest.fixture
def call(runs, monkeypatch, capsys):
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
        monkeypatch.setenv("MNIST_TUI_CHECKPOINTS", str(runs))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    return run


def test_lists_show_the_name_alone(call, runs):
    for command in ("runs", "checkpoints"):
        table = call(command, "list")
        assert " mine " in table
        assert "conv" not in table
        assert {row["arch"] for row in json.loads(call(command, "list", "--json"))} == {"mine"}
    assert "mine-1" in call("runs", "list", "--arch", "mine")
    run = read_run_info(runs / "mine-1")
    assert (arch_of(run), run_entry(run).setting("arch")) == ("mine", "mine")


def test_show_prints_the_layers(call):
    for command in ("runs", "checkpoints"):
        shown = json.loads(call(command, "show", "mine-1", "--json"))
        assert (shown["arch"], shown["network"]) == ("mine", TEXT)
        assert shown["class_names"] == list("0123456789")
        text = call(command, "show", "mine-1")
        assert TEXT in text
        assert "mine" in text
    named = call("checkpoints", "show", "mine-1", "--json")
    assert json.loads(named)["config"]["arch"] == TEXT


def test_shown_layers_are_wrapped_in_a_terminal(call, monkeypatch):
    monkeypatch.setattr("tui.cli.output.tables.output_width", lambda: 60)
    lines = call("checkpoints", "show", "mine-1").splitlines()
    (first,) = (n for n, line in enumerate(lines) if line.startswith("network "))
    assert max(map(len, lines[first : first + 2])) <= 60
    assert " ".join(line[15:].strip() for line in lines[first : first + 3]).startswith(TEXT)


def test_comparison_tells_networks_apart(runs):
    """By their names where these differ, else by their layers."""
    info = read_info(runs / "mine-1" / "last.safetensors")
    other = replace(info, arch="custom", network="linear 9, linear")
    other = replace(other, config=info.config | {"arch": "linear 9, linear"})
    rows, is_same = comparison_rows([info, other])
    assert (dict(rows)["network"], is_same) == (["mine", "custom"], False)
    assert "arch" not in dict(rows)
    rows, _ = comparison_rows([replace(info, arch="custom"), other])
    assert dict(rows)["arch"] == [TEXT, "linear 9, linear"]


def test_checkpoint_is_built_branched_and_exported(call, runs, tmp_path):
    path = runs / "mine-1" / "last.safetensors"
    expected = load_model(path)[1].state_dict()
    _, point = branch(path, {"epochs": 9}, runs)
    assert point.folder.name.startswith("mine-")
    assert read_run_info(point.folder).arch == "mine"
    for file in ("out.pth", "out.safetensors"):
        call("checkpoints", "export", str(path), str(tmp_path / file))
    call("checkpoints", "import", str(tmp_path / "out.safetensors"), "--name", "a")
    call("checkpoints", "import", str(tmp_path / "out.pth"), "--name", "b", "--arch", TEXT)
    for name in "ab":
        info, model = load_model(runs / name / "imported.safetensors")
        assert (info.arch, info.network) == ("custom", TEXT)
        found = model.state_dict()
        assert all(torch.equal(found[name], each) for name, each in expected.items())
    call("runs", "rename", "mine-1", "renamed")
    assert read_run_info(runs / "renamed").arch == "mine"
