"""`mnist-tui race` without the app: lanes from options, lines, JSON, results, resuming."""

import json
import re
import shlex
import signal
from pathlib import Path

import pytest

from core.attach.race import RaceViewer
from core.errors import CheckpointError
from core.event_json import as_json
from core.events import RunFailed
from core.race.lane_run import LaneRun
from core.race.record import create_race, lock_race, read_race, write_race
from core.training.ranks import TORCHRUN_VARIABLES
from tests.support.races import rates
from tui.headless.race import race_line

QUICK = ("--dataset", "sample", "--batch-size", "20", "--arch", "linear")
RATES = ("--lr", "0.01,0.001", "--epochs", "1")


def race_in(folder: Path) -> Path:
    (found,) = folder.glob("checkpoints/race-*")
    return found


def test_lines_name_the_lanes_and_the_winner(program, tmp_path):
    status, out, err = program("race", *QUICK, *RATES, "--to", "20%")
    assert (status, err) == (0, "")
    first, differ, *rest = out.splitlines()
    assert re.fullmatch(r"race-[\d-]+: 2 lanes by samples, to 20.0% test accuracy", first)
    assert differ == (
        "The lanes differ in the learning rate alone: 0.01, 0.001. All else is the same, the "
        "order of the images and the first weights too."
    )
    assert {line.split("  ")[0] for line in rest if "epoch 1/1" in line} == {"lr 0.01", "lr 0.001"}
    assert sum("; reached 20.0%" in line for line in rest) >= 1
    assert re.search(r"1\.  lr 0.01 +\d", out)
    assert re.search(r"lr 0.01.* reached 20.0% (first|equally soon)", out)
    assert "One seed cannot tell" in out
    # Its runs are runs as any.
    names = re.findall(r"linear-[\d-]+", out)
    assert sorted(names) == sorted(each.name for each in tmp_path.glob("checkpoints/linear-*"))


