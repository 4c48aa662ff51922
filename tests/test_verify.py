"""Whether a file is what was saved, and whether training from it goes the same way again."""

import json
import os
import shutil
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import checkpoints, session
from core.branching import branch
from core.commands import SetLearningRate, Stop
from core.errors import CheckpointError
from core.events import Progress, RunFinished, RunStarted
from core.headers import DTYPES, CheckpointInfo
from core.replaying import Replayed, replay
from core.resume import take_up
from core.trainer import train
from core.verifying import verify, verify_all

INFO = CheckpointInfo(
    run="r",
    arch="linear",
    dataset="sample",
    config={"seed": 1},
    epoch=1,
    step=10,
    test_loss=0.5,
    test_accuracy=0.75,
    parameters=3,
    saved_at=1.0,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A checkpoint with a tensor of each type, and some of no element and of one."""
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    numbers = torch.arange(6).view(2, 3)
    tensors = {f"of.{name}": numbers.to(getattr(torch, name)) for name in DTYPES}
    tensors |= {"none": torch.zeros(0, 3), "one": torch.tensor(1.5), "naïve": torch.zeros(1)}
    checkpoints.save(path, tensors, INFO)
    return path


def test_every_type_is_verified_as_it_was_saved(small):
    assert verify(small).ok
    assert verify(small).bytes == small.stat().st_size


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_anywhere_is_named(small, tmp_path, place, bit):
    content = bytearray(small.read_bytes())
    place %= len(content)
    content[place] ^= 1 << bit
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    fault = verify(damaged).fault
    assert fault is not None
    length = int.from_bytes(small.read_bytes()[:8], "little")
    if place < 8 + length:
        assert "header" in fault
    else:
        entries = json.loads(small.read_bytes()[8 : 8 + length])
        within = place - 8 - length
        (name,) = (
            name
            for name, entry in entries.items()
            if name != "__metadata__"
            and entry["data_offsets"][0] <= within < entry["data_offsets"][1]
        )
        assert fault == f"is damaged: its tensor {name} is not what was saved"


def test_what_an_earlier_version_saved_is_verified_as_far_as_it_can_be(small, tmp_path):
    """Its header has no digest of its own, and none of each tensor."""
    content = small.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    described = json.loads(header["__metadata__"]["mnist_tui"]) | {"version": 1}
    header["__metadata__"] = {"mnist_tui": json.dumps(described)}
    text = json.dumps(header).encode()
    old = tmp_path / "old.safetensors"
    old.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    assert verify(old).ok
    assert "header has no digest" in verify(old).note
    old.write_bytes(old.read_bytes()[:-1] + b"\xff")
    assert verify(old).fault == "is damaged: its tensors do not have the digest in its header"


def test_a_file_of_two_names_is_read_once_and_what_is_no_checkpoint_is_said(
    small, tmp_path, monkeypatch
):
    from core import verifying

    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    shutil.copyfile(small, one)
    os.link(one, other)
    (tmp_path / "picture.safetensors").write_bytes(b"\x89PNG" * 20)
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    read, whole = [], verifying.verify
    monkeypatch.setattr(verifying, "verify", lambda path: read.append(path) or whole(path))
    found = {each.path.stem: each.fault for each in verify_all(sorted(tmp_path.iterdir()))}
    assert found["one"] is None
    assert found["other"] is None
    assert len([path for path in read if path.stem in ("one", "other")]) == 1
    assert "no safetensors header" in found["picture"]
    assert found["pipe"] == "is not a file"
    assert "cannot be read" in found["loop"]


# Trained again.


@pytest.fixture
def every_step(monkeypatch, saved_at_once):
    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)


def drive(config, orders=(), taken_up=None) -> Path:
    """A run's folder. `orders` has what it is told at a step."""
    inbox, folder, waiting = SimpleQueue(), None, dict(orders)
    for event in train(config, inbox, taken_up):
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        if isinstance(event, Progress):
            for command in waiting.pop(event.step, ()):
                inbox.put(command)
    assert isinstance(event, RunFinished), event
    return folder


def go_on(place: Path, orders=(), **changes) -> Path:
    config, taken_up = take_up(str(place), Path("nowhere"), **changes)
    return drive(config, orders, taken_up)


def replayed(path: Path, steps: int) -> Replayed:
    """What came of it; nothing in the run's folder may be another than before."""
    folder = path.parent
    before = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}
    *_, last = replay(path, steps)
    after = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}
    assert after == before
    return last


def doctored(folder: Path, step: int) -> None:
    """Has the record say another loss of the last steps until that one."""
    lines = []
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "progress" and event["step"] == step:
            event["losses"][-1] += 1e-9
        lines.append(json.dumps(event) + "\n")
    (folder / "events.jsonl").write_text("".join(lines))


HARD = {"shift": 2, "schedule": "cosine", "label_smoothing": 0.1, "weight_decay": 0.01}


