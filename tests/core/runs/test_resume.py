"""A run that is taken up ends where an untouched one ends, to the bit, and says the same."""

import json
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
from tests.support.resuming import drive, folder_of, go_on, only
from tui.cli.output import evaluation as reports


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)


def recorded(folder: Path):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def told(folder: Path, *without):
    """What a run has said of its training, whatever happened to it on the way."""
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
    """A config, and the folder of a run of it that nothing disturbed."""
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


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("step", [3, 10, 17])
def test_a_stopped_run_goes_on_to_the_same_end(tiny, every_step, arch, step):
    """Amid its first epoch, at its end, and amid the second."""
    config = tiny(arch=arch, learning_rate=1e-3, **EVERYTHING)
    whole = folder_of(drive(config))
    cut = folder_of(drive(config, {step: [Stop()]}))
    assert read_info(cut / "last.safetensors").step == step
    events = go_on(cut)
    assert only(events, RunStarted)[0].step == step
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].steps, events[-1].stopped) == (20, False)
    assert_same_end(whole, cut)
    assert told(cut) == told(whole)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_optimizer_goes_on(tiny, every_step, optimizer, momentum):
    config = tiny(optimizer=optimizer, momentum=momentum, schedule="onecycle")
    whole, cut = folder_of(drive(config)), folder_of(drive(config, {13: [Stop()]}))
    go_on(cut)
    assert_same_end(whole, cut)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_run_in_either_arithmetic_is_the_same_twice_and_goes_on(tiny, every_step, precision):
    config = tiny(arch="quick", precision=precision)
    one, other = folder_of(drive(config)), folder_of(drive(config))
    assert_same_end(one, other)
    cut = folder_of(drive(config, {7: [Stop()]}))
    go_on(cut)
    assert_same_end(one, cut)


def test_a_network_that_draws_random_numbers_goes_on_too(tiny, every_step, monkeypatch):
    def build():
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 10), nn.BatchNorm1d(10))

    drops = replace(ARCHITECTURES["linear"], name="drops", build=build)
    monkeypatch.setitem(ARCHITECTURES, "drops", drops)
    config = tiny(arch="drops")
    whole, cut = folder_of(drive(config)), folder_of(drive(config, {13: [Stop()]}))
    torch.manual_seed(99)
    go_on(cut)
    assert_same_end(whole, cut)


def test_a_run_is_taken_up_from_any_of_its_checkpoints(tiny, every_step, saved_at_once, tmp_path):
    """Also from an old one, behind what has been done since: that is done again."""
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
        events = go_on(older)
        assert events[-1].steps == 40, events[-1]
        assert_same_end(whole, place)
        assert told(place) == told(whole)


def test_a_pause_an_answer_and_a_save_change_nothing(tiny, every_step):
    whole = folder_of(drive(tiny()))
    orders = {5: [Pause()], Paused: [Predict((0, 1)), Save(), Resume()], 8: [Save()]}
    orders |= {14: [Predict((2,))], 19: [Predict((3,)), Save()]}
    other = folder_of(drive(tiny(), orders))
    assert_same_end(whole, other)
    assert told(whole) == told(other)


def test_a_finished_run_is_extended_as_if_it_had_been_planned_so(tiny, every_step):
    whole, cut = folder_of(drive(tiny(epochs=3))), folder_of(drive(tiny(epochs=2)))
    events = go_on(cut, epochs=3)
    assert only(events, RunStarted)[0].total_steps == 30
    assert_same_end(whole, cut)
    assert told(whole) == told(cut)
    assert read_description(cut)["config"]["epochs"] == 3


def test_a_rate_that_was_changed_stays_changed(tiny, every_step):
    orders = {5: [SetLearningRate(0.002)]}
    whole = folder_of(drive(tiny(), orders))
    cut = folder_of(drive(tiny(), orders | {14: [Stop()]}))
    go_on(cut)
    assert_same_end(whole, cut)
    rates = [event["learning_rate"] for event in recorded(cut) if event["event"] == "progress"]
    assert rates == [0.01] * 5 + [0.002] * 15


def test_a_run_that_ended_before_its_first_checkpoint_starts_over_in_its_folder(tiny, every_step):
    whole = folder_of(drive(tiny()))
    inbox = SimpleQueue()
    for event in train(tiny(), inbox):
        if isinstance(event, Progress) and event.step == 4:
            folder = sorted(whole.parent.iterdir(), key=lambda each: each.stat().st_ctime)[-1]
            break  # as a killed process would: nothing more is said or written
    assert not list(folder.glob("*.safetensors"))
    go_on(folder)
    assert_same_end(whole, folder)
    assert told(whole) == told(folder)


