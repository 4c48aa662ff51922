"""Tests of watching a folder of runs for changes."""

import shutil

import pytest

from core.runs import manage, watch
from core.runs.watch import Watch
from tests.support.runs import make_run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of three runs, of which each change is seen at once."""
    monkeypatch.setattr(watch, "UNSETTLED_SECONDS", -1.0)
    for number in range(3):
        make_run(tmp_path, f"run-{number}")
    return tmp_path


def test_look_reads_only_what_has_changed(folder, monkeypatch):
    runs, read, real = Watch(folder), [], watch.read_run_info
    assert len(dict(runs.look())) == 3
    monkeypatch.setattr(watch, "read_run_info", lambda place: read.append(place) or real(place))
    assert list(runs.look()) == []
    assert read == []
    (folder / "run-1" / "last.safetensors").unlink()
    shutil.rmtree(folder / "run-2")
    changed = dict(runs.look())
    assert changed["run-2"] is None
    assert [each.kind for each in changed["run-1"].checkpoints] == ["best"]
    assert set(changed) == {"run-1", "run-2"}
    assert read == [folder / "run-1"]
    runs.forget()
    assert dict(runs.look()) == {}, "read again, and unchanged"
    assert len(read) == 3


def test_note_is_seen_though_it_keeps_the_times(folder):
    runs = Watch(folder)
    assert len(dict(runs.look())) == 3
    assert list(runs.look()) == []
    manage.set_note(folder / "run-0", "seen")
    ((name, run),) = runs.look()
    assert (name, run.note) == ("run-0", "seen")


def test_recent_change_is_read_again(folder, monkeypatch):
    """A second change may come within the resolution of the file system's clock."""
    monkeypatch.setattr(watch, "UNSETTLED_SECONDS", 1e9)
    runs, read, real = Watch(folder), [], watch.read_run_info
    assert len(dict(runs.look())) == 3
    monkeypatch.setattr(watch, "read_run_info", lambda place: read.append(place) or real(place))
    assert list(runs.look()) == []
    assert len(read) == 3