@pytest.mark.parametrize("arch", ["linear", "quick", "mlp", "cnn"])
def test_a_run_comes_out_the_same_again(tiny, saved_at_once, arch):
    """Held against the means of a few stretches, as a run of full speed leaves them."""
    size = 50 if arch == "cnn" else 10
    folder = drive(tiny(arch=arch, batch_size=size, learning_rate=1e-3, **HARD))
    steps = 200 // size
    said = replayed(folder / "epoch-001.safetensors", steps)
    assert (said.difference, said.twice, said.notes) == (None, False, ())
    assert (said.steps, said.scores, said.checkpoints) == (steps, 1, ("epoch-002",))
    assert said.stretches >= min(steps, 8)


@pytest.mark.parametrize(
    ("optimizer", "precision"),
    [("adam", "fp32"), ("adamw", "auto"), ("sgd", "fp32")],
)
def test_what_happened_on_the_way_happens_again(tiny, every_step, optimizer, precision):
    arch = "quick" if precision == "auto" else "linear"
    config = tiny(arch=arch, optimizer=optimizer, precision=precision, epochs=4, **HARD)
    folder = drive(config, {13: [SetLearningRate(0.003)], 17: [Stop()]})
    go_on(folder, {25: [SetLearningRate(0.02)]})
    said = replayed(folder / "epoch-001.safetensors", 28)
    assert (said.difference, said.twice) == (None, False)
    assert (said.stretches, said.scores) == (28, 2)


def test_a_branch_comes_out_the_same_again_across_its_fork(tiny, every_step):
    old = drive(tiny(epochs=3))
    config, taken_up = branch(
        old / "epoch-001.safetensors", {"weight_decay": 0.1, "seed": 5, "epochs": 4}, old.parent
    )
    folder = drive(config, (), taken_up)
    for name in ("epoch-002", "epoch-003"):
        said = replayed(folder / f"{name}.safetensors", 10)
        assert (said.difference, said.twice) == (None, False)
    assert replayed(old / "epoch-001.safetensors", 20).difference is None


def test_where_the_record_ends_the_steps_are_made_twice(tiny, every_step):
    folder = drive(tiny())
    said = replayed(folder / "last.safetensors", 15)
    assert (said.difference, said.twice, said.steps) == (None, True, 15)
    planned = drive(tiny(schedule="onecycle"))
    with pytest.raises(CheckpointError, match="at the end of its schedule onecycle"):
        replayed(planned / "last.safetensors", 5)
    said = replayed(planned / "epoch-001.safetensors", 500)
    assert (said.steps, said.notes) == (10, ("its schedule onecycle ends at step 20",))


def test_a_checkpoint_of_a_way_that_was_given_up_is_not_held_against_the_record(tiny, every_step):
    folder = drive(tiny(epochs=3))
    given_up = (folder / "epoch-002.safetensors").read_bytes()
    go_on(folder / "epoch-001.safetensors", {10: [SetLearningRate(0.5)], 11: [Stop()]})
    (folder / "epoch-002.safetensors").write_bytes(given_up)
    said = replayed(folder / "epoch-001.safetensors", 10)
    assert (said.difference, said.checkpoints, said.twice) == (None, ("last",), True)
    said = replayed(folder / "epoch-002.safetensors", 3)
    assert (said.difference, said.twice) == (None, True)
    assert said.notes == ("the run went another way from there",)


def test_the_first_step_that_differs_is_named(tiny, every_step):
    folder = drive(tiny(epochs=3))
    doctored(folder, 17)
    found = replayed(folder / "epoch-001.safetensors", 20).difference
    assert (found.first, found.last, found.what) == (17, 17, "the loss")
    assert float(found.expected) != float(found.found)


def test_a_stretch_that_differs_is_named(tiny, saved_at_once):
    folder = drive(tiny(epochs=2, batch_size=5))
    doctored(folder, 80)
    found = replayed(folder / "epoch-001.safetensors", 40).difference
    assert found.what == "the mean loss"
    assert 40 < found.first < found.last == 80


def test_a_checkpoint_that_differs_is_named(tiny, every_step):
    folder = drive(tiny(epochs=3))
    path = folder / "epoch-002.safetensors"
    info, tensors = checkpoints.load(path)
    tensors["fc1.bias"][3] = torch.nextafter(tensors["fc1.bias"][3], torch.tensor(9.0))
    checkpoints.save(path, tensors, info)
    said = replayed(folder / "epoch-001.safetensors", 20)
    assert (said.difference.first, said.difference.against) == (20, "epoch-002")
    assert said.difference.what == "fc1.bias (in 1 of 10 places)"
    path.write_bytes(path.read_bytes()[:-1])
    said = replayed(folder / "epoch-001.safetensors", 20)
    assert said.difference is None


def test_what_is_not_as_it_was_is_named_where_it_may_be_why(tiny, every_step):
    folder = drive(tiny(threads=2))
    described = json.loads((folder / "run.json").read_text())
    described["versions"]["torch"] = "1.0"
    (folder / "run.json").write_text(json.dumps(described))
    doctored(folder, 12)
    said = replayed(folder / "epoch-001.safetensors", 5)
    assert any(each.startswith("torch was 1.0 and is ") for each in said.causes)
