"""The one thread that touches torch: what it is told, what it answers."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from conftest import diverged, make_fake_train

from core import runs
from core.commands import ListDevices, OpenCheckpoint, Pause, Quit, Resume, Start, Stop
from core.config import TrainConfig
from core.engine import serve
from core.events import (
    CheckpointRefused,
    DevicesListed,
    Notice,
    Paused,
    Predicted,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.trainer import train

ROOT = Path(__file__).parents[1]
CONFIG = TrainConfig(epochs=1)
QUICK = make_fake_train(steps=3, delay=0.0)


ENDINGS = (DevicesListed, Predicted, CheckpointRefused, RunFinished, RunFailed)


def told(*commands, train=QUICK):
    """What the engine says when it is told one thing after another, each when the last is done."""
    inbox, waiting = SimpleQueue(), [*commands, Quit()]
    inbox.put(waiting.pop(0))
    events = []
    for event in serve(inbox, train):
        events.append(event)
        if isinstance(event, ENDINGS):
            inbox.put(waiting.pop(0))
    return events


def kinds(events):
    return [type(event) for event in events]


def test_it_serves_until_it_is_told_to_quit():
    assert told() == []
    events = told(ListDevices(), Start(CONFIG), Start(CONFIG))
    assert isinstance(events[0], DevicesListed)
    assert kinds(events).count(RunFinished) == 2


def test_a_quit_ends_a_run_and_saves_it(tiny):
    inbox = SimpleQueue()
    inbox.put(Start(tiny(epochs=100_000)))
    events = []
    for event in serve(inbox, train):
        events.append(event)
        if isinstance(event, RunStarted):
            inbox.put(Quit())
    assert events[-1].stopped
    assert Path(events[-1].checkpoint).exists()


def test_a_fault_in_a_run_does_not_end_the_engine():
    trainers = [
        make_fake_train(ends=ValueError("a fault")),
        make_fake_train(ends=diverged()),
        QUICK,
    ]
    events = told(*[Start(CONFIG)] * 3, train=lambda config, inbox: trainers.pop(0)(config, inbox))
    endings = [event for event in events if isinstance(event, RunFailed | RunFinished)]
    assert [type(event) for event in endings] == [RunFailed, RunFailed, RunFinished]
    assert endings[0].message == "ValueError: a fault"


def test_commands_with_no_meaning_now_are_passed_over():
    inbox = SimpleQueue()
    for command in (Pause(), Resume(), Stop(), Quit()):
        inbox.put(command)
    assert list(serve(inbox, QUICK)) == []


def test_a_checkpoint_opens_idle_during_a_run_and_during_a_pause(tiny):
    (*_, finished) = train(tiny(), SimpleQueue())
    opening = OpenCheckpoint(finished.checkpoint, (0, 1, 99), None)
    (answer,) = [event for event in told(opening) if isinstance(event, Predicted)]
    assert [digit.index for digit in answer.digits] == [0, 1]
    assert (answer.source, answer.samples, answer.step) == (finished.checkpoint, 50, 20)

    inbox = SimpleQueue()
    inbox.put(Start(tiny(epochs=100_000)))
    answers = []
    for event in serve(inbox, train):
        if isinstance(event, RunStarted):
            inbox.put(opening)
        elif isinstance(event, Predicted):
            answers.append(event.digits)
            inbox.put(Pause() if len(answers) == 1 else Quit())
        elif isinstance(event, Paused):
            inbox.put(Start(CONFIG))
        elif isinstance(event, Notice):
            assert "a run is going on" in event.message
            inbox.put(opening)
    assert answers == [answer.digits] * 2


def test_a_checkpoint_that_cannot_be_opened_says_why(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    commands = [OpenCheckpoint(str(tmp_path / name), (0,), None) for name in ("x", "none")]
    events = told(*commands)
    assert kinds(events) == [CheckpointRefused] * 2
    assert events[0].message == f"{tmp_path / 'x'} is empty"
    assert events[1].message == f"{tmp_path / 'none'} does not exist"


def test_torch_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, queue; from core.engine import serve; from core.commands import Quit\n"
        "inbox = queue.SimpleQueue(); inbox.put(Quit()); list(serve(inbox))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_runs_that_start_together_get_folders_of_their_own(tmp_path):
    code = (
        "import sys; from core import runs; from core.config import TrainConfig\n"
        "config = TrainConfig(checkpoints=sys.argv[1])\n"
        "for _ in range(20):\n"
        "    with runs.create(config, 'sample', 'cpu') as run: print(run.name)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    names = [name for each in started for name in each.communicate(timeout=60)[0].split()]
    assert len(names) == len(set(names)) == 60
    for folder in islice(tmp_path.iterdir(), 60):
        described = json.loads((folder / "run.json").read_text())
        assert described["run"] == folder.name
        assert described["status"] == "running"


def test_a_run_s_folder_expands_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with runs.create(TrainConfig(checkpoints="~/runs"), "sample", "cpu") as run:
        assert run.folder.parent == tmp_path / "runs"
