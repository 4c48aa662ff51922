"""Tests of edited run folders: nothing in one leads to a change outside of it."""

import json
import os
import shutil
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue

import pytest

from core.checkpoints.header import read_info
from core.commands import Stop
from core.data import download
from core.data.sources import mnist
from core.errors import CheckpointError, DataError
from core.events import Evaluated, RunFailed, RunFinished, RunStarted
from core.files import replace_file
from core.runs import manage, trash
from core.runs.branch import branch
from core.runs.catalog import scan_runs
from core.runs.data_folder import digits_folder
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from core.training.trainer import train
from tui.state.history import read_run

OUTSIDE = "not to be changed\n"


def drive(config, resume_point=None, stop=False):
    inbox, events = SimpleQueue(), []
    for event in train(config, inbox, resume_point):
        events.append(event)
        if stop and isinstance(event, Evaluated):
            inbox.put(Stop())
    return events


@pytest.fixture
def hostile(tiny, tmp_path):
    """A run that was stopped after its first epoch."""
    drive(tiny(epochs=3), stop=True)
    [folder] = (tmp_path / "runs").iterdir()
    return folder


@pytest.fixture
def outside(tmp_path):
    """A folder in which nothing may change."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "precious").write_text(OUTSIDE)
    yield folder
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"precious": OUTSIDE}


def resume_run(folder):
    return drive(*prepare_resume(str(folder), folder.parent))


def lines(folder):
    return (folder / "events.jsonl").read_text().splitlines()


def spoil(folder, **more):
    """Change every path in the run's files."""
    described = json.loads((folder / "run.json").read_text())
    described["config"] |= more
    described |= {"run": "../../home", "folder": "/", "pid": 2**70, "status": "running"}
    (folder / "run.json").write_text(json.dumps(described))
    events = [json.loads(line) for line in lines(folder)]
    for event in events:
        if event["event"] == "run_started":
            event |= {"run": "../../home", "folder": "../../home"}
            event["config"] |= more
        for name in ("path", "checkpoint"):
            if name in event:
                event[name] = "../../home/last.safetensors"
    (folder / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))


def test_paths_inside_a_run_are_not_followed(hostile, outside, tmp_path):
    spoil(hostile, checkpoints=str(outside), data=str(outside))
    [listed] = scan_runs(hostile.parent)
    assert (listed.status, listed.folder) == ("interrupted", hostile)
    state = read_run(hostile)
    assert (state.started.folder, state.checkpoint) == (
        str(hostile),
        str(hostile / "last.safetensors"),
    )
    config, _ = prepare_resume(hostile.name, hostile.parent)
    assert (config.folder, config.data) == (hostile.parent, None)
    config, made = branch(hostile / "last.safetensors", {"epochs": 4}, hostile.parent)
    assert (made.folder.parent, config.folder, config.data) == (*[hostile.parent] * 2, None)
    for folder in (hostile, made.folder):
        events = resume_run(folder)
        assert isinstance(events[-1], RunFinished)
        assert Path(events[-1].checkpoint).parent == folder
        [started] = [event for event in events if isinstance(event, RunStarted)]
        assert (started.run, started.folder) == (folder.name, str(folder))
    assert {path.name for path in tmp_path.iterdir()} == {"home", "runs"}


def test_run_without_checkpoint_stays_in_its_folder(hostile, outside):
    spoil(hostile, checkpoints=str(outside))
    for path in hostile.glob("*.safetensors"):
        path.unlink()
    assert isinstance(resume_run(hostile)[-1], RunFinished)
    assert (hostile / "last.safetensors").exists()


@pytest.mark.parametrize("there", [True, False])
def test_linked_events_file_is_not_written(hostile, outside, there):
    events = hostile / "events.jsonl"
    events.unlink()
    events.symlink_to(outside / ("precious" if there else "new"))
    before = {path.name: path.read_bytes() for path in hostile.iterdir() if path != events}
    why = "events.jsonl is a link, and links are not followed here"
    failed = resume_run(hostile)[-1]
    assert isinstance(failed, RunFailed)
    assert failed.message == f"{hostile} cannot be written ({why})"
    with pytest.raises(CheckpointError, match=why):
        branch(hostile / "last.safetensors", {}, hostile.parent)
    assert [run.folder for run in scan_runs(hostile.parent)] == [hostile]
    assert {path.name: path.read_bytes() for path in hostile.iterdir() if path != events} == before


def test_pipe_as_events_file_does_not_block(hostile):
    (hostile / "events.jsonl").unlink()
    os.mkfifo(hostile / "events.jsonl")
    spoiled = read_description(hostile) | {"status": "running"}
    (hostile / "run.json").write_text(json.dumps(spoiled))
    [listed] = scan_runs(hostile.parent)
    assert listed.status == "interrupted"
    assert resume_run(hostile)[-1].message.endswith("(events.jsonl is not a file)")
    with pytest.raises(CheckpointError, match="is not a file"):
        branch(hostile / "last.safetensors", {}, hostile.parent)


