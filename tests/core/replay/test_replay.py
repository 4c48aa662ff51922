"""Steps that are trained again from a checkpoint: the same, or where they go otherwise."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import SetLearningRate, Stop
from core.compute.torch_private import has_onednn_linear
from core.errors import CheckpointError, UsageError
from core.events import Notice
from core.models.architectures import ARCHITECTURES
from core.replay.replay import ReplayResult, replay
from core.runs.branch import branch
from core.training import loop, stopwatch
from tests.support.training import drive, folder_of, only, resume_run


def replayed(path: Path, steps: int) -> ReplayResult:
    before = {each: (each.stat().st_mtime_ns, each.read_bytes()) for each in path.parent.iterdir()}
    *_, last = replay(path, steps)
    after = {each: (each.stat().st_mtime_ns, each.read_bytes()) for each in path.parent.iterdir()}
    assert before == after, "the run's folder is only read"
    return last


@pytest.fixture
def by_threes(monkeypatch):
    """A record whose stretches are some steps long."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 3.0)
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: float(next(ticks)))


@pytest.fixture
def every_step(monkeypatch, saved_at_once):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_replay_of_run_is_identical(tiny, by_threes, saved_at_once, arch):
    config = tiny(arch=arch, learning_rate=1e-3, shift=1, schedule="cosine", epochs=3)
    folder = folder_of(drive(config, {13: [SetLearningRate(5e-4)]}))
    found = replayed(folder / "epoch-001.safetensors", 20)
    assert found.identical
    assert (found.first, found.last) == (11, 30)
    assert found.losses >= 12
    assert sorted(found.saved) == ["epoch-002", "epoch-003"]
    assert found.text.startswith("identical: 20 steps, ")


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_replay_of_resumed_run_is_identical(tiny, by_threes, optimizer):
    config = tiny(optimizer=optimizer, momentum=0.9, weight_decay=0.01)
    folder = folder_of(drive(config, {step: [Stop()] for step in range(1, 20)}, all_due=False))
    amid = folder / "amid.safetensors"
    amid.write_bytes((folder / "last.safetensors").read_bytes())
    resume_run(folder)
    found = replayed(amid, 1000)
    assert found.identical
    step = read_info(amid).step
    assert 0 < step < 20
    assert (found.first, found.last, found.twice) == (step + 1, step + 1000, True)
    assert found.losses


@pytest.mark.parametrize("routes", ["fp32,threads=2,blas,autograd", "fp32,threads=1,onednn,chain"])
def test_replay_takes_the_routes_of_the_run(tiny, by_threes, monkeypatch, routes):
    """The default's results differ in the last bits, and would be found different."""
    if not has_onednn_linear():
        pytest.skip("this PyTorch has no oneDNN")
    folder = folder_of(drive(tiny(arch="mlp", epochs=3, routes=routes)))
    monkeypatch.setenv("MNIST_TUI_ROUTES", "default")
    found = replayed(folder / "epoch-001.safetensors", 20)
    assert found.identical
    assert not found.causes