def test_json_has_lane_and_seed(program):
    status, out, err = program("race", *QUICK, *RATES, "--seed", "7", "--seeds", "2", "--json")
    assert (status, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert all({"event", "time", "lane", "seed"} <= event.keys() for event in events)
    first, *others, last = events
    assert (first["event"], first["lane"], first["lanes"]) == (
        "race_started",
        None,
        ["lr 0.01", "lr 0.001"],
    )
    assert {(event["lane"], event["seed"]) for event in others} == {
        (lane, seed) for lane in (1, 2) for seed in (7, 8)
    }
    assert last["event"] == "race_finished"
    assert last["winner"] in (1, 2, None)
    lanes = {each["lane"]: each for each in last["standings"]}
    assert lanes[1]["outcomes"] == ["finished", "finished"]
    assert len(set(lanes[1]["runs"] + lanes[2]["runs"])) == 4


def test_earlier_race_is_shown(program, tmp_path):
    program("race", *QUICK, *RATES, "--quiet")
    name = race_in(tmp_path).name
    status, out, err = program("race", "--show", name)
    assert (status, err) == (0, "")
    assert "The lanes differ in the learning rate alone" in out
    assert "Final test accuracy: " in out
    status, out, _ = program("race", "--show", f"checkpoints/{name}", "--json")
    shown = json.loads(out)
    assert (status, shown["race"], shown["live"]) == (0, name, False)
    assert {each["outcomes"][0] for each in shown["standings"]} == {"finished"}
    status, out, err = program("race", "--show", name[:-1])
    assert (status, out) == (1, "")
    assert f"did you mean {name}?" in err
    # It has nothing left to train.
    for command, code in (("resume", 2), ("attach", 1)):
        status, out, err = program(command, name)
        assert (status, out) == (code, "")
        assert f"{name} has finished" in err
        assert f"`mnist-tui race --show {name}`" in err


def test_race_finds_its_renamed_runs(program, tmp_path):
    program("race", *QUICK, *RATES, "--seeds", "2", "--quiet")
    name = race_in(tmp_path).name
    before = json.loads(program("race", "--show", name, "--json")[1])["standings"]
    renamed = before[0]["runs"]
    for run, new in zip(renamed, ("first", "second"), strict=True):
        assert program("runs", "rename", run, new)[0] == 0
    after = json.loads(program("race", "--show", name, "--json")[1])["standings"]
    assert after[0].pop("runs") == ["first", "second"]
    assert after[0].items() <= before[0].items()


def test_race_is_deleted_and_restored_with_its_runs(program, tmp_path):
    program("race", *QUICK, *RATES, "--quiet")
    folder = race_in(tmp_path)
    name, places = folder.name, sorted(tmp_path.glob("checkpoints/[!.]*"))
    status, out, err = program("runs", "show", name)
    assert (status, err) == (0, "")
    assert "Final test accuracy" in out
    status, out, err = program("runs", "star", name)
    assert (status, out) == (2, "")
    assert f"{name} is a race; name one of its runs: linear-" in err
    status, out, err = program("runs", "delete", name)
    assert (status, out) == (0, "")
    assert f"moved {name} and its 2 runs to the trash" in err
    assert not [*tmp_path.glob("checkpoints/[!.]*")]
    status, out, err = program("runs", "restore", name)
    assert f"restored checkpoints/{name} and its 2 runs" in err
    assert sorted(tmp_path.glob("checkpoints/[!.]*")) == places
    (folder / "race.json").write_text("{")
    status, _, err = program("race", "--show", name)
    assert (status, err.count("\n")) == (1, 1)
    assert "race.json cannot be used: it is damaged" in err
    assert program("runs", "delete", name)[0] == 0
    assert not folder.exists()


def test_diverged_lane_leaves_the_others(program):
    status, out, err = program("race", *QUICK, "--lr", "0.01,1e30", "--epochs", "1")
    assert status == 0
    assert err.startswith("mnist-tui: lr 1e+30: training diverged")
    assert "lr 1e+30 diverged." in out
    status, out, _ = program("race", *QUICK, "--lr", "1e30,1e35", "--epochs", "1")
    assert status == 3
    assert "All lanes diverged: there is no winner." in out


def test_signal_saves_all_lanes_and_resume_ends_the_race(program, tmp_path, monkeypatch):
    from core.training.loop import TrainingLoop

    report, sent = TrainingLoop.report, []

    def report_and_stop(self):
        if self.step > 12 and not sent:
            sent.append(signal.raise_signal(signal.SIGTERM))
        yield from report(self)

    monkeypatch.setattr(TrainingLoop, "report", report_and_stop)
    status, before, err = program("race", *QUICK, "--lr", "0.01,0.001", "--epochs", "3")
    assert (status, err) == (143, "")
    assert "No lane has finished." in before
    folder = race_in(tmp_path)
    assert all(run for lane in read_race(folder).runs for run in lane)
    status, out, err = program("resume", folder.name, "--epochs", "9")
    assert (status, out) == (2, "")
    assert "is a race, which is resumed as it is, without --epochs" in err
    status, out, err = program("resume", folder.name)
    assert (status, err) == (0, "")
    assert "epoch 3/3" in out
    assert (before + out).count("epoch 1/3") == 2, "one line for each lane"
    assert "Final test accuracy: " in out
    assert len([*tmp_path.glob("checkpoints/linear-*")]) == 2


@pytest.fixture
def waiting_race(tmp_path):
    """Return the record of a race of which no run has begun, in a folder with a space."""
    return create_race(rates(tmp_path / "my runs", 0.1, 0.2).plan, tmp_path / "my runs")


@pytest.mark.parametrize("rank", ["0", "1"])
def test_torchrun_is_refused_before_any_process_waits(program, waiting_race, monkeypatch, rank):
    for name in TORCHRUN_VARIABLES:
        monkeypatch.setenv(name, {"RANK": rank, "WORLD_SIZE": "2"}.get(name, "0"))
    monkeypatch.setattr("tui.cli.main.silence_other_ranks", lambda: None)
    monkeypatch.setattr("tui.cli.train.follow_first_rank", lambda: pytest.fail("it waits"))
    said = (2, "", "mnist-tui: a race does not run under torchrun\n")
    assert program("race", *QUICK, *RATES) == said
    assert program("resume", str(waiting_race.folder)) == said


@pytest.mark.parametrize(
    "other",
    [
        ("--lr", "0.1,0.2"),
        ("--config", "race.toml"),
        ("--seeds", "1"),
        ("--by", "samples"),
        ("--to", "97%"),
        ("--detach",),
        ("--dry-run",),
    ],
)
def test_show_refuses_options_of_a_race_to_be_run(program, tmp_path, waiting_race, other):
    (tmp_path / "race.toml").write_text("epochs = 9\n")
    said = f"mnist-tui: --show cannot be used with {other[0]}\n"
    assert program("race", "--show", str(waiting_race.folder), *other) == (2, "", said)


def test_show_takes_what_says_where_and_how(program, waiting_race, monkeypatch):
    monkeypatch.setenv("MNIST_TUI_EPOCHS", "9")  # of the environment, which is for all commands
    where = ("--checkpoints", "my runs", "--on-hangup", "save", "--slow-link")
    for how in ("--plain", "--quiet", "--json"):
        status, out, err = program("race", "--show", waiting_race.name, *where, how)
        assert (status, err) == (0, "")
        assert "lr 0.1" in out


def test_printed_commands_can_be_pasted(program, waiting_race):
    folder = waiting_race.folder

    def pasted(text: str) -> list[str]:
        return shlex.split(text.split("`")[1])

    with lock_race(folder):
        _, _, err = program("resume", str(folder))
        assert pasted(err) == ["mnist-tui", "attach", str(folder)]
        with pytest.raises(CheckpointError) as refused, lock_race(folder):
            pass
        assert pasted(str(refused.value)) == ["mnist-tui", "attach", str(folder)]
    _, _, err = program("attach", str(folder))
    assert pasted(err) == ["mnist-tui", "resume", str(folder)]
    (folder.parent / "a").mkdir()
    died = as_json(RunFailed(reason="interrupted", message="it died"))
    (folder.parent / "a/events.jsonl").write_text(died + "\n")
    write_race(waiting_race.with_run(0, 0, "a"))
    *_, last = RaceViewer(folder).events()
    assert pasted(last.message) == ["mnist-tui", "resume", str(folder)]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--lr", "0.1"), "needs two to four lanes"),
        (("--lr", "0.1,0.1"), "lanes 1 and 2 differ in nothing"),
        (("--lr", "1,2,3,4,5"), "at most 4 lanes"),
        (("--lr", "1,2", "--epochs", "1,2"), "only one setting"),
        (("--lr", "1,2", "--to", "97"), "did you mean 97%?"),
        (("--lr", "1,2", "--seeds", "0"), "--seeds must be a whole number"),
        (("--lr", "1,2", "--seeds", "2", "--seed", str(2**63 - 1)), "--seed must be at most"),
        (("--lr", "1,2", "--by", "steps"), "--by must be samples or time"),
        (("--arch", "conv 16 3, relu, mlp"), "for networks given as layers, repeat --arch"),
        (("--arch", "a.py:A,b.py:B"), "can have one network from a file"),
    ],
)
def test_wrong_usage_is_one_line(program, options, problem):
    status, out, err = program("race", *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert problem in err


def test_texts_keep_their_commas(program):
    small, wide = "conv 4 3, relu, maxpool 2, linear", "conv 8 3, relu, maxpool 2, linear"
    status, out, _ = program("race", "--arch", small, "--arch", wide, "--dry-run")
    assert (status, out.splitlines()[:2]) == (0, ["1. conv 4 3", "2. conv 8 3"])


def test_settings_come_from_environment_and_file(program, tmp_path, monkeypatch):
    (tmp_path / "race.toml").write_text('epochs = 9\narch = "linear"\nlr = 0.5\n')
    monkeypatch.setenv("MNIST_TUI_LEARNING_RATE", "0.2,0.1")
    status, out, _ = program("race", "--config", "race.toml", "--dry-run", "--json")
    lanes = [lane["config"] for lane in json.loads(out)["lanes"]]
    assert status == 0
    assert [(each["learning_rate"], each["epochs"]) for each in lanes] == [(0.2, 9), (0.1, 9)]


def test_file_of_a_network_can_be_a_lane(program, tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\ndef Net():\n    return nn.Sequential(nn.Flatten(), "
        "nn.Linear(784, 10))\n"
    )
    status, out, err = program("race", *QUICK[:4], "--arch", "net.py:Net,linear", "--epochs", "1")
    assert (status, err) == (0, "")
    assert "net.py:Net" in out


def test_race_that_cannot_begin_says_why(program, tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    status, out, err = program("race", *QUICK, *RATES)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "Traceback" not in err


def test_bar_shows_each_lane_in_any_width():
    half = LaneRun(outcome="training", samples=50, total_samples=100, accuracy=0.97)
    lanes = (("lr 0.1", LaneRun(outcome="diverged")), ("lr 0.01", half))
    assert race_line(lanes, 80) == "lr 0.1 diverged  │  lr 0.01 50% (test 97.0%)"
    assert race_line(lanes, 30) == "lr 0.1 diverged  lr 0.01 50%"
    assert all(race_line(lanes, width, plain=True).isascii() for width in range(60))
    assert all(len(race_line(lanes, width)) <= width for width in range(60))
    assert race_line((), 20) == "starting"
