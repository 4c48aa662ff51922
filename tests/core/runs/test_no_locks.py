"""Runs on a file system without locks that work, as some network file systems are."""

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from core import locking
from core.config import TrainConfig
from core.errors import CheckpointError
from core.events import Paused
from core.locking import NoLocks, check_locks, lock_by_file, lock_folder
from core.runs import manage, run_writer
from core.runs.catalog import read_run_info
from core.runs.description import read_description, write_description
from tests.support import preloaded
from tests.support.cli import environment_in


def without_locks(file, how):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def with_useless_locks(file, how):
    """Grant every lock."""


@pytest.fixture(params=[without_locks, with_useless_locks])
def no_locks(request, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", request.param)


@pytest.fixture
def other():
    """Return a process that sleeps."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def owned_by(pid, **changes):
    """Return what run.json says of a run that a process is training."""
    started = psutil.Process(pid).create_time()
    return {"status": "running", "pid": pid, "process_started": started} | changes


@pytest.fixture
def folder(tmp_path):
    """Return a run that was stopped."""
    with run_writer.create(TrainConfig(checkpoints=str(tmp_path)), "sample", "cpu") as run:
        pass
    write_description(run.folder, read_description(run.folder) | {"status": "stopped"})
    return run.folder


def describe(folder, **changes):
    write_description(folder, read_description(folder) | changes)


def test_run_of_a_live_process_is_refused(no_locks, folder, other):
    describe(folder, **owned_by(other.pid))
    for change in (run_writer.reopen, manage.delete, lambda run: manage.rename(run, "other")):
        with pytest.raises(CheckpointError, match=f"is being trained by process {other.pid}; stop"):
            change(folder)


def test_live_run_is_listed_as_running_without_locks(monkeypatch, folder, other):
    monkeypatch.setattr(fcntl, "flock", without_locks)
    describe(folder, **owned_by(other.pid))
    assert read_run_info(folder).status == "running"
    describe(folder, **owned_by(other.pid, process_started=1.0))
    assert read_run_info(folder).status == "interrupted"


@pytest.mark.parametrize(
    "changes",
    [
        {"process_started": 1.0},  # the number belongs to another process by now
        {"process_started": None},  # the process has left the run to another one
        {"status": "finished"},
        {"pid": 2**22 + 1},
        {"pid": "x"},
    ],
)
def test_run_of_no_live_process_is_resumed(no_locks, folder, other, changes):
    describe(folder, **(owned_by(other.pid) | changes))
    before = read_description(folder)
    with run_writer.reopen(folder) as run:
        assert run.missing_locks
        claimed = read_description(folder)
        assert (claimed["pid"], claimed["status"]) == (os.getpid(), "running")
        with pytest.raises(CheckpointError, match=f"being trained by process {os.getpid()}; stop"):
            run_writer.reopen(folder)
    assert read_description(folder) == before, "it has not trained"


def test_run_of_another_host_is_refused_with_a_way_out(no_locks, folder, other):
    describe(folder, **owned_by(other.pid, host="elsewhere"))
    with pytest.raises(CheckpointError) as refused:
        run_writer.reopen(folder)
    assert str(refused.value) == (
        f"{folder} is running in process {other.pid} on elsewhere, and this file system has no "
        "locks that show whether it still is; stop it there, or, if it has ended, set "
        f'"status" to "stopped" in {folder}/run.json'
    )
    describe(folder, status="stopped")
    run_writer.reopen(folder).__exit__()


def test_earlier_versions_wrote_no_start_time(no_locks, folder, other):
    described = read_description(folder) | owned_by(other.pid)
    del described["process_started"]
    write_description(folder, described)
    with pytest.raises(CheckpointError, match="is being trained by process"):
        run_writer.reopen(folder)


def test_released_run_is_resumed_by_another_process(no_locks, folder, tmp_path):
    """As when a run is detached: the process that trained it lives on."""
    with run_writer.reopen(folder) as run:
        run.begin(TrainConfig(checkpoints=str(tmp_path)), "sample", "cpu")
        run.record(Paused(step=1))
    assert read_description(folder)["status"] == "paused"
    run_writer.reopen(folder).__exit__()


def test_working_locks_need_no_other_sign(folder, other):
    """A run of a host that has gone is resumed where the lock shows that it is free."""
    describe(folder, **owned_by(other.pid, host="elsewhere"))
    with run_writer.reopen(folder) as run:
        assert run.missing_locks is None
        check_locks(folder / "events.jsonl")
        with pytest.raises(CheckpointError, match="is being trained by"):
            run_writer.reopen(folder)
    with pytest.raises(NoLocks):
        check_locks(folder / "events.jsonl")


def test_locked_run_is_running_after_the_clock_was_set(folder, tmp_path):
    """A process seems to have started at another time then, as after a virtual machine resumes."""
    with run_writer.reopen(folder) as run:
        run.begin(TrainConfig(checkpoints=str(tmp_path)), "sample", "cpu")
        describe(folder, process_started=1.0)
        assert read_run_info(folder).status == "running"
    assert read_run_info(folder).status == "interrupted"


def test_folder_is_locked_by_a_file_without_locks(monkeypatch, tmp_path):
    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(locking, "FOLDER_TRIES", 2)
    with lock_folder(tmp_path), pytest.raises(CheckpointError, match="busy"), lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        (claim,) = tmp_path.parent.glob(f".{tmp_path.name}.claim")
        os.utime(claim, (1, 1))
        with lock_by_file(tmp_path):
            pass  # the process that left the file was killed
    assert list(tmp_path.parent.glob(".*.claim")) == []


NO_LOCKS = """
import errno, fcntl
def flock(file, how): raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
from tui.cli.main import main
main()
"""


def test_one_of_two_resuming_processes_is_refused_without_locks(tmp_path):
    pytest.importorskip("mlxtend")

    def start(*arguments):
        return preloaded.Popen(
            [sys.executable, "-c", NO_LOCKS, *arguments, "--json"],
            cwd=tmp_path,
            env=environment_in(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    options = ("--dataset", "sample", "--arch", "linear", "--threads", "1", "--epochs", "1")
    out, err = start("train", *options).communicate(timeout=60)
    notice = "mnist-tui: the file system of checkpoints has no locks that work (No locks available)"
    assert (err.count("\n"), err.startswith(notice)) == (1, True)
    name = json.loads(out.splitlines()[-1])["checkpoint"].split("/")[-2]
    both = [start("resume", name, "--epochs", "9999") for _ in range(2)]
    until = time.monotonic() + 60
    while all(process.poll() is None for process in both) and time.monotonic() < until:
        time.sleep(0.02)
    loser, winner = sorted(both, key=lambda process: process.poll() is None)
    _, err = loser.communicate(timeout=60)
    assert loser.returncode == 1
    by = rf"checkpoints/{name} is being trained by (another )?process|busy with checkpoints/{name}"
    assert re.search(by, err)
    winner.terminate()
    out, err = winner.communicate(timeout=60)
    assert winner.returncode == 143
    assert json.loads(out.splitlines()[-1])["stopped"] is True