def test_what_a_killed_process_left_is_cleared(tiny, every_step, saved_at_once):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    (cut / ".last.safetensors.12-12.partial").write_bytes(b"half")
    with (cut / "events.jsonl").open("a") as file:
        (scored, _) = (each for each in recorded(whole) if each["event"] == "evaluated")
        later = json.dumps(scored | {"step": 15})
        file.write(later + '\n{"event": "pro')
    go_on(cut)
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}
    assert told(cut) == told(whole)


def test_the_best_stays_the_best(tiny, every_step, monkeypatch):
    scores = iter([0.9, 0.5, 0.6, 0.7])
    monkeypatch.setitem(session.METRICS, "accuracy", lambda logits, labels: next(scores))
    folder = folder_of(drive(tiny(epochs=2)))
    go_on(folder, epochs=4)
    assert read_info(folder / "best.safetensors").step == 10
    assert read_info(folder / "last.safetensors").step == 40


def test_times_go_on_too(tiny, every_step):
    cut = drive(tiny(), {13: [Stop()]})
    events = go_on(folder_of(cut))
    assert events[-1].train_seconds > cut[-1].train_seconds
    assert events[-1].samples_per_second == 400 / events[-1].train_seconds


def test_the_app_s_engine_takes_a_run_up(tiny, every_step):
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
    assert told(whole) == told(cut)


def killed_at(step, config, orders=(), resume_point=None):
    """The folder of a run that says and writes nothing more after that step's progress."""
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
def test_a_rate_that_was_changed_after_the_last_checkpoint_stays_changed(
    tiny, every_step, saved_at_once, at
):
    """While it was paused, say, or before any checkpoint: the record knows, and it decides."""
    orders = {at: [Pause(), SetLearningRate(0.002), Resume()]}
    whole = folder_of(drive(tiny(), orders))
    cut = killed_at(8, tiny(), orders)
    go_on(cut)
    assert_same_end(whole, cut)
    assert told(cut) == told(whole)


def test_a_run_that_was_taken_back_and_killed_goes_on_from_there(
    tiny, every_step, saved_at_once, tmp_path
):
    """Its last is then not the one that was further on."""
    whole = folder_of(drive(tiny(epochs=4)))
    folder = shutil.copytree(whole, tmp_path / "copy")
    early = killed_at(9, tiny(epochs=4), {7: [Save()]})
    old = Path(shutil.copy(early / "last.safetensors", folder / "old.safetensors"))
    config, resume_point = prepare_resume(str(old), tmp_path)
    killed_at(9, config, (), resume_point)  # before it has saved anything itself
    assert read_info(folder / "last.safetensors").step == 7
    go_on(folder)
    assert_same_end(whole, folder)
    assert told(folder) == told(whole)


