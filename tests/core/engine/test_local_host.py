"""LocalHost: runs, and requests before, during and between them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from core.checkpoints import io as checkpoints
from core.commands import (
    DescribeNetwork,
    ListDevices,
    OpenCheckpoint,
    Pause,
    Quit,
    RaceLane,
    RacePlan,
    Resume,
    Start,
    StartRace,
    Stop,
)
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from core.events import Notice, Paused, Progress, RunFailed, RunFinished, RunStarted
from core.host import run_events
from core.responses.devices import DevicesListed
from core.responses.predictions import CheckpointRefused, Predicted
from core.training.trainer import train
from tests.support.fakes import diverged, make_fake_train

ROOT = Path(__file__).parents[3]
CONFIG = TrainConfig(epochs=1)
QUICK = make_fake_train(steps=3, delay=0.0)


ENDINGS = (DevicesListed, Predicted, CheckpointRefused, RunFinished, RunFailed)


def run_commands(*commands, train=QUICK):
    """Return the events of commands, each sent when the one before is done."""
    host, waiting = LocalHost(train), [*commands, Quit()]
    host.send(waiting.pop(0))
    events = []
    for event in host.events():
        events.append(event)
        if isinstance(event, ENDINGS):
            host.send(waiting.pop(0))
    return events


def kinds(events):
    return [type(event) for event in events]


def test_engine_runs_until_quit():
    assert run_commands() == []
    events = run_commands(ListDevices(), Start(CONFIG), Start(CONFIG))
    assert isinstance(events[0], DevicesListed)
    assert kinds(events).count(RunFinished) == 2


def test_quit_saves_the_run(tiny):
    host = LocalHost()
    host.send(Start(tiny(epochs=100_000)))
    events = []
    for event in host.events():
        events.append(event)
        if isinstance(event, RunStarted):
            host.send(Quit())
    assert events[-1].stopped
    assert Path(events[-1].checkpoint).exists()


def test_start_paused_trains_no_step(tiny):
    host = LocalHost()
    host.send(Start(tiny(), paused=True))
    for event in run_events(host):
        assert not isinstance(event, Progress)
        if isinstance(event, Paused):
            assert event.step == 0
            host.send(Stop())
    assert event.stopped


def test_failed_run_leaves_the_engine():
    trainers = [
        make_fake_train(ends=ValueError("a fault")),
        make_fake_train(ends=diverged()),
        QUICK,
    ]
    events = run_commands(
        *[Start(CONFIG)] * 3, train=lambda config, inbox: trainers.pop(0)(config, inbox)
    )
    endings = [event for event in events if isinstance(event, RunFailed | RunFinished)]
    assert [type(event) for event in endings] == [RunFailed, RunFailed, RunFinished]
    assert endings[0].message == "ValueError: a fault"


def test_commands_without_a_run_are_ignored():
    host = LocalHost(QUICK)
    for command in (Pause(), Resume(), Stop(), Quit()):
        host.send(command)
    assert list(host.events()) == []


def test_checkpoint_opens_at_any_time(tiny):
    (*_, finished) = train(tiny(), SimpleQueue())
    opening = OpenCheckpoint(finished.checkpoint, (0, 1, 99), None)
    (answer,) = [event for event in run_commands(opening) if isinstance(event, Predicted)]
    assert [digit.index for digit in answer.digits] == [0, 1]
    assert (answer.source, answer.samples, answer.step) == (finished.checkpoint, 50, 20)

    host = LocalHost()
    host.send(Start(tiny(epochs=100_000)))
    answers, refused = [], []
    for event in host.events():
        if isinstance(event, RunStarted):
            host.send(opening)
        elif isinstance(event, Predicted):
            answers.append(event.digits)
            host.send(Pause() if len(answers) == 1 else Quit())
        elif isinstance(event, Paused):
            host.send(Start(CONFIG))
            host.send(StartRace(RacePlan((RaceLane("1", CONFIG), RaceLane("2", CONFIG)), ())))
        elif isinstance(event, Notice):
            assert "training is in progress" in event.message
            refused.append(event)
            if len(refused) == 2:
                host.send(opening)
    assert answers == [answer.digits] * 2


def test_unreadable_checkpoint_gives_a_reason(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    commands = [OpenCheckpoint(str(tmp_path / name), (0,), None) for name in ("x", "none")]
    events = run_commands(*commands)
    assert kinds(events) == [CheckpointRefused] * 2
    assert events[0].message == f"{tmp_path / 'x'} is empty"
    assert events[1].message == f"{tmp_path / 'none'} does not exist"


def test_too_long_file_name_is_refused():
    (refused,) = run_commands(OpenCheckpoint("x" * 5000, (0,), None))
    assert isinstance(refused, CheckpointRefused)
    assert "File name too long" in refused.message
    assert len(refused.message.splitlines()) == 1


def test_damaged_checkpoint_leaves_the_run(tiny, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"<html>no such page</html>")
    host, events = LocalHost(), []
    host.send(Start(tiny()))
    for event in host.events():
        events.append(event)
        if isinstance(event, RunStarted):
            host.send(OpenCheckpoint(str(broken), (0,), None))
            host.send(ListDevices())
        elif isinstance(event, RunFinished):
            host.send(Quit())
    order = [kind for kind in kinds(events) if kind in (RunStarted, *ENDINGS)]
    assert order == [RunStarted, CheckpointRefused, DevicesListed, RunFinished]
    (refused,) = [event for event in events if isinstance(event, CheckpointRefused)]
    assert refused.path == str(broken)
    assert refused.message == f"{broken} is not a checkpoint (no safetensors header)"
    assert (events[-1].steps, events[-1].stopped) == (20, False)


def test_opening_a_checkpoint_leaves_results_unchanged(tiny):
    (*_, plain) = train(tiny(), SimpleQueue())
    host = LocalHost()
    host.send(Start(tiny()))
    for event in host.events():
        if isinstance(event, RunStarted):
            host.send(OpenCheckpoint(plain.checkpoint, (0, 1), None))
        elif isinstance(event, RunFinished):
            host.send(Quit())
            looked = event
    assert looked.checkpoint != plain.checkpoint
    one, two = (
        {
            name: tensor.tolist()
            for name, tensor in checkpoints.load(Path(run.checkpoint))[1].items()
            if not name.startswith("rng.")
        }
        for run in (plain, looked)
    )
    assert one == two


def test_replaced_checkpoint_is_read_again(tiny):
    (*_, first) = train(tiny(), SimpleQueue())
    (*_, second) = train(tiny(seed=9), SimpleQueue())
    path = Path(first.checkpoint)
    opening = OpenCheckpoint(str(path), (0,), None)
    (before,) = [event for event in run_commands(opening) if isinstance(event, Predicted)]
    path.write_bytes(Path(second.checkpoint).read_bytes())
    after, same = (
        event for event in run_commands(opening, opening) if isinstance(event, Predicted)
    )
    assert after.digits[0].logits != before.digits[0].logits
    assert after.digits == same.digits


def test_torch_is_imported_lazily():
    code = (
        "import sys; from core.engine.local_host import LocalHost\n"
        "host = LocalHost(); host.close(); list(host.events())\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_unknown_dataset_is_refused(tiny):
    """An error in a response once ended the engine, and the run with it."""
    (*_, finished) = train(tiny(), SimpleQueue())
    path = Path(finished.checkpoint)
    header, tensors = checkpoints.load(path)
    checkpoints.save(path, tensors, replace(header, dataset="cifar"))
    host, refused = LocalHost(), []
    host.send(Start(tiny(epochs=100_000)))
    for event in host.events():
        if isinstance(event, RunStarted):
            host.send(OpenCheckpoint(finished.checkpoint, (0,), None))
        elif isinstance(event, CheckpointRefused):
            refused.append(event.message)
            host.send(Quit())
    assert len(refused) == 1
    assert refused[0].startswith("there is no dataset 'cifar'; the datasets are mnist, sample")
    assert isinstance(event, RunFinished)


def test_failed_request_leaves_the_engine(monkeypatch):
    """As where torch is there and cannot be imported."""
    monkeypatch.setitem(sys.modules, "core.models.summary", None)
    host = LocalHost()
    for command in (DescribeNetwork("mlp"), ListDevices(), Quit()):
        host.send(command)
    events = list(host.events())
    assert isinstance(events[0], Notice)
    assert isinstance(events[-1], DevicesListed)
