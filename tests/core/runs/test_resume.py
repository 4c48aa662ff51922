"""Tests of resuming: the same end as an uninterrupted run, to the bit, and the same events."""

import json
import re
import shutil
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import Pause, Predict, Resume, Save, SetLearningRate, Start, Stop
from core.data import datasets
from core.data.sources import mnist
from core.errors import CheckpointError, UsageError
from core.events import (
    Evaluated,
    Notice,
    Paused,
    Preparing,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.models.architectures import ARCHITECTURES
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from core.training import loop as session
from core.training.trainer import train
from tests.support.training import drive, folder_of, only, resume_run
from tui.cli.output.evaluation import evaluate_split


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)


def recorded(folder: Path):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def training_events(folder: Path, *without):
    """Return what a run has reported about its training, without its interruptions."""
    kinds = {
        "progress": ("step", "epoch", "loss", "learning_rate"),
        "evaluated": ("epoch", "step", "test_loss", "test_accuracy"),
    }
    return [
        tuple(event[name] for name in kinds[event["event"]])
        for event in recorded(folder)
        if event["event"] in kinds
    ]


@pytest.fixture
def whole_run(tiny, every_step):
    """A config, and the folder of an uninterrupted run of it."""
    config = tiny(shift=1, schedule="cosine")
    return config, folder_of(drive(config))


def assert_same_end(one: Path, other: Path):
    for name in ("last", "best"):
        (info, tensors), (other_info, others) = (
            checkpoints.load(folder / f"{name}.safetensors") for folder in (one, other)
        )
        assert tensors.keys() == others.keys()
        differing = [key for key in tensors if not torch.equal(tensors[key], others[key])]
        assert not differing, name
        assert (info.step, info.test_accuracy) == (other_info.step, other_info.test_accuracy)


EVERYTHING = {"shift": 2, "schedule": "cosine", "label_smoothing": 0.1, "weight_decay": 0.01}


@pytest.mark.parametrize(
    ("arch", "step"),
    # At each place a small network; the others, which take longer, where most is left to do.
    [
        *(("linear", step) for step in (3, 10, 17)),
        *((a, 3) for a in ARCHITECTURES if a != "linear"),
    ],
)
def test_stopped_run_resumes_to_the_same_end(tiny, every_step, arch, step):
    """Stopped within its first epoch, at its end, and within the second."""
    config = tiny(arch=arch, learning_rate=1e-3, **EVERYTHING)
    whole = folder_of(drive(config))
    cut = folder_of(drive(config, {step: [Stop()]}))
    assert read_info(cut / "last.safetensors").step == step
    events = resume_run(cut)
    assert only(events, RunStarted)[0].step == step
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].steps, events[-1].stopped) == (20, False)
    assert_same_end(whole, cut)
    assert training_events(cut) == training_events(whole)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_optimizer_resumes(tiny, every_step, optimizer, momentum):
    config = tiny(optimizer=optimizer, momentum=momentum, schedule="onecycle")
    whole, cut = folder_of(drive(config)), folder_of(drive(config, {13: [Stop()]}))
    resume_run(cut)
    assert_same_end(whole, cut)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_either_precision_is_repeatable_and_resumes(tiny, every_step, precision):
    config = tiny(arch="quick", precision=precision)
    one, other = folder_of(drive(config)), folder_of(drive(config))
    assert_same_end(one, other)
    cut = folder_of(drive(config, {7: [Stop()]}))
    resume_run(cut)
    assert_same_end(one, cut)


def test_network_with_dropout_resumes(tiny, every_step):
    config = tiny(arch="dropout 0.5, linear 16, batchnorm, relu, linear")
    whole, cut = folder_of(drive(config)), folder_of(drive(config, {13: [Stop()]}))
    torch.manual_seed(99)
    resume_run(cut)
    assert_same_end(whole, cut)