@pytest.mark.parametrize("missing", ["best", "last"])
def test_a_kill_between_two_files_loses_neither(
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
    go_on(cut)
    assert read_info(cut / "best.safetensors").step == 10
    assert_same_end(whole, cut)


def test_more_epochs_are_not_forgotten_by_a_kill(tiny, every_step, saved_at_once):
    whole, cut = folder_of(drive(tiny(epochs=3))), folder_of(drive(tiny(epochs=2), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(cut), Path("nowhere"), epochs=3)
    killed_at(15, config, (), resume_point)  # before it has saved anything itself
    assert go_on(cut)[-1].steps == 30
    assert_same_end(whole, cut)


def test_a_run_is_known_by_its_name_from_within_its_folder(tiny, every_step, monkeypatch):
    cut = folder_of(drive(tiny(), {13: [Stop()]}))
    monkeypatch.chdir(cut)
    assert only(go_on("."), RunStarted)[0].run == cut.name
    assert read_description(cut)["run"] == cut.name


def test_a_digit_folder_that_was_named_from_here_is_found_from_there(
    tiny, tiny_tensors, every_step, tmp_path, monkeypatch
):
    digits = tmp_path / "digits"
    (digits / "MNIST" / "raw").mkdir(parents=True)
    for name in datasets.MNIST_FILES:
        (digits / "MNIST" / "raw" / name).touch()
        monkeypatch.setitem(datasets.MNIST_FILES, name, sha256(b"").hexdigest())
    monkeypatch.chdir(tmp_path)
    folder = folder_of(drive(tiny(data="digits"), {13: [Stop()]}))
    monkeypatch.chdir("/")
    assert prepare_resume(str(folder), tmp_path)[0].data == str(digits)
    assert prepare_resume(str(folder), tmp_path, data="other")[0].data == "other"
    asked = []

    def load(name, data):
        asked.append((name, data))
        yield Preparing(message="loading")
        return name, tiny_tensors

    monkeypatch.setattr(datasets, "load_dataset", load)
    reports.evaluate_split(folder / "last.safetensors", None)
    reports.evaluate_split(folder / "last.safetensors", "other")
    assert asked == [("sample", str(digits)), ("sample", "other")]
    shutil.rmtree(digits)
    assert prepare_resume(str(folder), tmp_path)[0].data is None, (
        "what has gone is looked for elsewhere"
    )


def test_another_arithmetic_is_told(tiny, every_step, monkeypatch):
    monkeypatch.setattr(
        "core.compute.devices._bf16_missing", lambda device: None
    )  # slow, but it can be had
    folder = folder_of(drive(tiny(arch="quick", precision="bf16"), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(folder), folder.parent)
    (notice,) = only(drive(replace(config, precision="fp32"), (), resume_point), Notice)
    assert "precision was bf16 and is fp32" in notice.message


def test_a_description_that_others_have_spoiled_does_not_matter(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    described = read_description(cut) | {"versions": "none", "pid": None}
    (cut / "run.json").write_text(json.dumps(described))
    with (cut / "events.jsonl").open("a") as file:
        file.write('{"event": "paused", "time": 1, "step": "many"}\n[]\n\n')
    go_on(cut)
    assert_same_end(whole, cut)


# What is refused


def refused(place, **changes):
    with pytest.raises((CheckpointError, UsageError)) as error:
        prepare_resume(str(place), Path(place).parent, **changes)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def content(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_can_be_named_by_name_folder_or_file(tiny, every_step):
    folder = folder_of(drive(tiny(), {13: [Stop()]}))
    named = [folder.name, str(folder), str(folder / "last.safetensors")]
    found = {prepare_resume(each, folder.parent)[1].checkpoint for each in named}
    assert found == {folder / "last.safetensors"}
    best = prepare_resume(str(folder / "best.safetensors"), folder.parent)[1]
    assert best.checkpoint == folder / "best.safetensors"


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="must not be empty"):
        prepare_resume("", tmp_path)
    assert "does not exist" in refused(tmp_path / "mlp-9")
    (tmp_path / "empty").mkdir()
    assert "has no checkpoint in it" in refused(tmp_path / "empty")


def test_a_finished_run_needs_more_epochs(tiny):
    folder = folder_of(drive(tiny()))
    before = content(folder)
    assert refused(folder).endswith("has finished its 2 epochs; to train more, add --epochs 3")
    assert refused(folder, epochs=1).endswith("has trained 2 epochs; --epochs must be more")
    assert content(folder) == before


@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_a_planned_schedule_cannot_go_past_its_end(tiny, schedule):
    folder = folder_of(drive(tiny(schedule=schedule)))
    assert "was planned for 2 epochs and cannot be resumed with 3" in refused(folder, epochs=3)
    assert refused(folder).endswith("to train more, start a new run")


def test_a_checkpoint_outside_of_any_run_is_refused(tiny, tmp_path):
    folder = folder_of(drive(tiny(), {}))
    alone = shutil.copy(folder / "last.safetensors", tmp_path / "alone.safetensors")
    assert "is in no run's folder" in refused(alone)


def rewritten(folder: Path, change):
    """The run's last checkpoint with other tensors or another header, and its digest right."""
    path = folder / "last.safetensors"
    info, tensors = checkpoints.load(path)
    info = change(info, tensors) or info
    checkpoints.save(path, tensors, info)
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda info, tensors: replace(info, config=info.config | {"arch": "resnet"}), "'resnet'"),
        (
            lambda info, tensors: replace(info, config=info.config | {"shift": "many"}),
            "--shift must be a whole number",
        ),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(tiny, every_step, change, said):
    folder = rewritten(folder_of(drive(tiny(), {13: [Stop()]})), change)
    assert said in refused(folder)


def drop(name):
    return lambda info, tensors: tensors.__delitem__(name)


def put(name, tensor):
    return lambda info, tensors: tensors.__setitem__(name, tensor)


@pytest.mark.parametrize(
    ("change", "said"),
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
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(tiny, every_step, change, said):
    folder = rewritten(folder_of(drive(tiny(), {13: [Stop()]})), change)
    before = content(folder)
    failed = go_on(folder)[-1]
    assert isinstance(failed, RunFailed)
    assert failed.reason == "checkpoint"
    assert said in failed.message
    assert "last.safetensors" in failed.message
    assert content(folder) == before, "a run that cannot be taken up stays as it is"


@pytest.mark.parametrize(
    ("setting", "said", "fit"),
    [
        ({"arch": "mlp"}, "its --arch is mlp, that of", "fc1.bias (10) is not one of its tensors"),
        ({"optimizer": "sgd"}, "its --optimizer is sgd, that of", "exp_avg (10) is not one"),
        ({"seed": 5}, "its --seed is 5, that of", None),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tiny, every_step, setting, said, fit):
    folder = rewritten(
        folder_of(drive(tiny(), {13: [Stop()]})),
        lambda info, tensors: replace(info, config=info.config | setting),
    )
    assert f"is from another run: {said}" in refused(folder)
    (folder / "run.json").unlink()  # then only the tensors can tell
    if fit:
        assert fit in go_on(folder)[-1].message


def test_what_was_further_on_is_kept_when_a_run_is_taken_back(tiny, every_step, saved_at_once):
    folder = folder_of(drive(tiny(), {13: [Stop()]}))
    before = (folder / "last.safetensors").read_bytes()
    events = go_on(folder / "best.safetensors", {RunStarted: [Stop()]})
    (notice,) = only(events, Notice)
    assert notice.message.startswith("the run goes back from step 13 to 10; ")
    assert (folder / "step-13.safetensors").read_bytes() == before
    assert read_info(folder / "last.safetensors").step == 10


def test_a_record_that_was_cut_short_is_told_of(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    lines = (cut / "events.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "events.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])
    (notice,) = only(go_on(cut), Notice)
    assert notice.message == "what the run told of steps 5 to 13 is lost"
    assert_same_end(whole, cut)


def test_a_run_without_its_record_can_be_taken_up(tiny, every_step):
    whole, cut = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    (cut / "events.jsonl").unlink()
    go_on(cut)
    assert_same_end(whole, cut)


def test_a_damaged_checkpoint_is_refused_and_the_other_can_be_taken(tiny, every_step):
    whole, folder = folder_of(drive(tiny())), folder_of(drive(tiny(), {13: [Stop()]}))
    last = folder / "last.safetensors"
    spoiled = bytearray(last.read_bytes())
    spoiled[-100] ^= 1
    last.write_bytes(spoiled)
    before = content(folder)
    failed = go_on(folder)[-1]
    assert "is damaged" in failed.message
    assert content(folder) == before
    go_on(folder / "best.safetensors")
    assert_same_end(whole, folder)


def test_a_run_that_is_going_on_cannot_be_taken_up(tiny, every_step, saved_at_once):
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
    failed = go_on(folder)[-1]
    assert failed.reason == "checkpoint"
    assert "is already being trained by process" in failed.message
    assert content(folder) == before
    inbox.put(Stop())
    assert list(running)[-1].stopped
    assert go_on(folder, {RunStarted: [Stop()]})[-1].stopped, "and then it can"


def test_another_number_of_threads_is_told(tiny, every_step):
    folder = folder_of(drive(tiny(threads=1), {13: [Stop()]}))
    config, resume_point = prepare_resume(str(folder), folder.parent)
    events = drive(replace(config, threads=2), (), resume_point)
    (notice,) = only(events, Notice)
    assert "threads was 1 and is 2" in notice.message


def test_a_stop_amid_the_scoring_is_made_up_for(tiny, every_step):
    """The epoch's last step is done and its score is not: it comes before the next epoch."""
    whole = folder_of(drive(tiny()))
    cut = folder_of(drive(tiny(), {10: [Stop()]}))
    assert [event["event"] for event in recorded(cut) if event["event"] == "evaluated"] == []
    events = go_on(cut)
    assert [event.step for event in only(events, Evaluated)] == [10, 20]
    assert told(whole) == told(cut)


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
def test_whatever_is_asked_on_the_way_and_however_often_it_stops(
    tiny, every_step, whole_run, orders, stops
):
    flat = {step: [each for group in groups for each in group] for step, groups in orders.items()}
    first = {step: list(commands) for step, commands in flat.items()}
    if stops:
        first.setdefault(stops[0], []).append(Stop())
    folder = folder_of(drive(whole_run[0], first))
    for step in [*stops[1:], None]:
        if read_description(folder)["status"] == "finished":
            break
        more = {step: [Stop()]} if step else {}
        go_on(folder, more)
    assert_same_end(whole_run[1], folder)
    assert told(folder) == told(whole_run[1])


def test_a_run_that_has_only_its_epochs_left_does_not_begin_anew(tiny, every_step, saved_at_once):
    folder = folder_of(drive(tiny()))
    for name in ("last", "best"):
        (folder / f"{name}.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"name one of its files, such as .*epoch-002"):
        prepare_resume(str(folder), folder.parent)
    assert prepare_resume(str(folder / "epoch-001.safetensors"), folder.parent)[1].folder == folder
