"""`train --find-lr`: a chart and a suggestion, or JSON; no run."""

import json

import pytest

from core.responses.rates import STEPS
from core.training.ranks import TORCHRUN_VARIABLES
from tui.cli.output.found_rate import next_command

FIND = ("train", "--find-lr", "--dataset", "sample", "--arch", "linear")


def test_chart_suggestion_and_next_command_are_printed(program, tmp_path):
    status, out, err = program(*FIND, "--batch-size", "20", "--lr", "0.5")
    assert status == 0
    first, legend, *chart = out.splitlines()
    assert first == "linear, adam, batch size 20"
    assert legend == "loss of each step (.) and smoothed (*) by learning rate"
    assert chart[-3].split() == ["1e-6", "1e-5", "0.0001", "0.001", "0.01", "0.1", "rate", "1"]
    suggested = chart[-2].partition("Suggested learning rate: ")[2].partition(", where")[0]
    assert 1e-4 < float(suggested) < 0.1
    assert any("#" in line and suggested in line for line in chart[:-3]), "the mark"
    command = "mnist-tui train --dataset sample --arch linear --batch-size 20 --lr"
    assert chart[-1] == f"Train with it: {command} {suggested}"
    assert err == (
        "mnist-tui: an epoch has 10 steps, so the search sees each image up to 20 times\n"
    )
    assert not (tmp_path / "checkpoints").exists()


def test_json_has_points_and_suggestion(program):
    status, out, _ = program(*FIND, "--json", "--optimizer", "sgd", "--seed", "3")
    found = json.loads(out)
    assert status == 0
    assert found["arch"] == "linear"
    assert found["optimizer"] == "sgd"
    assert {*found["points"][0]} == {"rate", "loss", "smoothed"}
    assert len(found["points"]) == STEPS == found["steps"]
    assert 1e-5 < found["suggestion"] < 1
    assert found["rule"].startswith("where the smoothed loss falls fastest")


@pytest.mark.parametrize("other", ["--detach", "--tensorboard", "--dry-run", "--quiet"])
def test_options_of_a_run_are_refused(program, other):
    assert program(*FIND, other) == (2, "", f"mnist-tui: --find-lr cannot be used with {other}\n")


def test_torchrun_is_refused(program, monkeypatch):
    for name in TORCHRUN_VARIABLES:
        monkeypatch.setenv(name, "2" if name == "WORLD_SIZE" else "0")
    status, out, err = program(*FIND)
    assert (status, out) == (2, "")
    assert err == "mnist-tui: --find-lr cannot be used under torchrun\n"


def test_ctrl_c_ends_without_a_traceback(program, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("core.training.learner.Learner.step", interrupted)
    assert program(*FIND) == (130, "", "")


def test_next_command_keeps_all_but_the_rate():
    given = ["train", "--lr=0.5", "--find-lr", "--arch", "linear 8, linear", "--lr", "2", "--json"]
    assert next_command(given, 0.00042) == (
        "mnist-tui train --arch 'linear 8, linear' --lr 0.00042"
    )