def test_any_checkpoint_can_be_resumed(tiny, every_step, saved_at_once, tmp_path):
    """Also one from before later steps: those are then trained again."""
    config = tiny(epochs=4)
    whole = folder_of(drive(config))
    inbox, kept = SimpleQueue(), {}
    for event in train(config, inbox):
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        elif isinstance(event, Progress) and event.step in (4, 15, 22, 31):
            inbox.put(Save())
        elif event.name == "checkpoint_saved" and event.kind == "last":
            kept[event.step] = shutil.copy(event.path, tmp_path / f"{event.step}.safetensors")
    assert {4, 10, 15, 20, 22, 30, 31, 40} == set(kept)
    for step in (31, 10, 20, 4, 40, 15):
        place = shutil.copytree(folder, tmp_path / f"run-{step}")
        older = Path(shutil.copy(kept[step], place / "older.safetensors"))
        if step == 40:
            (place / "run.json").unlink()  # else it has finished, and there is nothing to do
        events = resume_run(older)
        assert events[-1].steps == 40, events[-1]
        assert_same_end(whole, place)
        assert training_events(place) == training_events(whole)


def test_pause_prediction_and_save_change_nothing(tiny, every_step):
    whole = folder_of(drive(tiny()))
    orders = {5: [Pause()], Paused: [Predict((0, 1)), Save(), Resume()], 8: [Save()]}
    orders |= {14: [Predict((2,))], 19: [Predict((3,)), Save()]}
    other = folder_of(drive(tiny(), orders))
    assert_same_end(whole, other)
    assert training_events(whole) == training_events(other)


def test_extended_run_equals_a_longer_one(tiny, every_step):
    whole, cut = folder_of(drive(tiny(epochs=3))), folder_of(drive(tiny(epochs=2)))
    events = resume_run(cut, epochs=3)
    assert only(events, RunStarted)[0].total_steps == 30
    assert_same_end(whole, cut)
    assert training_events(whole) == training_events(cut)
    assert read_description(cut)["config"]["epochs"] == 3


def test_changed_learning_rate_survives_resuming(tiny, every_step):
    orders = {5: [SetLearningRate(0.002)]}
    whole = folder_of(drive(tiny(), orders))
    cut = folder_of(drive(tiny(), orders | {14: [Stop()]}))
    resume_run(cut)
    assert_same_end(whole, cut)
    rates = [event["learning_rate"] for event in recorded(cut) if event["event"] == "progress"]
    assert rates == [0.01] * 5 + [0.002] * 15


def test_run_without_checkpoint_starts_over(tiny, every_step):
    whole = folder_of(drive(tiny()))
    inbox = SimpleQueue()
    for event in train(tiny(), inbox):
        if isinstance(event, Progress) and event.step == 4:
            folder = sorted(whole.parent.iterdir(), key=lambda each: each.stat().st_ctime)[-1]
            break  # as a killed process would: nothing more is message or written
    assert not list(folder.glob("*.safetensors"))
    resume_run(folder)
    assert_same_end(whole, folder)
    assert training_events(whole) == training_events(folder)


def test_leftovers_of_a_killed_process_are_removed(tiny, every_step, saved_at_once):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    (cut / ".last.safetensors.12-12.partial").write_bytes(b"half")
    with (cut / "events.jsonl").open("a") as file:
        (scored, _) = (each for each in recorded(whole) if each["event"] == "evaluated")
        later = json.dumps(scored | {"step": 15})
        file.write(later + '\n{"event": "pro')
    resume_run(cut)
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}
    assert training_events(cut) == training_events(whole)


def test_best_checkpoint_survives_resuming(tiny, every_step, monkeypatch):
    scores = iter([0.9, 0.5, 0.6, 0.7])
    monkeypatch.setitem(session.METRICS, "accuracy", lambda logits, labels: next(scores))
    folder = folder_of(drive(tiny(epochs=2)))
    resume_run(folder, epochs=4)
    assert read_info(folder / "best.safetensors").step == 10
    assert read_info(folder / "last.safetensors").step == 40


