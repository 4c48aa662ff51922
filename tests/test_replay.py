"""Steps that are trained again from a checkpoint: the same, or where they go otherwise."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from test_resume import drive, folder_of, go_on, only

from core import checkpoints, session
from core.architectures import ARCHITECTURES
from core.commands import Save, SetLearningRate, Stop
from core.errors import CheckpointError, UsageError
from core.events import Notice
from core.headers import read_info
from core.replaying import Replayed, replay


def replayed(path: Path, steps: int) -> Replayed:
    before = {each: (each.stat().st_mtime_ns, each.read_bytes()) for each in path.parent.iterdir()}
    *_, last = replay(path, steps)
    after = {each: (each.stat().st_mtime_ns, each.read_bytes()) for each in path.parent.iterdir()}
    assert before == after, "the run's folder is only read"
    return last


@pytest.fixture
def by_threes(monkeypatch):
    """A record whose stretches are some steps long."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(session, "PROGRESS_SECONDS", 3.0)
    monkeypatch.setattr(session, "perf_counter", lambda: float(next(ticks)))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_run_is_trained_again_to_the_bit(tiny, by_threes, saved_at_once, arch):
    config = tiny(arch=arch, learning_rate=1e-3, shift=1, schedule="cosine", epochs=3)
    folder = folder_of(drive(config, {13: [SetLearningRate(5e-4)]}))
    found = replayed(folder / "epoch-001.safetensors", 20)
    assert found.identical
    assert (found.first, found.last) == (11, 30)
    assert found.losses >= 12
    assert sorted(found.saved) == ["epoch-002", "epoch-003"]
    assert found.in_words.startswith("identical: steps 11 to 30, as in the record's losses (")


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_run_that_was_stopped_and_taken_up_is_too(tiny, by_threes, optimizer):
    config = tiny(optimizer=optimizer, momentum=0.9, weight_decay=0.01)
    folder = folder_of(drive(config, {step: [Stop()] for step in range(1, 20)}))
    amid = folder / "amid.safetensors"
    amid.write_bytes((folder / "last.safetensors").read_bytes())
    go_on(folder)
    found = replayed(amid, 1000)
    assert found.identical
    step = read_info(amid).step
    assert 0 < step < 20
    assert (found.first, found.last) == (step + 1, step + 1000)
    assert found.losses


def test_where_the_record_is_otherwise_is_said(tiny, by_threes, saved_at_once):
    folder = folder_of(drive(tiny(epochs=3)))
    lines = (folder / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    place, told = next(
        (number, event)
        for number, event in enumerate(events)
        if event["event"] == "progress" and event["step"] > 14
    )
    told["losses"][-1] += 1e-7
    lines[place] = json.dumps(told)
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    there = replayed(folder / "epoch-001.safetensors", 20).difference
    assert (there.first, there.last) == (told["step"], told["step"])
    assert there.expected == told["losses"][-1]
    assert there.found == pytest.approx(there.expected, abs=2e-7)


def test_another_state_is_said(tiny, by_threes, saved_at_once):
    """Weights with a right digest, which the training before them does not lead to."""
    folder = folder_of(drive(tiny(epochs=3)))
    second = folder / "epoch-002.safetensors"
    info, tensors = checkpoints.load(second)
    tensors["fc1.bias"][3] += 1e-6
    second.unlink()
    checkpoints.save(second, tensors, info)
    there = replayed(folder / "epoch-001.safetensors", 20).difference
    assert there.last == 20
    assert there.expected is None
    # From those weights on, the losses are no longer those of the record.
    there = replayed(second, 10).difference
    assert there.first > 20
    assert there.expected is not None


def test_the_end_of_a_run_is_trained_twice(tiny, by_threes):
    folder = folder_of(drive(tiny()))
    found = replayed(folder / "last.safetensors", 15)
    assert found.identical
    assert found.twice
    assert found.in_words == (
        "identical: steps 21 to 35, trained twice, since the run has told nothing of them"
    )
    planned = folder_of(drive(tiny(schedule="cosine")))
    with pytest.raises(UsageError, match="at the end of its run, whose schedule cosine"):
        replayed(planned / "last.safetensors", 15)


def test_a_step_that_is_never_the_same_is_found(tiny, by_threes, monkeypatch):
    folder = folder_of(drive(tiny()))
    from core.learner import Learner

    step, made = Learner.step, []

    def unsteady(self, *given):
        made.append(1)
        loss = step(self, *given)
        return loss + 1 if len(made) == 15 + 4 else loss

    monkeypatch.setattr(Learner, "step", unsteady)
    there = replayed(folder / "last.safetensors", 15).difference
    assert (there.first, there.last) == (24, 24)


def test_what_cannot_be_trained_again_says_why(tiny, by_threes, tmp_path):
    folder = folder_of(drive(tiny(), {7: [Save()]}))
    info, tensors = checkpoints.load(folder / "last.safetensors")
    weights = {name: each for name, each in tensors.items() if name.startswith("fc1")}
    alone = tmp_path / "alone" / "imported.safetensors"
    alone.parent.mkdir()
    checkpoints.save(alone, weights, info)
    with pytest.raises(CheckpointError, match="holds weights alone"):
        replayed(alone, 5)
    path = tmp_path / "alone" / "last.safetensors"
    checkpoints.save(path, tensors, info)
    assert replayed(path, 5).twice, "a file without a run has no record"


def test_other_versions_are_told(tiny, by_threes):
    folder = folder_of(drive(tiny()))
    described = json.loads((folder / "run.json").read_text())
    described["versions"]["torch"] = "1.0"
    (folder / "run.json").write_text(json.dumps(described))
    said = only(replay(folder / "last.safetensors", 3), Notice)
    assert said[0].message == f"torch was 1.0 and is {version('torch')}: the last bits may differ"