def test_changed_record_is_found(tiny, by_threes, saved_at_once):
    folder = folder_of(drive(tiny(epochs=3)))
    lines = (folder / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    place, progress = next(
        (number, event)
        for number, event in enumerate(events)
        if event["event"] == "progress" and event["step"] > 14
    )
    progress["losses"][-1] += 1e-7
    lines[place] = json.dumps(progress)
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    there = replayed(folder / "epoch-001.safetensors", 20).difference
    assert (there.first, there.last) == (progress["step"], progress["step"])
    assert there.expected == str(progress["losses"][-1])
    assert float(there.found) == pytest.approx(progress["losses"][-1], abs=2e-7)


def test_changed_checkpoint_is_found(tiny, by_threes, saved_at_once):
    """Weights with a right digest, which the training before them does not lead to."""
    folder = folder_of(drive(tiny(epochs=3)))
    second = folder / "epoch-002.safetensors"
    info, tensors = checkpoints.load(second)
    tensors["fc1.bias"][3] += 1e-6
    second.unlink()
    checkpoints.save(second, tensors, info)
    there = replayed(folder / "epoch-001.safetensors", 20).difference
    assert (there.first, there.last, there.against) == (20, 20, "epoch-002")
    assert there.what == "fc1.bias (in 1 of 10 places)"
    # From those weights on, the losses are no longer those of the record.
    there = replayed(second, 10).difference
    assert there.first > 20
    assert there.against == "the record"


def test_replay_past_record_trains_twice(tiny, by_threes):
    folder = folder_of(drive(tiny()))
    found = replayed(folder / "last.safetensors", 15)
    assert found.identical
    assert found.twice
    assert found.text == ("identical: 15 steps, trained twice with equal losses and final state")
    planned = folder_of(drive(tiny(schedule="cosine")))
    with pytest.raises(UsageError, match="at the end of its run, whose schedule cosine"):
        replayed(planned / "last.safetensors", 15)


def test_nondeterministic_step_is_found(tiny, by_threes, monkeypatch):
    folder = folder_of(drive(tiny()))
    from core.training.learner import Learner

    step, trained = Learner.step, []

    def unsteady(self, *given):
        trained.append(1)
        loss = step(self, *given)
        return loss + 1 if len(trained) == 15 + 4 else loss

    monkeypatch.setattr(Learner, "step", unsteady)
    there = replayed(folder / "last.safetensors", 15).difference
    assert (there.first, there.last) == (24, 24)


def test_replay_of_weights_only_is_refused(tiny, by_threes, tmp_path):
    folder = folder_of(drive(tiny()))
    info, tensors = checkpoints.load(folder / "last.safetensors")
    weights = {name: each for name, each in tensors.items() if name.startswith("fc1")}
    alone = tmp_path / "alone" / "imported.safetensors"
    alone.parent.mkdir()
    checkpoints.save(alone, weights, info)
    with pytest.raises(CheckpointError, match="has weights only"):
        replayed(alone, 5)
    path = tmp_path / "alone" / "last.safetensors"
    checkpoints.save(path, tensors, info)
    assert replayed(path, 5).twice, "a file without a run has no record"


def test_changed_torch_version_is_reported(tiny, by_threes):
    folder = folder_of(drive(tiny()))
    described = json.loads((folder / "run.json").read_text())
    described["versions"]["torch"] = "1.0"
    (folder / "run.json").write_text(json.dumps(described))
    notice, *_ = only(replay(folder / "last.safetensors", 3), Notice)
    changed = f"torch was 1.0 and is {version('torch')}"
    assert notice.message == f"{changed}: results may differ in the last bits"


HARD = {"shift": 2, "schedule": "cosine", "label_smoothing": 0.1, "weight_decay": 0.01}


@pytest.mark.parametrize(
    ("optimizer", "precision"),
    [("adam", "fp32"), ("adamw", "auto"), ("sgd", "fp32")],
)
def test_replay_repeats_stop_and_rate_changes(tiny, every_step, optimizer, precision):
    """Across a stop in the middle of an epoch, and changes of the rate before and after it."""
    arch = "quick" if precision == "auto" else "linear"
    config = tiny(arch=arch, optimizer=optimizer, precision=precision, epochs=4, **HARD)
    folder = folder_of(drive(config, {13: [SetLearningRate(0.003)], 17: [Stop()]}))
    resume_run(folder, {25: [SetLearningRate(0.02)]})
    result = replayed(folder / "epoch-001.safetensors", 28)
    assert (result.difference, result.twice) == (None, False)
    assert (result.losses, result.scores) == (28, 2)


def test_replay_of_branch_is_identical(tiny, every_step):
    old = folder_of(drive(tiny(epochs=3)))
    changes = {"weight_decay": 0.1, "seed": 5, "epochs": 4}
    config, resume_point = branch(old / "epoch-002.safetensors", changes, old.parent)
    folder = folder_of(drive(config, (), resume_point))
    # By its name one of the branch, and yet of the time before.
    info, tensors = checkpoints.load(old / "epoch-001.safetensors")
    checkpoints.save(folder / "epoch-001.safetensors", tensors, info)
    for name in ("epoch-001", "epoch-003"):
        result = replayed(folder / f"{name}.safetensors", 10)
        assert (result.difference, result.twice) == (None, False)
    result = replayed(folder / "epoch-001.safetensors", 25)
    assert (result.difference, result.twice, result.losses) == (None, False, 25)


def test_replay_ends_with_the_schedule(tiny, every_step):
    planned = folder_of(drive(tiny(schedule="onecycle")))
    result = replayed(planned / "epoch-001.safetensors", 500)
    assert (result.first, result.last) == (11, 20)
    assert result.notes == ("its schedule onecycle ends at step 20",)


def test_abandoned_checkpoint_is_not_compared(tiny, every_step):
    folder = folder_of(drive(tiny(epochs=3)))
    given_up = (folder / "epoch-002.safetensors").read_bytes()
    resume_run(folder / "epoch-001.safetensors", {10: [SetLearningRate(0.5)], 11: [Stop()]})
    (folder / "epoch-002.safetensors").write_bytes(given_up)
    result = replayed(folder / "epoch-001.safetensors", 10)
    assert (result.difference, result.saved, result.twice) == (None, ("last",), True)
    result = replayed(folder / "epoch-002.safetensors", 3)
    assert (result.difference, result.twice) == (None, True)
    assert result.notes == ("the run continued differently from there",)


def test_damaged_checkpoint_is_not_compared(tiny, every_step):
    folder = folder_of(drive(tiny(epochs=3)))
    path = folder / "epoch-002.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    result = replayed(folder / "epoch-001.safetensors", 20)
    assert result.difference is None
    assert set(result.saved) - {"best"} == {"epoch-003"}


def test_verify_command_prints_replay_result(tiny, every_step, capsys):
    from tui.cli.checkpoints.verify import verify_checkpoints

    folder = folder_of(drive(tiny()))
    checkpoint = str(folder / "epoch-001.safetensors")
    assert verify_checkpoints([checkpoint], replay=10) == 0
    assert capsys.readouterr().out == (
        f"✓ {folder.name}/epoch-001.safetensors: identical: 10 steps, 10 losses of the record, "
        "1 test score, epoch-002 to the bit\n"
    )
    record = (folder / "events.jsonl").read_text()
    place = record.index('"step": 14')
    (folder / "events.jsonl").write_text(
        record[:place] + re.sub(r'"losses": \[[^]]*', '"losses": [0.5', record[place:], count=1)
    )
    assert verify_checkpoints([checkpoint], replay=10, as_json=True) == 1
    output = json.loads(capsys.readouterr().out)
    assert output["identical"] is False
    there = output["difference"]
    assert (there["first"], there["last"], there["expected"]) == (14, 14, "0.5")
    with pytest.raises(UsageError, match="exactly one checkpoint"):
        verify_checkpoints([], replay=10)