def test_times_continue_after_resuming(tiny, every_step):
    cut = drive(tiny(), {13: [Stop()]})
    events = resume_run(folder_of(cut))
    assert events[-1].train_seconds > cut[-1].train_seconds
    assert events[-1].samples_per_second == 400 / events[-1].train_seconds


def test_engine_resumes_a_run(tiny, every_step):
    from core.commands import Quit
    from core.engine.local_host import LocalHost

    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    host = LocalHost()
    host.send(Start(*prepare_resume(str(cut), Path("nowhere"))))
    host.send(Quit())
    # A Quit that is there from the start stops the run at once; the rest is resumed.
    list(host.events())
    host.send(Start(*prepare_resume(str(cut), Path("nowhere"))))
    thread = threading.Thread(target=lambda: list(host.events()))
    thread.start()
    while read_description(cut)["status"] != "finished":
        thread.join(0.05)
    host.send(Quit())
    thread.join(10)
    assert_same_end(whole, cut)
    assert training_events(whole) == training_events(cut)


def killed_at(step, config, orders=(), resume_point=None):
    """Return the folder of a run that is killed after the progress of a step."""
    inbox, waiting = SimpleQueue(), dict(orders)
    for event in train(config, inbox, resume_point):
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        if isinstance(event, Progress) and event.step == step:
            return folder
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    raise AssertionError("it ended before")


@pytest.mark.parametrize("at", [RunStarted, 5])
def test_rate_changed_after_the_checkpoint_survives(tiny, every_step, saved_at_once, at):
    """While it was paused, for example, or before any checkpoint: events.jsonl decides."""
    orders = {at: [Pause(), SetLearningRate(0.002), Resume()]}
    whole = folder_of(drive(tiny(), orders))
    cut = killed_at(8, tiny(), orders)
    resume_run(cut)
    assert_same_end(whole, cut)
    assert training_events(cut) == training_events(whole)


def test_killed_earlier_epoch_resumes_from_there(tiny, every_step, saved_at_once, tmp_path):
    """Its last checkpoint is then not the one that had trained further."""
    whole = folder_of(drive(tiny(epochs=4)))
    folder = shutil.copytree(whole, tmp_path / "copy")
    early = killed_at(9, tiny(epochs=4), {7: [Save()]})
    old = Path(shutil.copy(early / "last.safetensors", folder / "old.safetensors"))
    config, resume_point = prepare_resume(str(old), tmp_path)
    killed_at(9, config, (), resume_point)  # before it has saved anything itself
    assert read_info(folder / "last.safetensors").step == 7
    resume_run(folder)
    assert_same_end(whole, folder)
    assert training_events(folder) == training_events(whole)


@pytest.mark.parametrize("missing", ["best", "last"])
def test_kill_between_two_files_loses_neither(
    tiny, every_step, saved_at_once, monkeypatch, missing
):
    """The first epoch is the best, and one of its two files was never written."""

    def scored(*accuracies):
        following = iter(accuracies)
        monkeypatch.setitem(session.METRICS, "accuracy", lambda logits, labels: next(following))

    scored(0.9, 0.5)
    whole = folder_of(drive(tiny()))
    scored(0.9)
    cut = killed_at(12, tiny())
    (cut / f"{missing}.safetensors").unlink()
    scored(0.5)
    resume_run(cut)
    assert read_info(cut / "best.safetensors").step == 10
    assert_same_end(whole, cut)


