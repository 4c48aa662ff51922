"""Tests of branching: the old run up to a checkpoint, then other settings."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import SetLearningRate, Stop
from core.errors import CheckpointError, UsageError
from core.event_json import as_json, from_json
from core.events import LearningRateChanged, Progress, RunFinished, RunStarted
from core.runs import branch as branching
from core.runs import run_writer
from core.runs.branch import branch
from core.runs.catalog import list_checkpoints
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from core.training import loop as session
from core.training.trainer import train


@pytest.fixture(autouse=True)
def every_step(monkeypatch, saved_at_once):
    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)


def drive(config, orders=(), resume_point=None):
    inbox, events, waiting = SimpleQueue(), [], dict(orders)
    for event in train(config, inbox, resume_point):
        events.append(event)
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    assert isinstance(events[-1], RunFinished), events[-1]
    return next(event for event in events if isinstance(event, RunStarted))


def recorded(folder):
    return [from_json(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def losses(folder):
    changed = [each for each in recorded(folder) if isinstance(each, Progress)]
    return [(each.step, each.loss, each.learning_rate) for each in changed]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tensors(folder, name):
    return checkpoints.load(folder / f"{name}.safetensors")[1]


@pytest.fixture
def old(tiny):
    """A finished run of four epochs of ten steps; its learning rate changed at step 14."""
    config = tiny(epochs=4, shift=1, schedule="cosine")
    return Path(drive(config, {14: [SetLearningRate(0.005)]}).folder)


def test_keep_retains_the_latest_epochs(tiny):
    """The last one is a second name of last.safetensors, so it takes no disk space of its own."""
    folder = Path(drive(tiny(epochs=4, keep=2)).folder)
    assert {path.name for path in folder.glob("epoch-*")} == {
        "epoch-003.safetensors",
        "epoch-004.safetensors",
    }
    assert os.path.samefile(folder / "last.safetensors", folder / "epoch-004.safetensors")
    assert checkpoints.load(folder / "epoch-003.safetensors")[0].step == 30
    assert not list(Path(drive(tiny(keep=0)).folder).glob("epoch-*"))


def test_epoch_checkpoint_without_hard_links(tiny, monkeypatch):
    def refused(*arguments):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    folder = Path(drive(tiny()).folder)
    assert checkpoints.load(folder / "epoch-001.safetensors")[0].step == 10
    assert not list(folder.glob(".*"))


def test_resuming_an_epoch_reaches_the_same_end(old):
    before = tensors(old, "last")
    config, resume_point = prepare_resume(str(old / "epoch-002.safetensors"), old.parent)
    assert drive(config, {}, resume_point).step == 20
    after = tensors(old, "last")
    assert all(torch.equal(each, after[name]) for name, each in before.items())
    assert (old / "step-40.safetensors").exists()


@pytest.mark.parametrize("name", ["epoch-001", "epoch-002"])
def test_unchanged_branch_equals_the_old_run(old, name):
    before = content(old)
    config, resume_point = branch(old / f"{name}.safetensors", {}, old.parent)
    started = drive(
        config, {14: [SetLearningRate(0.005)]} if name == "epoch-001" else {}, resume_point
    )
    new, step = resume_point.folder, int(name[-1]) * 10
    assert (started.step, started.branched_from, started.branched_at) == (step, old.name, step)
    assert started.run == new.name != old.name
    for kind in ("last", "best"):
        mine, its = tensors(new, kind), tensors(old, kind)
        assert all(torch.equal(each, mine[key]) for key, each in its.items()), kind
    assert losses(new) == losses(old)
    assert content(old) == before, "the old run is only read"


def test_killed_branch_resumes_with_its_changes(old):
    """A branch that never saved a checkpoint of its own is resumed with its own settings."""
    changes = {"learning_rate": 0.002, "epochs": 5, "label_smoothing": 0.1, "schedule": "constant"}
    config, resume_point = branch(old / "epoch-003.safetensors", changes, old.parent)
    resumed, again = prepare_resume(resume_point.folder.name, old.parent)
    assert resumed == config
    assert again == resume_point
    assert (config.learning_rate, config.epochs, config.label_smoothing) == (0.002, 5, 0.1)
    started = drive(resumed, {}, again)
    assert (started.branched_from, started.total_steps) == (old.name, 50)
    assert [step for step, _, _ in losses(resume_point.folder)] == list(range(1, 51))
    assert {rate for step, _, rate in losses(resume_point.folder) if step > 30} == {0.002}
    changed = [
        each for each in recorded(resume_point.folder) if isinstance(each, LearningRateChanged)
    ]
    assert [(each.step, each.learning_rate) for each in changed] == [(14, 0.005), (30, 0.002)]
    described = read_description(resume_point.folder)
    assert (described["branched_from"], described["branched_at"]) == (old.name, 30)


def test_branch_copies_the_best_until_then(tiny, monkeypatch):
    scores = iter([0.5, 0.9, 0.7, 0.8, 0.6, 0.6])
    monkeypatch.setitem(session.METRICS, "accuracy", lambda logits, labels: next(scores))
    old = Path(drive(tiny(epochs=4)).folder)
    config, resume_point = branch(
        old / "epoch-003.safetensors", {"seed": 7, "epochs": 4}, old.parent
    )
    best = read_info(resume_point.folder / "best.safetensors")
    assert (best.step, best.run, best.config["seed"]) == (20, resume_point.folder.name, 7)
    drive(config, {}, resume_point)
    assert checkpoints.load(resume_point.folder / "best.safetensors")[0].test_accuracy == 0.9
    _, early = branch(old / "epoch-001.safetensors", {}, old.parent)
    assert not (early.folder / "best.safetensors").exists(), (
        "the checkpoint itself is the best until then"
    )


def test_branch_of_a_branch_within_an_epoch(tiny):
    old = Path(drive(tiny(epochs=3), {13: [Stop()]}).folder)
    config, resume_point = branch(old / "last.safetensors", {"weight_decay": 0.1}, old.parent)
    assert drive(config, {}, resume_point).step == 13
    config, other = branch(resume_point.folder / "epoch-002.safetensors", {"shift": 2}, old.parent)
    started = drive(config, {}, other)
    assert (started.branched_from, started.branched_at) == (resume_point.folder.name, 20)
    assert started.config["weight_decay"] == 0.1
    assert [step for step, _, _ in losses(other.folder)] == list(range(1, 31))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arch": "cnn"}, "keeps the --arch of its run"),
        ({"batch_size": 10}, "keeps the --batch-size of its run"),
        ({"epochs": 2}, "--epochs must be more than the 2"),
        ({"learning_rate": 0.0}, "--lr must be a number above 0"),
        ({"shift": 15}, "--shift must be a whole number"),
    ],
)
def test_impossible_change_is_refused_in_one_line(old, changes, message):
    before = sorted(old.parent.iterdir())
    with pytest.raises(UsageError, match=message) as refused:
        branch(old / "epoch-002.safetensors", changes, old.parent)
    assert len(str(refused.value).splitlines()) == 1
    assert sorted(old.parent.iterdir()) == before


def test_sgd_momentum_cannot_be_switched_on(tiny):
    old = Path(drive(tiny(optimizer="sgd", momentum=0.0)).folder)
    with pytest.raises(UsageError, match="SGD momentum cannot be switched"):
        branch(old / "epoch-001.safetensors", {"momentum": 0.9}, old.parent)


def test_failed_branch_leaves_nothing(old, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    before = sorted(old.parent.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(CheckpointError, match=r"cannot be copied .*\(No space left"):
            branch(old / "epoch-002.safetensors", {}, old.parent)
    monkeypatch.setattr(branching, "write_description", full)
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left"):
        branch(old / "epoch-002.safetensors", {}, old.parent)
    assert sorted(old.parent.iterdir()) == before
    hidden = shutil.copytree(old, old.parent / ".linear-1.partial")
    listed = {each.path.parent for each in list_checkpoints(old.parent)}
    assert hidden not in listed, "what a killed branch leaves is not listed"


def test_replaced_checkpoint_is_not_copied(old):
    info = replace(read_info(old / "epoch-002.safetensors"), digest="another")
    with pytest.raises(CheckpointError, match="was replaced while it was copied"):
        checkpoints.copy_with_info(old / "epoch-002.safetensors", old / "x.safetensors", info)
    assert not (old / "x.safetensors").exists()


def test_checkpoint_outside_a_run_cannot_branch(old, tmp_path):
    alone = Path(shutil.copy(old / "last.safetensors", tmp_path / "alone.safetensors"))
    with pytest.raises(CheckpointError, match="is not in a run's folder"):
        branch(alone, {}, old.parent)
    path = old / "run.json"
    path.write_text(json.dumps(read_description(old) | {"branched_from": 3}))
    with run_writer.reopen(old) as run:
        assert run.branched == (None, 0)


def test_branch_ignores_a_later_learning_rate(old):
    """A pause saves; then the learning rate is changed, at the same step."""
    middle = old / "epoch-001.safetensors"
    info = read_info(middle)
    lines = (old / "events.jsonl").read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"checkpoint_saved"' in line)
    lines.insert(at, as_json(LearningRateChanged(step=info.step, learning_rate=0.5)) + "\n")
    (old / "events.jsonl").write_text("".join(lines))
    config, resume_point = branch(middle, {}, old.parent)
    assert config.learning_rate == info.config["learning_rate"]
    assert drive(config, resume_point=resume_point).config["learning_rate"] == config.learning_rate