def test_other_links_are_replaced_not_followed(hostile, outside, tmp_path):
    """Reading may follow a link; writing replaces it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (*hostile.glob("*.safetensors"), hostile / "run.json"):
        shutil.move(path, elsewhere / path.name)
        path.symlink_to(elsewhere / path.name)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    (hostile / "epoch-002.safetensors").symlink_to(outside / "precious")
    (hostile / "notes.json").symlink_to(outside / "precious")
    (hostile / ".last.safetensors.partial").symlink_to(outside / "precious")
    assert isinstance(resume_run(hostile)[-1], RunFinished)
    assert [path.name for path in hostile.iterdir() if path.is_symlink()] == ["notes.json"]
    assert read_info(hostile / "last.safetensors").epoch == 3
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_linked_temporary_file_is_not_written(tmp_path, outside, monkeypatch):
    monkeypatch.setattr("core.files._temporary", lambda path: tmp_path / "known.partial")
    for target in ("precious", "new"):
        (tmp_path / "known.partial").symlink_to(outside / target)
        replace_file(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "known.partial").exists()


def test_linked_traceback_file_is_not_written(hostile, outside, monkeypatch):
    (hostile / "traceback.txt").symlink_to(outside / "precious")
    monkeypatch.setattr("core.training.learner.Learner.step", lambda *given: 1 / 0)
    failed = resume_run(hostile)[-1]
    assert failed.message.startswith("ZeroDivisionError: division by zero; the traceback is in ")
    assert "ZeroDivisionError" in (hostile / "traceback.txt").read_text()


def test_linked_run_folder_is_the_run_itself(hostile, tmp_path):
    """A person may have moved it to a larger disk. Everything is written to that one folder."""
    disk = tmp_path / "disk"
    disk.mkdir()
    moved = Path(shutil.move(hostile, disk / hostile.name))
    hostile.symlink_to(moved)
    assert isinstance(resume_run(hostile)[-1], RunFinished)
    assert read_info(moved / "last.safetensors").epoch == 3
    assert hostile.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "runs"}
    assert [path.name for path in disk.iterdir()] == [moved.name]


def test_implausible_events_do_not_prevent_resuming(hostile):
    events = [json.loads(line) for line in lines(hostile)]
    worse = [{**event, "step": "many"} for event in events if event["event"] == "progress"]
    worse += [{"event": "learning_rate_changed", "time": 1, "step": 0, "learning_rate": "high"}]
    with (hostile / "events.jsonl").open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in worse)
        file.write("x" * 3 * 2**20 + "\n")
    assert isinstance(resume_run(hostile)[-1], RunFinished)


def test_stored_data_folder_used_only_if_complete(tmp_path, monkeypatch, tiny):
    """Otherwise the digits would be downloaded to there, over files of another person."""
    raw = tmp_path / "home" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.MNIST_FILES:
        (raw / name).write_text(OUTSIDE)
    stored = asdict(tiny()) | {"data": str(raw.parents[1])}

    def refuse(remote, folder, *options):
        raise DataError(f"a download into {folder}")
        yield

    monkeypatch.setattr(download, "fetch_file", refuse)
    assert digits_folder("mnist", stored) is None
    (raw / name).unlink()
    os.mkfifo(raw / name)
    assert digits_folder("mnist", stored) is None
    (raw / name).unlink()
    with (raw / name).open("wb") as file:
        file.truncate(2**42)
    assert digits_folder("mnist", stored) is None, "without reading 4 TiB"
    (raw / name).write_text(OUTSIDE)
    for name in mnist.MNIST_FILES:
        monkeypatch.setitem(mnist.MNIST_FILES, name, sha256(OUTSIDE.encode()).hexdigest())
        os.utime(raw / name)
    assert digits_folder("mnist", stored) == str(raw.parents[1])
    for odd in ("~no-such-user/x", "a\0b", 5, ["x"], "", "x" * 5000):
        assert digits_folder("mnist", {"data": odd}) is None


def test_links_in_the_trash_are_not_restored(hostile, outside, tmp_path):
    """Restoring would move away what they lead to."""
    when, trash_folder = "20260102-030405-00000", hostile.parent / trash.TRASH
    away = tmp_path / "away"
    for kind in (trash.WHOLE_RUN, trash.FILES):
        (away / kind).mkdir(parents=True)
        (away / kind / "some-run").symlink_to(outside)
    for number in (1, 2, 3):
        (trash_folder / f"{when}{number}").mkdir(parents=True)
    (trash_folder / f"{when}0").symlink_to(away)
    (trash_folder / f"{when}1" / trash.WHOLE_RUN).symlink_to(outside.parent)
    (trash_folder / f"{when}2" / trash.FILES).symlink_to(outside.parent)
    (trash_folder / f"{when}3" / trash.FILES).mkdir()
    (trash_folder / f"{when}3" / trash.FILES / hostile.name).symlink_to(outside)
    assert trash.list_trash(hostile.parent) == []
    for name in (hostile.name, "some-run", "home"):
        with pytest.raises(CheckpointError, match="has nothing of"):
            trash.restore_latest(name, hostile.parent)
    trash.empty_trash(hostile.parent)
    assert (away / trash.FILES / "some-run").is_symlink()


def test_linked_notes_file_is_not_written(hostile, outside):
    (hostile / "notes.json").symlink_to(outside / "precious")
    with pytest.raises(CheckpointError, match=r"notes\.json is a link"):
        manage.set_star(hostile, True)