def test_added_epochs_survive_a_kill(tiny, every_step, saved_at_once):
    whole, cut = folder_of(drive(tiny(epochs=3))), folder_of(drive(tiny(epochs=2), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(cut), Path("nowhere"), epochs=3)
    killed_at(15, config, (), resume_point)  # before it has saved anything itself
    assert resume_run(cut)[-1].steps == 30
    assert_same_end(whole, cut)


def test_dot_resumes_the_current_folder(tiny, every_step, monkeypatch):
    cut = folder_of(drive(tiny(), {13: [Stop()]}))
    monkeypatch.chdir(cut)
    assert only(resume_run("."), RunStarted)[0].run == cut.name
    assert read_description(cut)["run"] == cut.name


def test_relative_data_folder_found_from_elsewhere(
    tiny, tiny_tensors, every_step, tmp_path, monkeypatch
):
    digits = tmp_path / "digits"
    (digits / "MNIST" / "raw").mkdir(parents=True)
    for name in mnist.MNIST_FILES:
        (digits / "MNIST" / "raw" / name).touch()
        monkeypatch.setitem(mnist.MNIST_FILES, name, sha256(b"").hexdigest())
    monkeypatch.chdir(tmp_path)
    folder = folder_of(drive(tiny(data="digits"), {13: [Stop()]}))
    monkeypatch.chdir("/")
    assert prepare_resume(str(folder), tmp_path)[0].data == str(digits)
    assert prepare_resume(str(folder), tmp_path, data="other")[0].data == "other"
    asked = []

    def load(name, data, **options):
        asked.append((name, data))
        yield Preparing(message="loading")
        return name, tiny_tensors

    monkeypatch.setattr(datasets, "load_dataset", load)
    evaluate_split(folder / "last.safetensors", None)
    evaluate_split(folder / "last.safetensors", "other")
    assert asked == [("sample", str(digits)), ("sample", "other")]
    shutil.rmtree(digits)
    assert prepare_resume(str(folder), tmp_path)[0].data is None, (
        "what has gone is looked for elsewhere"
    )


def test_other_precision_is_reported(tiny, every_step, monkeypatch):
    monkeypatch.setattr(
        "core.compute.devices._bf16_missing", lambda device: None
    )  # slow, but it can be had
    folder = folder_of(drive(tiny(arch="quick", precision="bf16"), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(folder), folder.parent)
    (notice,) = only(drive(replace(config, precision="fp32"), (), resume_point), Notice)
    assert re.search("routes were bf16,.*, now fp32,", notice.message)


def test_damaged_description_does_not_prevent_resuming(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    described = read_description(cut) | {"versions": "none", "pid": None}
    (cut / "run.json").write_text(json.dumps(described))
    with (cut / "events.jsonl").open("a") as file:
        file.write('{"event": "paused", "time": 1, "step": "many"}\n[]\n\n')
    resume_run(cut)
    assert_same_end(whole, cut)


# Refusals


def refused(place, **changes):
    with pytest.raises((CheckpointError, UsageError)) as error:
        prepare_resume(str(place), Path(place).parent, **changes)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def content(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_run_named_by_name_folder_or_file(tiny, every_step):
    folder = folder_of(drive(tiny(), {13: [Stop()]}))
    named = [folder.name, str(folder), str(folder / "last.safetensors")]
    found = {prepare_resume(each, folder.parent)[1].checkpoint for each in named}
    assert found == {folder / "last.safetensors"}
    best = prepare_resume(str(folder / "best.safetensors"), folder.parent)[1]
    assert best.checkpoint == folder / "best.safetensors"


def test_missing_run_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match="must not be empty"):
        prepare_resume("", tmp_path)
    assert "does not exist" in refused(tmp_path / "mlp-9")
    (tmp_path / "empty").mkdir()
    assert "has no checkpoint in it" in refused(tmp_path / "empty")


def test_finished_run_needs_more_epochs(tiny):
    folder = folder_of(drive(tiny()))
    before = content(folder)
    assert refused(folder).endswith("has finished its 2 epochs; to train more, add --epochs 3")
    assert refused(folder, epochs=1).endswith("has trained 2 epochs; --epochs must be more")
    assert content(folder) == before


@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_planned_schedule_cannot_be_extended(tiny, schedule):
    folder = folder_of(drive(tiny(schedule=schedule)))
    expected = "was planned for --epochs 2 and cannot be resumed with --epochs 3"
    assert expected in refused(folder, epochs=3)
    assert refused(folder).endswith("to train more, start a new run")


def test_checkpoint_outside_a_run_is_refused(tiny, tmp_path):
    folder = folder_of(drive(tiny(), {}))
    alone = shutil.copy(folder / "last.safetensors", tmp_path / "alone.safetensors")
    assert "is not in a run's folder" in refused(alone)


def rewritten(folder: Path, change):
    """Save the last checkpoint with other tensors or another header, and a correct digest."""
    path = folder / "last.safetensors"
    info, tensors = checkpoints.load(path)
    info = change(info, tensors) or info
    checkpoints.save(path, tensors, info)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda info, tensors: replace(info, config=info.config | {"arch": "resnet"}), "'resnet'"),
        (
            lambda info, tensors: replace(info, config=info.config | {"shift": "many"}),
            "--shift must be a whole number",
        ),
    ],
)
def test_invalid_settings_in_a_header_are_refused(tiny, every_step, change, message):
    folder = rewritten(folder_of(drive(tiny(), {13: [Stop()]})), change)
    assert message in refused(folder)


