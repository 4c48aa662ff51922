"""Train on a folder of images, and continue a run only where the folder is as it was."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from core.checkpoints import io as checkpoints
from core.checkpoints.header import read_info
from core.commands import Stop
from core.config import TrainConfig
from core.data.folder import source
from core.errors import CheckpointError, DataError
from core.events import Evaluated, Notice, RunFailed, RunFinished, RunStarted
from core.replay.replay import ReplayResult, replay
from core.runs.branch import branch
from core.runs.data_folder import load_run_data
from core.runs.resume import prepare_resume
from tests.support.training import drive, folder_of, only, resume_run


@pytest.fixture
def images(tmp_path, tiny_tensors, monkeypatch):
    """Make a folder of three classes with ten images each, and return it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(source, "RECENT_SECONDS", 0.0)
    monkeypatch.setattr(source, "RECENT_TIMES", 0)
    for label, name in enumerate(("2", "10", "[red]\x1b")):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        chosen = tiny_tensors.train_images[tiny_tensors.train_labels == label]
        for number, pixels in enumerate(chosen[:10]):
            clean = torch.where(pixels < 100, 0, pixels)
            Image.fromarray(clean.numpy()).save(folder / f"{number}.png")
    return tmp_path / "images"


@pytest.fixture
def config(images, tmp_path, monkeypatch):
    """Return a config that names the folder as seen from its parent, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return TrainConfig(
        arch="linear",
        dataset="folder:images",
        epochs=3,
        batch_size=8,
        learning_rate=0.01,
        checkpoints=str(tmp_path / "runs"),
        routes="default",
    )


def test_run_has_the_classes_and_content_of_its_folder(config, images):
    events = drive(config)
    (started,), finished = only(events, RunStarted), only(events, RunFinished)
    assert (started.dataset, started.classes) == (f"folder:{images}", 3)
    assert started.class_names == ("2", "10", "[red]\\x1b")
    assert (started.train_samples, started.test_samples) == (24, 6)
    info = read_info(folder_of(events) / "last.safetensors")
    described = json.loads((folder_of(events) / "run.json").read_text())
    for stored in (started.config, info.config, described["config"]):
        assert len(stored["dataset_digest"]) == 64
        assert (stored["dataset_images"], stored["dataset_classes"]) == (30, 3)
    assert info.class_names == started.class_names
    assert finished[0].test_accuracy == 1.0


def test_resumed_run_equals_an_uninterrupted_one(config, tmp_path, monkeypatch):
    whole = folder_of(drive(config))
    cut = folder_of(drive(config, {Evaluated: [Stop()]}))
    monkeypatch.chdir("/")
    resume_run(cut)
    (_, expected), (_, found) = (
        checkpoints.load(each / "last.safetensors") for each in (whole, cut)
    )
    assert all(torch.equal(found[name], each) for name, each in expected.items())
    results = [
        each for each in replay(cut / "epoch-001.safetensors", 3) if isinstance(each, ReplayResult)
    ]
    assert results[0].identical


@pytest.mark.parametrize("where", [".", "checkpoints", "2/runs"])
def test_runs_are_not_among_the_images(config, images, where):
    """A run in the folder would be a class, and change what it was trained on."""
    (failed,) = drive(replace(config, checkpoints=str(images / where)))
    assert failed.message.startswith("--checkpoints ")
    assert "is inside the folder of images" in failed.message
    assert sorted(path.name for path in images.iterdir()) == ["10", "2", "[red]\x1b"]


def change(images: Path, how: str) -> str:
    """Change the folder, and return what the error says."""
    if how == "a pixel":
        with Image.open(images / "10" / "3.png") as image:
            image.putpixel((3, 3), 77)
            image.save(images / "10" / "3.png")
        return "it still has 30 images of 3 classes, but not the same"
    images.rename(images.with_name("moved"))
    return "does not exist"


@pytest.mark.parametrize("how", ["a pixel", "gone"])
def test_changed_folder_is_refused(config, images, how):
    run = folder_of(drive(config, {Evaluated: [Stop()]}))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    why = change(images, how)
    config, point = prepare_resume(str(run), Path("nowhere"))
    (*_, failed) = drive(config, resume_point=point)
    assert isinstance(failed, RunFailed)
    assert failed.reason == "data"
    assert str(images) in failed.message
    assert why in failed.message
    with pytest.raises((DataError, CheckpointError), match=why):
        branch(run / "last.safetensors", {}, run.parent)
    with pytest.raises(DataError, match=why):
        list(replay(run / "last.safetensors", 3))
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert os.listdir(run.parent) == [run.name]


def test_folder_with_other_classes_is_refused_by_name(config, images):
    run = folder_of(drive(config))
    (images / "10").rename(images / "11")
    for attempt in (
        lambda: prepare_resume(str(run), Path("nowhere"), epochs=9),
        lambda: branch(run / "last.safetensors", {}, run.parent),
        lambda: list(replay(run / "last.safetensors", 3)),
    ):
        with pytest.raises(CheckpointError, match=r"has the classes 2, 10, .*; .* has 2, 11, "):
            attempt()


def test_evaluation_says_that_the_folder_has_changed(config, images):
    run = folder_of(drive(config))
    (images / "2" / "9.png").unlink()
    info = read_info(run / "last.safetensors")
    *events, notice = load_run_data(info.dataset, info.config, None)
    assert not only(events, Notice)
    assert notice.message == (
        f"the folder {images} has changed since the run was trained on it: it had 30 images of "
        "3 classes, now 29 images of 3 classes; it is used as it is now"
    )


def test_branch_keeps_the_record_of_its_folder(config, images):
    run = folder_of(drive(config))
    _, point = branch(run / "last.safetensors", {"epochs": 4}, run.parent)
    assert read_info(point.checkpoint).config["dataset_digest"]
    change(images, "a pixel")
    with pytest.raises(CheckpointError, match="but not the same; restore it, or start a new run"):
        branch(point.checkpoint, {"epochs": 5}, run.parent)
