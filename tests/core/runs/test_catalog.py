"""Tests of listing runs while others write, delete and end."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.config import TrainConfig
from core.errors import CheckpointError
from core.events import RunFailed
from core.runs import catalog, description, run_writer
from core.runs.catalog import list_checkpoints, read_run_info, scan_runs
from tests.support.checkpoints import INFO, state, write


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """The content of a checkpoint."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("whole") / "last.safetensors"
    checkpoints.save(path, state(), INFO)
    return path.read_bytes()


def test_file_deleted_while_listed_is_left_out(tmp_path, monkeypatch):
    config = TrainConfig(arch="linear", checkpoints=str(tmp_path))
    with run_writer.create(config, "sample", "cpu") as run:
        pass
    for name in ("kept", "gone"):
        (run.folder / f"{name}.safetensors").write_bytes(b"broken")
    real = catalog.read_checkpoint_file

    def late(path, *more):
        if path.stem == "gone":
            path.unlink()
        return real(path, *more)

    monkeypatch.setattr(catalog, "read_checkpoint_file", late)
    (listed,) = scan_runs(tmp_path)
    assert [each.path.stem for each in listed.checkpoints] == ["kept"]


def test_run_ending_while_listed_is_not_interrupted(tmp_path, monkeypatch):
    config = TrainConfig(arch="linear", checkpoints=str(tmp_path))
    with run_writer.create(config, "sample", "cpu") as run:
        real = description.is_live

        def late(folder, described):
            run.record(RunFailed(reason="diverged", message="it did"))
            run.__exit__()
            return real(folder, described)

        monkeypatch.setattr(description, "is_live", late)
        (listed,) = scan_runs(tmp_path)
    assert listed.status == "failed"


def test_checkpoints_listed_newest_first_with_broken(tmp_path, whole):
    ages = {
        "one/last.safetensors": 30,
        "one/best.safetensors": 10,
        "two/epoch-003.safetensors": 20,
        "two/broken.safetensors": 15,
    }
    for name, age in ages.items():
        path = write(tmp_path / name, b"" if "broken" in name else whole)
        os.utime(path, (1e9 - age, 1e9 - age))
    write(tmp_path / "one" / "run.json", b"{}")
    write(tmp_path / "loose.safetensors", whole)
    (tmp_path / "three").mkdir()
    listed = list_checkpoints(tmp_path)
    names = [str(each.path.relative_to(tmp_path)) for each in listed]
    assert names == sorted(ages, key=ages.get)
    assert [each.kind for each in listed] == ["best", "file", "epoch", "last"]
    assert [each.bytes for each in listed] == [len(whole), 0, len(whole), len(whole)]
    assert [each.error for each in listed] == [None, "is empty", None, None]
    assert listed[0].info == replace(INFO, digest=listed[0].info.digest)


def test_broken_links_do_not_end_a_listing(tmp_path, whole):
    """A link to nothing is left out, like a deleted file; a circular one is reported."""
    write(tmp_path / "one" / "last.safetensors", whole)
    (tmp_path / "one" / "best.safetensors").symlink_to("gone.safetensors")
    (tmp_path / "one" / "circle.safetensors").symlink_to("circle.safetensors")
    (tmp_path / "gone").symlink_to("nowhere")
    listed = {each.path.name: each for each in list_checkpoints(tmp_path)}
    assert set(listed) == {"last.safetensors", "circle.safetensors"}
    assert listed["last.safetensors"].error is None
    assert listed["circle.safetensors"].info is None
    assert listed["circle.safetensors"].error == "Too many levels of symbolic links"


def test_unreadable_run_does_not_end_a_listing(tmp_path, whole, monkeypatch):
    for run in ("one", "two"):
        write(tmp_path / run / "last.safetensors", whole)
    scandir = os.scandir

    def refusing(folder):
        if Path(folder).name == "two":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    assert [each.path.parent.name for each in list_checkpoints(tmp_path)] == ["one"]


def test_missing_folder_is_empty_and_a_file_is_refused(tmp_path):
    assert list_checkpoints(tmp_path / "nowhere") == []
    file = write(tmp_path / "file", b"x")
    with pytest.raises(CheckpointError, match=r"file cannot be read \(Not a directory\)"):
        list_checkpoints(file)


def test_impossible_status_is_unknown(tmp_path):
    (tmp_path / "run.json").write_text('{"status": "\\u001b[5;5Hhacked"}')
    assert read_run_info(tmp_path).status == "unknown"
