"""The training loop: what stays true whatever commands a run gets."""

import json
import math
import threading
import time
from itertools import count, pairwise
from pathlib import Path

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import (
    ForwardedCommand,
    ListDevices,
    Pause,
    Predict,
    PredictImages,
    Resume,
    Save,
    SetLearningRate,
    Stop,
)
from core.event_json import as_json
from core.events import (
    CheckpointSaved,
    Evaluated,
    LearningRateChanged,
    Notice,
    Paused,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.models.architectures import ARCHITECTURES
from core.models.metrics import METRICS
from core.models.networks import resolve_network
from core.responses.predictions import ImagesPredicted, Predicted
from core.runs.run_writer import RunWriter
from core.training import checkpoint_writer, learner, loop, stopwatch
from core.training.trainer import train
from tests.support.training import Inbox, drive, only


@pytest.fixture
def every_step(monkeypatch):
    """Report progress at each step, so that a test can send a command at any step."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


def tick_each_look(monkeypatch) -> None:
    """A clock that moves on by a second each time that training time is measured."""
    ticks = count()
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: float(next(ticks)))


def folder_of(events) -> Path:
    return Path(only(events, RunStarted)[0].folder)


def status_of(folder) -> str:
    return json.loads((folder / "run.json").read_text())["status"]


def test_events_are_recorded_before_yielded(tiny):
    folder, recorded = None, []
    for event in train(tiny(), Inbox()):
        folder = Path(event.folder) if isinstance(event, RunStarted) else folder
        if event.recorded:
            recorded.append(as_json(event))
            assert (folder / "events.jsonl").read_text().splitlines() == recorded
        if isinstance(event, CheckpointSaved):
            checkpoints.load(Path(event.path))
        if isinstance(event, RunFinished):
            assert status_of(folder) == "finished"
    assert len(recorded) >= 2 + 3 * 2


def test_pauses_and_predictions_leave_results_unchanged(tiny, every_step):
    plain = drive(tiny())
    looked = drive(
        tiny(),
        {
            3: [Predict((0, 1))],
            7: [Pause(), Pause()],
            Paused: [Predict((2,)), Resume(), Resume()],
            15: [Predict((4, 5))],
            Evaluated: [Predict((6,))],
        },
    )
    assert [event.step for event in only(looked, Predicted)] == [3, 7, 10, 15]
    one, other = (checkpoints.load(Path(events[-1].checkpoint))[1] for events in (plain, looked))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [e.loss for e in only(plain, Progress)] == [e.loss for e in only(looked, Progress)]


def test_paused_run_predicts_without_training(tiny, every_step):
    events = drive(tiny(), {5: [Pause()], Paused: [Predict((0,)), Predict((1,)), Resume()]})
    start, end = (events.index(only(events, kind)[0]) for kind in (Paused, Resumed))
    kinds = [type(event) for event in events[start + 1 : end]]
    assert [kind for kind in kinds if kind is not CheckpointSaved] == [Predicted, Predicted]
    assert (events[start].step, events[end].step) == (5, 5)
    saved = [(event.kind, event.step) for event in only(events, CheckpointSaved)]
    assert saved[0] == ("last", 5), "what was paused is safe"
    assert (events[-1].steps, events[-1].stopped) == (20, False)


def test_paused_run_writes_status_uses_no_cpu(tiny, every_step):
    inbox, statuses = Inbox(), {}
    for event in train(tiny(), inbox):
        if isinstance(event, Progress) and event.step == 5:
            inbox.put(Pause())
        elif isinstance(event, RunStarted):
            folder = Path(event.folder)
        elif isinstance(event, Paused):
            statuses["paused"] = status_of(folder)
            threading.Timer(0.4, inbox.put, [Resume()]).start()
            # This thread's: another is writing the checkpoint of the pause.
            cpu, wall = time.thread_time(), time.monotonic()
        elif isinstance(event, Resumed):
            statuses["running"] = status_of(folder)
            assert time.monotonic() - wall > 0.3
            assert time.thread_time() - cpu < 0.1
    assert statuses == {"paused": "paused", "running": "running"}
    assert status_of(folder) == "finished"
    assert event.train_seconds < 0.4, "a pause is not training"


def test_stop_within_epoch_saves_its_step(tiny, every_step):
    events = drive(tiny(epochs=3), {13: [Stop()]})
    finished = events[-1]
    assert (finished.stopped, finished.steps, finished.epochs) == (True, 13, 1)
    assert finished.test_accuracy == only(events, Evaluated)[0].test_accuracy
    info, tensors = checkpoints.load(Path(finished.checkpoint))
    assert (info.step, info.epoch) == (13, 1)
    assert (info.test_loss, info.test_accuracy) == (None, None), "these weights were not evaluated"
    assert tensors["optimizer.fc1.weight.step"] == 13
    assert read_info(folder_of(events) / "best.safetensors").step == 10
    assert status_of(folder_of(events)) == "stopped"


def test_checkpoint_has_all_resuming_needs(tiny):
    _, tensors = checkpoints.load(Path(drive(tiny())[-1].checkpoint))
    weights = {"fc1.weight", "fc1.bias"}
    moments = {
        f"optimizer.{name}.{key}" for name in weights for key in ("step", "exp_avg", "exp_avg_sq")
    }
    assert set(tensors) == weights | moments | {"rng.torch"}


def test_forwarded_commands_are_not_recorded(tiny, every_step):
    events = drive(tiny(), {3: [ListDevices()], 7: [Pause()], Paused: [ListDevices(), Resume()]})
    forwarded = [event.command for event in only(events, ForwardedCommand)]
    assert forwarded == [ListDevices(), ListDevices()]
    recorded = (folder_of(events) / "events.jsonl").read_text().splitlines()
    assert recorded == [
        as_json(e) for e in events if type(e) is not ForwardedCommand and e.recorded
    ]


@pytest.mark.parametrize("order", [[Stop()], [Pause(), Stop()], [Stop(), Resume(), Pause()]])
def test_stop_ends_run_among_other_commands(tiny, every_step, order):
    finished = drive(tiny(), {4: order})[-1]
    assert (finished.stopped, finished.steps) == (True, 4)


def test_stop_during_evaluation_keeps_no_score(tiny, every_step):
    events = drive(tiny(), {10: [Stop()]})
    finished = events[-1]
    assert (finished.steps, finished.epochs, finished.stopped) == (10, 1, True)
    assert only(events, Evaluated) == []
    assert (finished.test_loss, finished.test_accuracy) == (None, None)


def test_huge_learning_rate_diverges_keeping_weights(tiny):
    """A pause before the first step saves the weights as they were drawn."""
    config = tiny(arch="mlp", learning_rate=1e30)
    events = drive(config, {RunStarted: [Pause()], Paused: [Resume()]})
    failed = events[-1]
    assert isinstance(failed, RunFailed)
    assert failed.reason == "diverged"
    assert "try a learning rate below 1e+30" in failed.message
    assert len(failed.message.splitlines()) == 1
    info, model = checkpoints.load_model(Path(failed.checkpoint))
    assert info.step == 0
    assert all(each.isfinite().all() for each in model.parameters())
    assert status_of(folder_of(events)) == "failed"


def test_nan_test_loss_is_divergence(tiny, monkeypatch):
    """The last step can break the weights when no later one is there to notice."""
    values = iter([0.5, math.nan])
    monkeypatch.setitem(METRICS, "loss", lambda logits, labels: next(values))
    events = drive(tiny(epochs=2))
    assert events[-1].reason == "diverged"
    assert [event.test_loss for event in only(events, Evaluated)] == [0.5]
    assert checkpoints.load(folder_of(events) / "last.safetensors")[0].step == 10


def test_stop_saves_no_infinite_weights(tiny, every_step):
    """One step that is far too large: its loss is that before it, and the result is not evaluated.

    The pause before it has saved the weights as they were drawn; they stay.
    """
    config = tiny(batch_size=200, learning_rate=1e39)
    events = drive(config, {RunStarted: [Pause()], Paused: [Resume()], 1: [Stop()]})
    assert [math.isfinite(event.loss) for event in only(events, Progress)] == [True]
    assert only(events, Evaluated) == []
    assert events[-1].reason == "diverged"
    info, tensors = checkpoints.load(Path(events[-1].checkpoint))
    assert info.step == 0
    assert all(each.isfinite().all() for name, each in tensors.items() if "rng" not in name)


def test_short_epochs_report_progress(tiny):
    events = drive(tiny(epochs=4))
    reports = only(events, Progress)
    assert {event.epoch for event in reports} == {1, 2, 3, 4}
    assert {10, 20, 30, 40} <= {event.step for event in reports}
    for event in reports:
        assert 1 <= len(event.losses) <= loop.MEANS_PER_PROGRESS
        assert min(event.losses) <= event.loss <= max(event.losses)
        assert event.samples_per_second > 0
        assert event.learning_rate == 0.01


def test_speed_is_samples_over_elapsed_time(tiny, every_step, monkeypatch):
    """By a clock that ticks once each time that it is looked at: a step is at least a second."""
    tick_each_look(monkeypatch)
    events = drive(tiny())
    speeds = [event.samples_per_second for event in only(events, Progress)]
    assert len(speeds) == 20
    assert max(speeds) == 20, "a batch of 20 in a second"
    assert min(speeds) >= 5
    finished = events[-1]
    assert finished.samples_per_second == 400 / finished.train_seconds
    assert 20 <= finished.train_seconds <= 40


def test_smaller_last_batch_is_a_step(tiny, every_step):
    events = drive(tiny(epochs=2, batch_size=60))
    assert only(events, RunStarted)[0].steps_per_epoch == 4
    assert [event.epoch for event in only(events, Progress)] == [1] * 4 + [2] * 4
    assert events[-1].steps == 8


def test_one_batch_may_hold_all_images(tiny):
    assert drive(tiny(batch_size=200))[-1].steps == 2


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_network_trains_and_loads_again(tiny, tiny_tensors, arch):
    events = drive(tiny(arch=arch, epochs=1, learning_rate=1e-3, batch_size=50))
    started, finished = only(events, RunStarted)[0], events[-1]
    assert started.parameters == resolve_network(arch).parameters
    info, model = checkpoints.load_model(Path(finished.checkpoint))
    assert info.arch == arch
    assert info.test_accuracy == finished.test_accuracy
    from core.models.inference import predict

    scored = predict(model, tiny_tensors.test_images)
    assert METRICS["accuracy"](scored, tiny_tensors.test_labels) == finished.test_accuracy
    loss = METRICS["loss"](scored, tiny_tensors.test_labels)
    assert loss == pytest.approx(finished.test_loss, rel=1e-4)


@pytest.mark.parametrize(("threads", "used"), [("auto", 1), (2, 2), ("2", 2)])
def test_small_network_uses_one_thread(tiny, threads, used):
    started = only(drive(tiny(threads=threads, epochs=1)), RunStarted)[0]
    assert started.threads == used
    assert torch.get_num_threads() == used


def test_unwritable_events_are_reported_once(tiny, monkeypatch):
    def full(run, event):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunWriter, "record", full)
    events = drive(tiny())
    [notice] = only(events, Notice)
    assert notice.message.startswith("the events of the run cannot be written to ")
    assert "(No space left on device); training continues" in notice.message
    assert isinstance(events[-1], RunFinished)


def test_metric_error_names_last_checkpoint(tiny, monkeypatch):
    real, calls = METRICS["accuracy"], []

    def broken(logits, labels):
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("a fault\nof two lines")
        return real(logits, labels)

    monkeypatch.setitem(METRICS, "accuracy", broken)
    events = drive(tiny(epochs=3))
    failed, folder = events[-1], folder_of(events)
    assert failed.reason == "error"
    assert len(failed.message.splitlines()) == 1
    assert failed.message.startswith("ZeroDivisionError: a fault; ")
    assert failed.checkpoint == str(folder / "last.safetensors")
    assert checkpoints.load(Path(failed.checkpoint))[0].step == 10
    assert "ZeroDivisionError" in (folder / "traceback.txt").read_text()
    assert status_of(folder) == "failed"


@pytest.mark.parametrize(("losses", "best"), [([0.5, 0.4], 20), ([0.5, 0.5], 10), ([0.4, 0.5], 10)])
def test_equal_accuracy_prefers_lower_loss(tiny, monkeypatch, losses, best):
    values = iter(losses)
    monkeypatch.setitem(METRICS, "accuracy", lambda logits, labels: 0.5)
    monkeypatch.setitem(METRICS, "loss", lambda logits, labels: next(values))
    folder = folder_of(drive(tiny(epochs=2)))
    assert read_info(folder / "best.safetensors").step == best
    assert read_info(folder / "last.safetensors").step == 20


def test_worse_epoch_keeps_best_checkpoint(tiny, every_step, saved_at_once, monkeypatch):
    scores = iter([0.5, 0.9, 0.7, 0.8])
    monkeypatch.setitem(METRICS, "accuracy", lambda logits, labels: next(scores))
    events = drive(tiny(epochs=4))
    kinds = [event.kind for event in only(events, CheckpointSaved)]
    assert kinds == [*["best", "last", "epoch"] * 2, *["last", "epoch"] * 2]
    folder = folder_of(events)
    assert read_info(folder / "best.safetensors").test_accuracy == 0.9
    assert read_info(folder / "last.safetensors").test_accuracy == 0.8
    assert events[-1].test_accuracy == 0.8


def test_changed_learning_rate_applies_from_next_step(tiny, every_step):
    events = drive(tiny(), {5: [SetLearningRate(0.05)], 12: [SetLearningRate(0.002)]})
    rates = [event.learning_rate for event in only(events, Progress)]
    assert rates == [0.01] * 5 + [0.05] * 7 + [0.002] * 8
    changed = [(event.step, event.learning_rate) for event in only(events, LearningRateChanged)]
    assert changed == [(5, 0.05), (12, 0.002)]
    info = read_info(folder_of(events) / "last.safetensors")
    assert info.config["learning_rate"] == 0.002, "so that it stays changed"


def test_changed_learning_rate_scales_schedule(tiny, every_step):
    plain = [event.learning_rate for event in only(drive(tiny(schedule="cosine")), Progress)]
    orders = {10: [SetLearningRate(0.02)]}
    changed = only(drive(tiny(schedule="cosine"), orders), Progress)
    assert plain[0] == 0.01
    assert [event.learning_rate for event in changed] == [
        rate * (1 if step < 10 else 2) for step, rate in enumerate(plain)
    ]


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, "fast"])
def test_invalid_learning_rate_changes_nothing(tiny, every_step, rate):
    events = drive(tiny(), {5: [SetLearningRate(rate)]})
    (notice,) = only(events, Notice)
    assert notice.message.startswith("the learning rate must be a number above 0")
    assert only(events, LearningRateChanged) == []
    assert {event.learning_rate for event in only(events, Progress)} == {0.01}


def test_save_keeps_its_step(tiny, every_step, saved_at_once, monkeypatch):
    kept, real = [], checkpoints.save

    def save(path, tensors, info):
        kept.append((path.name, info.step, tensors["fc1.weight"].clone()))
        real(path, tensors, info)

    monkeypatch.setattr(checkpoints, "save", save)
    events = drive(tiny(), {7: [Save()]})
    assert [(name, step) for name, step, _ in kept][:1] == [("last.safetensors", 7)]
    assert events[-1].steps == 20
    saved = [event.step for event in only(events, CheckpointSaved) if event.kind == "last"]
    assert saved == [7, 10, 20]
    assert not torch.equal(kept[0][2], kept[-1][2])


def test_training_continues_during_checkpoint_write(tiny, every_step, monkeypatch):
    """The disk takes its time until ten more steps are done, and what it writes is the old step."""
    done, real = threading.Event(), checkpoints.save

    def slow(path, tensors, info):
        assert info.step != 3 or done.wait(20), "training waits for the disk"
        real(path, tensors, info)

    monkeypatch.setattr(checkpoints, "save", slow)
    inbox, saved = Inbox(), []
    for event in train(tiny(batch_size=5), inbox):
        if isinstance(event, Progress) and event.step == 3:
            inbox.put(Save())
        elif isinstance(event, Progress) and event.step == 13:
            done.set()
        elif isinstance(event, CheckpointSaved):
            saved.append(event.step)
    assert saved[0] == 3
    assert event.steps == 80


@pytest.mark.parametrize("command", [Pause(), Stop(), SetLearningRate(0.5), Predict((0,))])
def test_commands_are_handled_during_checkpoint_write(tiny, every_step, monkeypatch, command):
    heard, real = threading.Event(), checkpoints.save

    def slow(path, tensors, info):
        heard.wait(0.5)
        real(path, tensors, info)

    monkeypatch.setattr(checkpoints, "save", slow)
    inbox, at = Inbox(), None
    for event in train(tiny(batch_size=5), inbox):
        if isinstance(event, Progress) and event.step == 3:
            inbox.put(Save())
            inbox.put(command)
        if at is None and isinstance(event, Paused | LearningRateChanged | Predicted | RunFinished):
            at = event
            heard.set()
            inbox.put(Resume())
    assert (at.steps if isinstance(at, RunFinished) else getattr(at, "step", 3)) == 3


def test_save_every_counts_training_seconds(tiny, every_step, saved_at_once, monkeypatch):
    """By a clock that ticks a second at each look."""
    tick_each_look(monkeypatch)
    config = tiny(epochs=1, batch_size=4, save_every=20.0)
    saved = [event.step for event in only(drive(config), CheckpointSaved) if event.kind == "last"]
    assert saved[-1] == 50
    gaps = [later - earlier for earlier, later in pairwise([0, *saved[:-1]])]
    assert gaps
    assert all(5 <= gap <= 20 for gap in gaps), gaps


def test_commands_are_handled_during_evaluation(tiny, every_step, monkeypatch):
    monkeypatch.setattr(learner, "EVALUATED_AT_ONCE", {"cpu": 10})
    orders = {10: [Pause()], Paused: [Resume()]}
    events = drive(tiny(), orders)
    kinds = [event.name for event in events]
    assert kinds.index("paused") < kinds.index("evaluated")
    assert only(events, Paused)[0].step == 10


@pytest.mark.parametrize("keep", [0, 3])
def test_slow_disk_gets_newest_and_best(tiny, every_step, monkeypatch, keep):
    """Ten epochs pass while the first is written: of those between, only the best and the epochs to
    keep are written."""
    scores = iter([0.1, 0.2, 0.3, 0.9, *[0.4] * 16])
    monkeypatch.setitem(METRICS, "accuracy", lambda logits, labels: next(scores))
    freed, real, kept = threading.Event(), checkpoints.save, []

    def slow(path, tensors, info):
        assert freed.wait(20)
        kept.append((path.name.split(".")[0], info.step))
        real(path, tensors, info)

    monkeypatch.setattr(checkpoints, "save", slow)
    inbox = Inbox()
    for event in train(tiny(epochs=20, keep=keep), inbox):
        if isinstance(event, Progress) and event.step == 105:
            freed.set()
        elif isinstance(event, RunStarted):
            folder = Path(event.folder)
    assert kept[0] == ("best", 10)
    assert kept[1] in [("last", step) for step in range(100, 201, 10)]
    assert ("best", 40) in kept
    assert [step for name, step in kept if name == "last"][-1] == 200
    assert not {10, 20, 30, 50, 60, 70} & {step for _, step in kept[1:]}
    epochs = {path.name for path in folder.glob("epoch-*")}
    assert epochs == {f"epoch-0{n}.safetensors" for n in (18, 19, 20)[3 - keep :]}
    assert read_info(folder / "best.safetensors").test_accuracy == 0.9


def test_failed_save_is_retried_while_paused(tiny, every_step, monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", 0.05)
    real, tries = checkpoints.save, []

    def failing(path, tensors, info):
        tries.append(info.step)
        if len(tries) < 4:
            raise OSError(28, "No space left on device")
        real(path, tensors, info)

    monkeypatch.setattr(checkpoints, "save", failing)
    inbox, kinds = Inbox(), []
    for event in train(tiny(), inbox):
        if isinstance(event, Progress) and event.step == 5:
            inbox.put(Pause())
        if isinstance(event, Paused | Notice | CheckpointSaved | Resumed):
            kinds.append(type(event))
        if isinstance(event, Notice) and "again" in event.message:
            inbox.put(Resume())
    assert tries[:4] == [5] * 4
    assert kinds[:5] == [Paused, Notice, CheckpointSaved, Notice, Resumed], "each reported once"
    assert event.steps == 20


def test_unwritable_best_still_saves_last(tiny, every_step):
    inbox = Inbox()
    for event in train(tiny(), inbox):
        if isinstance(event, RunStarted):
            (Path(event.folder) / "best.safetensors" / "in the way").mkdir(parents=True)
    assert isinstance(event, RunFinished)
    assert checkpoints.load(Path(event.checkpoint))[0].step == 20


@pytest.mark.parametrize("fault", [MemoryError(), ValueError("odd")])
def test_errors_in_saving_end_no_run(tiny, every_step, monkeypatch, fault):
    def broken(*arguments):
        raise fault

    monkeypatch.setattr(checkpoints, "save", broken)
    events = drive(tiny())
    assert events[-1].reason == "checkpoint"
    assert only(events, Progress)[-1].step == 20
    assert status_of(folder_of(events)) == "failed"


def test_no_checkpoint_is_ahead_of_events(tiny, every_step, saved_at_once, monkeypatch):
    """From step 4 until step 8 the record cannot be written, and the disk takes checkpoints."""
    real, blocked, kept = RunWriter._write_events, [], []

    def refusing(run):
        if blocked:
            run.write_error = "Input/output error"
            raise OSError(5, "Input/output error")
        real(run)

    def save(path, tensors, info):
        lines = (path.parent / "events.jsonl").read_text().splitlines()
        kept.append((info.step, max(json.loads(line).get("step", 0) for line in lines)))

    monkeypatch.setattr(RunWriter, "_write_events", refusing)
    monkeypatch.setattr(checkpoints, "save", save)
    inbox = Inbox()
    for event in train(tiny(epochs=1), inbox):
        if isinstance(event, Progress):
            inbox.put(Save())
            blocked[:] = ["no"] * (4 <= event.step < 8)
    assert isinstance(event, RunFinished)
    assert all(step <= recorded for step, recorded in kept), kept
    assert {step for step, _ in kept} >= {3, 10}
    assert not {5, 6, 7} & {step for step, _ in kept}


def test_own_images_are_predicted_between_steps(tiny, tiny_tensors, every_step):
    """The same pixels as a test digit get the same answer; bytes of another size are skipped."""
    pixels = bytes(tiny_tensors.test_images[4].flatten().tolist())
    orders = {
        5: [PredictImages((b"", pixels, bytes(784)), question=3), Predict((4,)), PredictImages(())]
    }
    events = drive(tiny(), orders)
    (answer, nothing), (known,) = only(events, ImagesPredicted), only(events, Predicted)
    assert [(digit.index, digit.label) for digit in answer.digits] == [(1, None), (2, None)]
    assert answer.digits[0].pixels == pixels
    assert answer.digits[0].logits == pytest.approx(known.digits[0].logits, abs=1e-5)
    assert (answer.step, answer.question, nothing.digits) == (5, 3, ())
    assert answer.seconds > 0
    assert events[-1].steps == 20
