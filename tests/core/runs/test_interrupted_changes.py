"""Tests of processes that change runs at once, or are killed in the middle of a change."""

import json
import os

import pytest

from core.runs import manage, trash
from core.runs.catalog import read_run_info, scan_runs
from core.runs.description import read_description
from tests.support.runs import make_run, run_python

AT_ONCE = """
import random, sys
from pathlib import Path
from core.runs import run_writer
from core.runs import manage
from core.runs import trash
from core.config import TrainConfig
from core.errors import CheckpointError
folder, seed = Path(sys.argv[1]), sys.argv[2]
dice = random.Random(seed)
def begun(config):
    # Its folder may be renamed just before it is locked, which is an error and leaves nothing.
    while True:
        try:
            return run_writer.create(config, "sample", "cpu")
        except CheckpointError:
            pass
(folder / "noted").mkdir(exist_ok=True)
for turn in range(60):
    names = [each.name for each in folder.iterdir() if each.name not in (".trash", "noted")]
    place = folder / dice.choice(names or ["none"])
    try:
        if turn % 20 == 0:
            config = TrainConfig(arch="linear", checkpoints=str(folder))
            with begun(config) as run:
                (run.folder / "mark").write_text(f"{seed} {turn}")
        match dice.randrange(4):
            case 0: manage.rename(place, f"run {dice.randrange(6)}")
            case 1: manage.delete(place)
            case 2: trash.restore_latest(dice.choice(trash.list_trash(folder)).run, folder)
            case 3: run_writer.reopen(place).__exit__()
    except (CheckpointError, IndexError):
        pass
    if seed == "1": manage.set_note(folder / "noted", f"note {turn}")
    if seed == "2": manage.set_star(folder / "noted", turn % 2 == 1)
"""


def test_concurrent_changes_lose_nothing(tmp_path):
    for number in range(3):
        (make_run(tmp_path, f"run {number}") / "mark").write_text(f"run {number}")
    processes = [run_python(AT_ONCE, tmp_path, seed) for seed in (1, 2, 3)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    there = sorted(path.read_text() for path in tmp_path.rglob("mark"))
    begun = [f"{seed} {turn}" for seed in (1, 2, 3) for turn in (0, 20, 40)]
    assert there == sorted([*begun, "run 0", "run 1", "run 2"])
    notes = json.loads((tmp_path / "noted" / "notes.json").read_text())
    assert notes == {"note": "note 59", "star": True}


# Each is killed before its first change on the disk, its second, and so on.
KILLED = """
import os, shutil, sys
from pathlib import Path
from core.runs import manage
from core.runs import trash
act, whole, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
CHANGES = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.utime", "open"}
left = -1
def kill(event, arguments):
    global left
    if event in CHANGES and left >= 0:
        left -= 1
        if left < 0: os._exit(9)
sys.addaudithook(kill)
for turn in range(100):
    place = folder / str(turn)
    shutil.copytree(whole, place)
    child = os.fork()
    if not child:
        left = turn
        match act:
            case "rename": manage.rename(place / "linear-1", "other")
            case "delete": manage.delete(place / "linear-1")
            case "prune": manage.prune(place / "linear-1")
            case "restore": trash.restore_latest("linear-1", place)
            case "note": manage.set_note(place / "linear-1", "new")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0: break
print(turn)
"""


@pytest.mark.parametrize("act", ["rename", "delete", "prune", "restore", "note"])
def test_killed_change_loses_nothing(tmp_path, act):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    place = make_run(whole, epochs=2)
    manage.set_note(place, "old")
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    if act == "restore":
        manage.delete(place)
    folder.mkdir()
    with run_python(KILLED, act, whole, folder) as process:
        turns = int(process.stdout.read())
    assert turns >= 4, "no process was killed"
    for turn in range(turns + 1):
        here = folder / str(turn)
        for each in here.iterdir():
            if not list(each.iterdir()):  # a claimed name; the move never came
                os.utime(each, (1, 1))
        for each in trash.list_trash(here):
            trash.restore(each)
        (now,) = (each.folder for each in scan_runs(here))
        for name, data in files.items():
            found = (now / name).read_bytes()
            if name not in ("run.json", "notes.json"):
                assert found == data
        assert read_description(now)["run"] in ("linear-1", "other")
        assert read_run_info(now).note in ("old", "new")
        manage.delete(now)  # possible: the run is complete
