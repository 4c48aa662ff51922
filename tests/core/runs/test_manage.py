"""Tests of renaming, noting, deleting and pruning runs."""

import os
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checkpoints.header import CheckpointInfo, read_info
from core.commands import Stop
from core.errors import CheckpointError
from core.events import Progress, RunStarted
from core.runs import description, manage, run_writer, trash
from core.runs.branch import branch
from core.runs.catalog import read_run_info, scan_runs
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from tests.support.runs import contents, make_run, run_python, write_checkpoint
from tui.state.history import read_run


def drive(config, stop_at=None, resume_point=None):
    from core.training.trainer import train

    inbox, events = SimpleQueue(), []
    for event in train(config, inbox, resume_point):
        events.append(event)
        if isinstance(event, Progress) and event.step == stop_at:
            inbox.put(Stop())
    return Path(next(event.folder for event in events if isinstance(event, RunStarted)))


def test_renamed_run_resumes_and_branches_exactly(tiny, monkeypatch, saved_at_once):
    from core.checkpoints import io as checkpoints
    from core.training import loop as session

    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)
    config = tiny(epochs=3, keep=3, learning_rate=0.3)
    whole = drive(config)
    place = manage.rename(drive(config, stop_at=13), "my [red] run")
    assert (place.parent, read_description(place)["run"]) == (whole.parent, "my [red] run")
    assert read_info(place / "last.safetensors").run != place.name
    state = read_run(place)
    assert (state.started.run, state.started.folder) == (place.name, str(place))
    assert state.checkpoint == str(place / "last.safetensors")
    new, resume_point = prepare_resume("my [red] run", place.parent)
    assert drive(new, resume_point=resume_point) == place
    for name in ("last", "best"):
        one, other = (checkpoints.load(each / f"{name}.safetensors") for each in (whole, place))
        assert one[0].step == other[0].step
        assert one[0].digest == other[0].digest
    # Its best until then was saved before the run was renamed.
    write = place / "best.safetensors"
    checkpoints.copy_with_info(place / "epoch-001.safetensors", write, better(place, 1))
    _, made = branch(place / "epoch-002.safetensors", {}, place.parent)
    assert read_info(made.folder / "best.safetensors").step == 10
    assert read_info(place / "epoch-001.safetensors").run != place.name


def better(place: Path, epoch: int) -> CheckpointInfo:
    from dataclasses import replace

    info = read_info(place / f"epoch-{epoch:03}.safetensors")
    return replace(info, test_accuracy=1.0, test_loss=0.0)


HOSTILE = [
    "..",
    ".",
    "",
    "/tmp/x",
    "a/b",
    "..\\b",
    "a\nb",
    "\x1b[2J",
    "\u202egnp",
    "[red]",
    "-n",
    "~",
]


@settings(max_examples=60, deadline=None)
@given(name=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=90)))
def test_no_name_leads_out_of_the_folder(tmp_path_factory, name):
    around = tmp_path_factory.mktemp("around")
    place = make_run(around / "runs")
    before = contents(place)
    try:
        now = manage.rename(place, name)
    except CheckpointError:
        now = place
    else:
        assert now.name == name
        assert name.isprintable()
        assert read_description(now)["run"] == name
    assert [each.name for each in around.iterdir()] == ["runs"]
    assert [each.folder for each in scan_runs(around / "runs")] == [now]
    after = contents(now)
    assert after.keys() == before.keys()
    assert {path: age for path, (_, age) in after.items()} == {
        path: age for path, (_, age) in before.items()
    }


def test_renaming_replaces_nothing(tmp_path):
    place = make_run(tmp_path)
    (tmp_path / "just begun").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    make_run(tmp_path, "other")
    before = contents(tmp_path)
    for name in ("just begun", "file", "link", "other"):
        with pytest.raises(CheckpointError, match="already exists and is not replaced"):
            manage.rename(place, name)
    assert contents(tmp_path) == before


def test_note_and_star_keep_the_modification_time(tmp_path):
    place = make_run(tmp_path)
    before = place.stat().st_mtime_ns, read_run_info(place).modified
    manage.set_star(place, True)
    assert manage.set_note(place, " two\nlines  [red] ") == "two lines [red]"
    listed = read_run_info(place)
    assert (listed.note, listed.is_starred) == ("two lines [red]", True)
    assert (place.stat().st_mtime_ns, listed.modified) == before
    with pytest.raises(CheckpointError, match="at most 500 characters, not 501"):
        manage.set_note(place, "x" * 501)
    manage.set_note(place, "")
    manage.set_star(place, False)
    assert (read_run_info(place).note, read_run_info(place).is_starred) == ("", False)