def drop(name):
    return lambda info, tensors: tensors.__delitem__(name)


def put(name, tensor):
    return lambda info, tensors: tensors.__setitem__(name, tensor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("fc1.bias"), "fc1.bias is missing, expected 10"),
        (drop("rng.torch"), "rng.torch is missing, expected 5056 of uint8"),
        (drop("optimizer.fc1.bias.exp_avg"), "optimizer.fc1.bias.exp_avg is missing, expected 10"),
        (put("fc1.weight", torch.zeros(784, 10)), "fc1.weight is 784×10, expected 10×784"),
        (put("optimizer.fc1.bias.step", torch.zeros(2)), "is 2, expected one number"),
        (put("fc2.bias", torch.zeros(10)), "fc2.bias (10) is not one of its tensors"),
        (put("fc1.bias", torch.zeros(10).long()), "fc1.bias is 10 of int64, expected 10"),
    ],
)
def test_unfitting_tensor_is_refused_by_name(tiny, every_step, change, message):
    folder = rewritten(folder_of(drive(tiny(), {13: [Stop()]})), change)
    before = content(folder)
    failed = resume_run(folder)[-1]
    assert isinstance(failed, RunFailed)
    assert failed.reason == "checkpoint"
    assert message in failed.message
    assert "last.safetensors" in failed.message
    assert content(folder) == before, "a refused run is unchanged"


@pytest.mark.parametrize(
    ("setting", "message", "fit"),
    [
        ({"arch": "mlp"}, "its --arch is mlp, that of", "fc1.bias (10) is not one of its tensors"),
        ({"optimizer": "sgd"}, "its --optimizer is sgd, that of", "exp_avg (10) is not one"),
        ({"seed": 5}, "its --seed is 5, that of", None),
    ],
)
def test_checkpoint_of_another_run_is_refused(tiny, every_step, setting, message, fit):
    folder = rewritten(
        folder_of(drive(tiny(), {13: [Stop()]})),
        lambda info, tensors: replace(info, config=info.config | setting),
    )
    assert f"is from another run: {message}" in refused(folder)
    (folder / "run.json").unlink()  # only the tensors differ then
    if fit:
        assert fit in resume_run(folder)[-1].message


def test_later_checkpoint_kept_when_resuming_an_earlier(tiny, every_step, saved_at_once):
    folder = folder_of(drive(tiny(), {13: [Stop()]}))
    before = (folder / "last.safetensors").read_bytes()
    events = resume_run(folder / "best.safetensors", {RunStarted: [Stop()]})
    (notice,) = only(events, Notice)
    assert notice.message.startswith("the run returns from step 13 to 10; ")
    assert (folder / "step-13.safetensors").read_bytes() == before
    assert read_info(folder / "last.safetensors").step == 10


def test_resumed_checkpoint_may_be_deleted_while_training(tiny, every_step):
    folder = folder_of(drive(tiny(), {13: [Stop()]}))
    resumed = folder / "best.safetensors"
    config, resume_point = prepare_resume(str(resumed), Path("nowhere"))
    for event in train(config, SimpleQueue(), resume_point):
        if isinstance(event, RunStarted):
            resumed.unlink()
    assert isinstance(event, RunFinished)


