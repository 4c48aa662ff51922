"""A whole run on tiny images: its events, its files and how failures are reported."""

import json
import math
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue, SimpleQueue

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import ForwardedCommand, ListDevices, Pause, Predict, Resume, Stop
from core.data import datasets
from core.event_json import as_json
from core.events import (
    CheckpointSaved,
    Evaluated,
    Notice,
    Paused,
    Preparing,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.responses.predictions import Predicted
from core.training import control, learner, loop
from core.training.trainer import train


def run(config, *commands):
    inbox = SimpleQueue()
    for command in commands:
        inbox.put(command)
    return list(train(config, inbox))


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def run_folder(events) -> Path:
    return Path(only(events, RunStarted)[0].folder)


def losses(events):
    return [loss for event in only(events, Progress) for loss in event.losses]


def test_run_yields_events_in_order(tiny):
    events = run(tiny(epochs=2))
    kinds = [type(event).__name__ for event in events if event.recorded]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunFinished"
    others = [kind for kind in kinds if kind not in ("Progress", "CheckpointSaved")]
    assert others == ["RunStarted", "Evaluated", "Evaluated", "RunFinished"]
    started, finished = events[1], events[-1]
    assert (started.steps_per_epoch, started.total_steps) == (10, 20)
    assert (finished.steps, finished.epochs, finished.stopped) == (20, 2, False)
    assert finished.train_seconds > 0
    assert finished.samples_per_second == pytest.approx(400 / finished.train_seconds)
    assert [event.epoch for event in only(events, Evaluated)] == [1, 2]
    steps = [event.step for event in only(events, Progress)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 20


def test_network_learns(tiny):
    events = run(tiny(epochs=8))
    assert only(events, Evaluated)[-1].test_accuracy > 0.9
    assert losses(events)[-1] < losses(events)[0] / 2


def test_same_seed_repeats_the_run(tiny, monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    one, two, other = run(tiny()), run(tiny()), run(tiny(seed=5))
    assert len(losses(one)) == 20
    assert losses(one) == losses(two)
    assert not set(losses(one)) & set(losses(other))
    assert only(one, RunFinished)[0].test_loss == only(two, RunFinished)[0].test_loss
    paths = [run_folder(events) / "last.safetensors" for events in (one, two, other)]
    weights = [checkpoints.load(path)[1] for path in paths]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["fc1.weight"], weights[2]["fc1.weight"])


def test_progress_has_mean_losses(tiny, monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    events = only(run(tiny(epochs=1)), Progress)
    assert [event.step for event in events] == list(range(1, 11))
    assert all(event.losses == (event.loss,) for event in events)
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 1e9)
    first, rest = only(run(tiny(epochs=1)), Progress)
    each = [event.loss for event in events]
    assert first.losses == (each[0],)
    assert rest.loss == pytest.approx(sum(each[1:]) / 9)
    means = [*each[1:8], (each[8] + each[9]) / 2]
    assert rest.losses == pytest.approx(means)


def test_first_progress_is_the_first_step(tiny):
    """The curve begins at the loss of the untrained network, about ln 10."""
    first, *rest = only(run(tiny(epochs=1)), Progress)
    assert first.step == len(first.losses) == 1
    assert 2 < first.loss < 3
    assert rest[-1].loss < first.loss


def test_run_folder_has_expected_files(tiny):
    events = run(tiny())
    folder = run_folder(events)
    names = {path.name for path in folder.iterdir()}
    saved = {f"{kind}.safetensors" for kind in ("last", "best", "epoch-002")}
    # The first epoch is passed over where the disk is slower than so short a training.
    assert names - {"epoch-001.safetensors"} == {"run.json", "events.jsonl"} | saved
    recorded = (folder / "events.jsonl").read_text().splitlines()
    assert recorded == [as_json(event) for event in events if event.recorded]
    described = json.loads((folder / "run.json").read_text())
    assert described["status"] == "finished"
    assert described["run"] == folder.name
    assert described["config"]["dataset"] == "sample"
    assert {"pid", "versions", "device", "seed"} <= described.keys()
    info = read_info(folder / "last.safetensors")
    assert (info.epoch, info.step, info.dataset) == (2, 20, "sample")


def test_best_checkpoint_has_best_accuracy(tiny):
    events = run(tiny(epochs=6, learning_rate=0.3, seed=3))
    scores = {event.step: event.test_accuracy for event in only(events, Evaluated)}
    best = read_info(run_folder(events) / "best.safetensors")
    assert best.test_accuracy == max(scores.values()) == scores[best.step]


class Driver:
    """A run on its own thread, with its events in a queue."""

    def __init__(self, config):
        self.inbox, self.events = SimpleQueue(), Queue()
        self.thread = threading.Thread(target=self._drive, args=[config], daemon=True)
        self.thread.start()

    def _drive(self, config):
        for event in train(config, self.inbox):
            self.events.put(event)

    def until(self, kind):
        """The next event of a kind, and all before it."""
        seen = []
        while not (seen and isinstance(seen[-1], kind)):
            seen.append(self.events.get(timeout=20))
        return seen


def test_pause_stops_training_without_cpu_time(tiny):
    # Without epochs' checkpoints, of which some may be written later than the pause's own.
    driver = Driver(tiny(epochs=100_000, keep=0))
    driver.until(Progress)
    driver.inbox.put(Pause())
    paused = driver.until(Paused)[-1]
    folder = next(iter(Path(tiny().checkpoints).iterdir()))
    assert json.loads((folder / "run.json").read_text())["status"] == "paused"
    saved = ("", 0)
    while saved != ("last", paused.step):  # a pause saves, after what was to be saved before it
        event = driver.until(CheckpointSaved)[-1]
        saved = (event.kind, event.step)
    # Its own thread's: who writes the checkpoint, and other tests' threads, have theirs.
    clock = time.pthread_getcpuclockid(driver.thread.ident)
    before = time.clock_gettime(clock)
    time.sleep(0.5)
    assert time.clock_gettime(clock) - before < 0.1
    assert driver.events.empty()
    driver.inbox.put(Predict((0, 1, 999, -1)))
    answer = driver.until(Predicted)[-1]
    assert [digit.index for digit in answer.digits] == [0, 1], "indices out of range are skipped"
    driver.inbox.put(Resume())
    assert driver.until(Resumed)
    driver.until(Progress)
    driver.inbox.put(Stop())
    finished = driver.until(RunFinished)[-1]
    assert finished.stopped
    assert json.loads((folder / "run.json").read_text())["status"] == "stopped"
    info = read_info(folder / "last.safetensors")
    assert info.step == finished.steps


def test_stop_before_first_step_saves_network(tiny):
    config = tiny()
    inbox = SimpleQueue()
    events = []
    for event in train(config, inbox):
        events.append(event)
        if isinstance(event, RunStarted):
            inbox.put(Stop())
    assert events[-1].stopped
    assert events[-1].steps == 0
    assert events[-1].test_accuracy is None
    info = read_info(run_folder(events) / "last.safetensors")
    assert (info.step, info.epoch, info.test_accuracy) == (0, 0, None)


def test_stop_before_loading_leaves_nothing(tiny):
    events = run(tiny(), Stop())
    assert events[-1].reason == "stopped"
    assert not Path(tiny().checkpoints).exists()


def test_stop_during_loading_ends_it(tiny, monkeypatch):
    inbox, read = SimpleQueue(), []

    def load(data):
        for part in range(5):
            read.append(part)
            yield Preparing(message="reading", done=part, total=5)
            if part == 2:
                inbox.put(ListDevices())
                inbox.put(Stop())
        raise AssertionError("nothing is left to wait for")

    small = replace(datasets.DATASETS["sample"], load=load)
    monkeypatch.setitem(datasets.DATASETS, "sample", small)
    events = list(train(tiny(), inbox))
    assert read == [0, 1, 2, 3]
    assert [event.command for event in only(events, ForwardedCommand)] == [ListDevices()]
    assert (events[-1].reason, events[-1].checkpoint) == ("stopped", None)
    assert not Path(tiny().checkpoints).exists()


def test_other_commands_are_forwarded(tiny):
    assert [event.command for event in only(run(tiny(), ListDevices()), ForwardedCommand)] == [
        ListDevices()
    ]


def test_divergence_keeps_good_checkpoint(tiny, monkeypatch):
    real = learner.functional.cross_entropy
    calls = 0

    def broken(logits, labels, **more):
        nonlocal calls
        calls += torch.is_grad_enabled()
        return real(logits, labels, **more) * (float("nan") if calls > 15 else 1.0)

    monkeypatch.setattr(learner.functional, "cross_entropy", broken)
    events = run(tiny(arch="quick", epochs=3))
    failed = events[-1]
    assert isinstance(failed, RunFailed)
    assert failed.reason == "diverged"
    assert "try a learning rate below 0.01" in failed.message
    assert failed.checkpoint in failed.message
    last = only(events, Progress)[-1]
    assert last.step > 10, "losses before the first that is not finite are shown"
    assert all(map(math.isfinite, last.losses))
    info, tensors = checkpoints.load(Path(failed.checkpoint))
    assert info.step == 10
    assert all(each.isfinite().all() for each in tensors.values() if each.is_floating_point())
    assert json.loads((run_folder(events) / "run.json").read_text())["status"] == "failed"


def test_infinite_weights_are_never_saved(tiny):
    events = run(tiny(learning_rate=1e38, epochs=1))
    assert events[-1].reason == "diverged"
    assert not list(run_folder(events).glob("*.safetensors"))


def test_batch_larger_than_dataset_is_refused(tiny):
    (*_, failed) = run(tiny(batch_size=201))
    assert (failed.reason, failed.message) == (
        "usage",
        "--batch-size 201 is larger than the training set of 200 images; "
        "use --batch-size 200 or less",
    )


def test_unavailable_device_is_refused(tiny):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    (*_, failed) = run(tiny(device="cuda"))
    assert failed.reason == "device"
    assert "not available" in failed.message
    assert not Path(tiny().checkpoints).exists()


def test_unwritable_folder_is_refused(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    (*_, failed) = run(tiny(checkpoints=str(tmp_path / "file" / "below")))
    assert failed.reason == "checkpoint"
    assert "cannot be written" in failed.message


def full_disk(times):
    real, calls = checkpoints.save, 0

    def save(*arguments):
        nonlocal calls
        calls += 1
        if calls <= times:
            raise OSError(28, "No space left on device")
        real(*arguments)

    return save


def test_full_disk_is_reported_without_stopping(tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "save", full_disk(1))
    events = run(tiny(epochs=2))
    lost, found = only(events, Notice)
    assert "No space left on device" in lost.message
    assert "can be saved in" in found.message
    assert isinstance(events[-1], RunFinished)
    assert Path(events[-1].checkpoint).exists()


def test_unsaved_result_is_a_failure(tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "save", full_disk(99))
    events = run(tiny(epochs=2))
    assert events[-1].reason == "checkpoint"
    assert "No space left on device" in events[-1].message


@pytest.mark.parametrize("kind", [ZeroDivisionError, RuntimeError])
def test_unexpected_error_writes_traceback_file(tiny, monkeypatch, kind):
    def broken(*arguments, **more):
        raise kind("a fault\nin two lines")

    monkeypatch.setattr(learner.functional, "cross_entropy", broken)
    events = run(tiny())
    assert events[-1].reason == "error"
    details = run_folder(events) / "traceback.txt"
    assert events[-1].message == f"{kind.__name__}: a fault; the traceback is in {details}"
    assert "Traceback" in (run_folder(events) / "traceback.txt").read_text()


def test_unexpected_error_without_file_is_reported(tiny, monkeypatch):
    def broken(*arguments, **more):
        raise ZeroDivisionError("a fault")

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(learner.functional, "cross_entropy", broken)
    monkeypatch.setattr("core.training.trainer.replace_file", full)
    events = run(tiny())
    assert (events[-1].reason, events[-1].message) == ("error", "ZeroDivisionError: a fault")
    assert not (run_folder(events) / "traceback.txt").exists()


def test_failing_gpu_is_named(tiny, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("CUDA error: unspecified launch failure\nCompile with this and that")

    monkeypatch.setattr("core.compute.devices.choose_device", lambda name: torch.device("cuda:0"))
    monkeypatch.setattr(loop, "Learner", broken)
    events = run(tiny())
    assert events[-1].reason == "device"
    assert events[-1].message == "cuda:0 failed: CUDA error: unspecified launch failure"


def test_lost_gpu_names_last_checkpoint(tiny, monkeypatch):
    real, there = loop.TrainingLoop.train_epoch, []

    def running(running):
        if there:
            raise RuntimeError("CUDA error: GPU has fallen off the bus")
        there.append(1)
        yield from real(running)

    monkeypatch.setattr(loop.TrainingLoop, "train_epoch", running)
    monkeypatch.setattr("core.compute.devices.choose_device", lambda name: torch.device("cuda:0"))
    on_cpu = partial(learner.Learner, device=torch.device("cpu"))
    monkeypatch.setattr(loop, "Learner", lambda *given: on_cpu(*given[:3]))
    events = run(tiny())
    last = str(run_folder(events) / "last.safetensors")
    assert (events[-1].reason, events[-1].checkpoint) == ("device", last)
    assert events[-1].message == (
        f"cuda:0 failed: CUDA error: GPU has fallen off the bus; the last checkpoint is {last}"
    )
    assert checkpoints.load(Path(last))[0].step == 10


@pytest.mark.parametrize(
    "words", ["DefaultCPUAllocator: can't allocate memory", "CUDA out of memory"]
)
def test_out_of_memory_suggests_smaller_batch(tiny, monkeypatch, words):
    kind = torch.OutOfMemoryError if "CUDA" in words else RuntimeError

    def broken(*arguments, **more):
        raise kind(words)

    monkeypatch.setattr(learner.functional, "cross_entropy", broken)
    (*_, failed) = run(tiny())
    assert failed.reason == "memory"
    assert "try a --batch-size below 20" in failed.message


@pytest.mark.gpu
def test_gpu_trains(tiny):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    events = run(tiny(device="cuda", epochs=8))
    assert only(events, RunStarted)[0].device == "cuda:0"
    assert events[-1].test_accuracy > 0.9


def test_out_of_memory_before_training_is_reported(tiny, monkeypatch):
    def broken(*arguments):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(learner.InputScaling, "apply", broken)
    events = run(tiny())
    assert events[-1].reason == "memory"
    (folder,) = Path(tiny().checkpoints).iterdir()
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"


def test_missing_home_folder_is_refused(tiny):
    (*_, failed) = run(tiny(checkpoints="~nosuchuser/x"))
    assert (failed.reason, failed.message) == (
        "usage",
        "~nosuchuser/x: there is no such home folder",
    )


def test_error_without_message_has_its_class(tiny, monkeypatch):
    def broken(*arguments, **more):
        raise NotImplementedError

    monkeypatch.setattr(learner.functional, "cross_entropy", broken)
    assert run(tiny())[-1].message.startswith("NotImplementedError: NotImplementedError; ")


def test_prediction_during_evaluation_keeps_mode(tiny, monkeypatch):
    """A prediction once returned the network to training mode in the middle of an evaluation."""
    modes = []
    real = control.predict_digits

    def describe(model, *arguments):
        modes.append(model.training)
        answer = real(model, *arguments)
        modes.append(model.training)
        return answer

    monkeypatch.setattr(control, "predict_digits", describe)
    inbox = SimpleQueue()
    model_modes = []
    for event in train(tiny(epochs=1), inbox):
        if isinstance(event, Progress) and event.step == 10:
            inbox.put(Predict((0,)))
        if isinstance(event, Predicted):
            model_modes.append(list(modes))
    assert model_modes == [[False, False]]