def test_star_set_while_a_note_is_written_stays(tmp_path, monkeypatch):
    place, real = make_run(tmp_path), manage.replace_file
    other = threading.Thread(target=manage.set_star, args=(place, True))

    def slowly(path, content):
        if not other.ident:
            other.start()
            other.join(0.1)
        real(path, content)

    monkeypatch.setattr(manage, "replace_file", slowly)
    manage.set_note(place, "good")
    other.join()
    assert (read_run_info(place).note, read_run_info(place).is_starred) == ("good", True)


def test_prune_counts_the_freed_bytes(tmp_path):
    place = make_run(tmp_path, epochs=4)
    last, newest = place / "last.safetensors", place / "epoch-004.safetensors"
    newest.unlink()
    os.link(last, newest)
    write_checkpoint(place / "step-9.safetensors", 9)
    write_checkpoint(place / "mine.safetensors", 9)
    each = last.stat().st_size
    found = manage.prune(place, dry_run=True)
    done = manage.prune(place)
    assert (done.files, done.bytes) == (found.files, found.bytes)
    assert len(found.files) == 5
    sizes = [len(data) for name, (data, _) in contents(tmp_path).items() if ".trash" in name]
    assert found.bytes == sum(sizes) - each
    assert {path.name for path in place.glob("*.safetensors")} == {
        f"{kind}.safetensors" for kind in ("last", "best", "mine")
    }
    assert manage.prune(place).trashed is None
    trash.restore_latest(place.name, tmp_path)
    for kind in ("last", "best"):
        (place / f"{kind}.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no readable best or last checkpoint"):
        manage.prune(place)


LIVE = """
import sys
from core.runs import run_writer
from core.config import TrainConfig
with run_writer.create(TrainConfig(arch="linear", checkpoints=sys.argv[1]), "sample", "cpu") as run:
    print(run.name, flush=True)
    sys.stdin.read()
"""


def test_run_in_progress_accepts_only_a_note(tmp_path):
    with run_python(LIVE, tmp_path) as process:
        place = tmp_path / process.stdout.readline().strip()
        for name in ("last", "epoch-001"):
            write_checkpoint(place / f"{name}.safetensors", 1)
        refused = [
            lambda: manage.rename(place, "other"),
            lambda: manage.delete(place),
            lambda: manage.delete(place / "last.safetensors"),
            lambda: manage.prune(place),
        ]
        for act in refused:
            with pytest.raises(CheckpointError, match=f"being trained by process {process.pid}"):
                act()
        manage.set_note(place, "still training")
        manage.delete(place / "epoch-001.safetensors")
        assert read_run_info(place).is_live
        process.kill()
    assert manage.delete(manage.rename(place, "other")).run == "other"


def test_run_moved_while_resumed_is_refused(tmp_path, monkeypatch):
    place, real = make_run(tmp_path), description.lock
    taken = []

    def moved_first(file, *more):
        if not taken:
            taken.append(file)
            manage.delete(place)
        return real(file, *more)

    monkeypatch.setattr(description, "lock", moved_first)
    with pytest.raises(CheckpointError, match="has just been renamed or deleted"):
        run_writer.reopen(place)
    assert list(scan_runs(tmp_path)) == []
    assert trash.restore_latest(place.name, tmp_path) == place


def test_unwritable_folder_is_reported(tmp_path, monkeypatch):
    def refuse(*arguments, **more):
        raise PermissionError(13, "Permission denied")

    place = make_run(tmp_path, epochs=1)
    before = contents(tmp_path)
    for name in ("mkdir", "rename", "open"):
        monkeypatch.setattr(Path, name, refuse)
    for act, message in (
        (lambda: manage.rename(place, "other"), "cannot be renamed"),
        (lambda: manage.delete(place), "cannot be deleted"),
        (lambda: manage.prune(place), "cannot be deleted"),
        (lambda: manage.set_star(place, True), "cannot be written"),
    ):
        with pytest.raises(CheckpointError, match=rf"{message} \(Permission denied\)$"):
            act()
    monkeypatch.undo()
    assert contents(tmp_path) == before