def test_truncated_events_are_reported(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    lines = (cut / "events.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "events.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])
    (notice,) = only(resume_run(cut), Notice)
    assert notice.message == "the events of steps 5 to 13 are lost"
    assert_same_end(whole, cut)


def test_run_without_events_can_be_resumed(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    (cut / "events.jsonl").unlink()
    resume_run(cut)
    assert_same_end(whole, cut)


def test_other_checkpoint_resumes_after_damage(tiny, every_step):
    whole, folder = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    last = folder / "last.safetensors"
    spoiled = bytearray(last.read_bytes())
    spoiled[-100] ^= 1
    last.write_bytes(spoiled)
    before = content(folder)
    failed = resume_run(folder)[-1]
    assert "is damaged" in failed.message
    assert content(folder) == before
    resume_run(folder / "best.safetensors")
    assert_same_end(whole, folder)


def test_run_in_progress_cannot_be_resumed(tiny, every_step, saved_at_once):
    inbox = SimpleQueue()
    running = train(tiny(epochs=50), inbox)
    for event in running:
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        if isinstance(event, Progress) and event.step == 12:
            inbox.put(Save())
        if event.name == "checkpoint_saved" and event.step == 12:
            break
    before = content(folder)
    failed = resume_run(folder)[-1]
    assert failed.reason == "checkpoint"
    assert "is being trained by process" in failed.message
    assert content(folder) == before
    inbox.put(Stop())
    assert list(running)[-1].stopped
    assert resume_run(folder, {RunStarted: [Stop()]})[-1].stopped, (
        "possible once the process has ended"
    )


def test_other_thread_count_is_reported(tiny, every_step):
    folder = folder_of(drive(tiny(threads=1), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(folder), folder.parent)
    events = drive(replace(config, threads=2), (), resume_point)
    (notice,) = only(events, Notice)
    assert "routes were fp32,threads=1,chain, now fp32,threads=2,chain" in notice.message


def test_interrupted_evaluation_is_repeated(tiny, every_step):
    """The epoch's last step is trained but not evaluated: that comes before the next epoch."""
    whole = folder_of(drive(tiny()))
    cut = folder_of(drive(tiny(), {10: [Stop()]}))
    assert [event["event"] for event in recorded(cut) if event["event"] == "evaluated"] == []
    events = resume_run(cut)
    assert [event.step for event in only(events, Evaluated)] == [10, 20]
    assert training_events(whole) == training_events(cut)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    orders=st.dictionaries(
        st.integers(1, 20),
        st.lists(
            st.sampled_from(
                [(Pause(), Resume()), (Save(),), (Predict((0, 1)),), (Pause(), Save(), Resume())]
            ),
            max_size=2,
        ),
        max_size=4,
    ),
    stops=st.lists(st.integers(1, 19), max_size=3),
)
def test_any_commands_and_stops_change_nothing(tiny, every_step, whole_run, orders, stops):
    flat = {step: [each for group in groups for each in group] for step, groups in orders.items()}
    first = {step: list(commands) for step, commands in flat.items()}
    if stops:
        first.setdefault(stops[0], []).append(Stop())
    folder = folder_of(drive(whole_run[0], first, all_due=False))
    for step in [*stops[1:], None]:
        if read_description(folder)["status"] == "finished":
            break
        more = {step: [Stop()]} if step else {}
        resume_run(folder, more)
    assert_same_end(whole_run[1], folder)
    assert training_events(folder) == training_events(whole_run[1])


def test_epoch_checkpoints_alone_must_be_named(tiny, every_step, saved_at_once):
    """With only these left, a run must not silently start over from its first step."""
    folder = folder_of(drive(tiny()))
    for name in ("last", "best"):
        (folder / f"{name}.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"name one of its files, such as .*epoch-002"):
        prepare_resume(str(folder), folder.parent)
    assert prepare_resume(str(folder / "epoch-001.safetensors"), folder.parent)[1].folder == folder
