"""Tests of deleting to the trash, restoring from it and emptying it."""

import os

import pytest

from core.checkpoints.header import read_info
from core.errors import CheckpointError
from core.runs import manage, trash
from core.runs.catalog import scan_runs
from tests.support.runs import contents, make_run, write_checkpoint


def test_restored_run_is_equal_to_the_byte(tmp_path):
    place = make_run(tmp_path, "[red] \u202e\n", epochs=2)
    before, age = contents(tmp_path), place.stat().st_mtime_ns
    gone = manage.delete(place / "epoch-001.safetensors")
    assert (gone.files, gone.bytes) == (
        ("epoch-001.safetensors",),
        len(before[next(iter(before))][0]),
    )
    gone = manage.delete(place)
    assert (gone.run, gone.files) == (place.name, ())
    assert list(scan_runs(tmp_path)) == []
    assert trash.restore_latest(place.name, tmp_path) == place
    with pytest.raises(CheckpointError, match="already"):
        manage.delete(manage.delete(make_run(tmp_path, "b")).place / "run" / "b")
    trash.restore_latest("b", tmp_path)
    assert trash.restore_latest(place.name, tmp_path) == place
    assert {path: each for path, each in contents(tmp_path).items() if path[0] != "b"} == before
    assert place.stat().st_mtime_ns == age
    assert list((tmp_path / ".trash").iterdir()) == []
    with pytest.raises(CheckpointError, match="has nothing of b"):
        trash.restore_latest("b", tmp_path)


def test_restoring_replaces_nothing(tmp_path):
    place = make_run(tmp_path)
    manage.delete(place / "last.safetensors")
    manage.delete(place)
    write_checkpoint(make_run(tmp_path) / "last.safetensors", 9)
    before = contents(place)
    with pytest.raises(CheckpointError, match="already exists"):
        trash.restore_latest("linear-1", tmp_path)
    manage.rename(place, "new")
    trash.restore_latest("linear-1", tmp_path)
    write_checkpoint(place / "last.safetensors", 8)
    with pytest.raises(CheckpointError, match="exists again"):
        trash.restore_latest("linear-1", tmp_path)
    assert read_info(place / "last.safetensors").step == 8
    assert contents(tmp_path / "new").keys() == before.keys()


def test_linked_run_is_deleted_as_a_link(tmp_path):
    real = make_run(tmp_path / "elsewhere")
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "link").symlink_to("../elsewhere/linear-1")
    before = contents(real)
    now = manage.rename(folder / "link", "other")
    manage.delete(now)
    assert trash.list_trash(folder)[0].bytes < 100
    trash.restore_latest("other", folder)
    assert os.readlink(now) == "../elsewhere/linear-1"
    manage.delete(now)
    trash.empty_trash(folder)
    assert contents(real) == before


def test_emptying_deletes_only_deleted_runs(tmp_path):
    manage.delete(make_run(tmp_path, "a", epochs=3))
    (tmp_path / ".trash" / "mine").write_text("not yours")
    stays = make_run(tmp_path, "stays")
    os.link(tmp_path / "stays" / "best.safetensors", tmp_path / "second")
    runs_bytes, trash_bytes = manage.disk_use(tmp_path)
    assert trash.list_trash(tmp_path)[0].bytes == trash.empty_trash(tmp_path) == trash_bytes - 9
    assert (tmp_path / ".trash" / "mine").exists()
    assert runs_bytes == sum(each.stat().st_size for each in stays.iterdir())
    (other := tmp_path / "other").mkdir()
    (other / ".trash").symlink_to(stays)
    for act in (lambda: trash.empty_trash(other), lambda: manage.delete(make_run(other))):
        with pytest.raises(CheckpointError, match="is not a folder"):
            act()
    assert (stays / "run.json").exists()
    assert (other / "linear-1" / "run.json").exists()


def test_pruned_files_restored_to_a_renamed_run(tmp_path):
    place = make_run(tmp_path, "before", epochs=3)
    pruned = manage.prune(place)
    now = manage.rename(place, "now")
    trash.restore_latest("now", tmp_path)
    assert set(pruned.files) <= {each.name for each in now.iterdir()}
