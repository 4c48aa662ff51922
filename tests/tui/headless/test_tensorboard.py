"""`--tensorboard`: what TensorBoard reads in a run's folder, also after it was resumed."""

import json
from pathlib import Path
from queue import SimpleQueue

import pytest

from core.commands import Stop
from core.events import Evaluated, Notice, Progress, RunFinished, RunStarted
from core.runs.catalog import read_run_info
from core.runs.manage import delete, rename
from core.runs.resume import prepare_resume
from core.runs.trash import restore_latest
from core.training.trainer import train
from tui.headless.metrics_rows import read_rows
from tui.headless.tensorboard import FOLDER, PATTERN, TAGS, EventFile, with_tensorboard

pytest.importorskip("tensorboard")


@pytest.fixture(autouse=True)
def progress_at_every_step(monkeypatch):
    monkeypatch.setattr("core.training.loop.PROGRESS_SECONDS", 0.0)


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """What TensorBoard reads there: each tag's steps, times and values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / FOLDER), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(e.step, e.wall_time, e.value) for e in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def recorded(folder: Path) -> dict[str, list]:
    rows, broken = read_rows(folder)
    assert broken == 0
    expected = {}
    for name, tag in TAGS.items():
        values = [(row.step, row.time, getattr(row, name)) for row in rows]
        # Its values are float32.
        expected[tag] = [(s, t, pytest.approx(v, rel=1e-6)) for s, t, v in values if v is not None]
    return expected


def begun(config, tensorboard=True, stop_at=None, resume_point=None):
    """Trains; gives the run's folder and its events."""
    inbox, events = SimpleQueue(), []
    events_of_run = train(config, inbox, resume_point)
    for event in with_tensorboard(events_of_run) if tensorboard else events_of_run:
        events.append(event)
        if isinstance(event, Progress) and event.step == stop_at:
            inbox.put(Stop())
    assert isinstance(events[-1], RunFinished)
    folder = next(Path(event.folder) for event in events if isinstance(event, RunStarted))
    return folder, events


def gone_on(folder, tensorboard=True):
    config, resume_point = prepare_resume(str(folder), folder.parent)
    return begun(config, tensorboard, resume_point=resume_point)


def test_event_files_match_the_record(tiny):
    events = with_tensorboard(train(tiny(), SimpleQueue()))
    for event in events:
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        if isinstance(event, Progress | Evaluated):
            assert read_scalars(folder)["loss/train"] == recorded(folder)["loss/train"]
        if isinstance(event, Evaluated):
            assert read_scalars(folder) == recorded(folder)


def test_resumed_run_writes_each_step_once(tiny):
    """As after a process that was killed: its last checkpoint is from before its last steps."""
    folder, _ = begun(tiny(epochs=3), stop_at=14)
    (old,) = (folder / FOLDER).glob(PATTERN)
    late = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    late = [each | {"step": each["step"] + 5} for each in late if each["event"] == "progress"][-5:]
    with (folder / "events.jsonl").open("a") as record:
        record.writelines(json.dumps(each) + "\n" for each in late)
    gone_on(folder)
    assert read_scalars(folder) == recorded(folder)
    assert [step for step, *_ in read_scalars(folder)["loss/train"]] == list(range(1, 31))
    assert not old.exists()


def test_tensorboard_forgets_the_old_file(tiny):
    folder, _ = begun(tiny(epochs=3), stop_at=14)
    (old,) = (folder / FOLDER).glob(PATTERN)
    content = old.read_bytes()
    gone_on(folder)
    old.write_bytes(content)  # as a process that has it open still sees it
    assert read_scalars(folder) == recorded(folder)


def test_earlier_steps_are_written_too(tiny):
    folder, _ = begun(tiny(epochs=4), tensorboard=False, stop_at=14)
    assert not (folder / FOLDER).exists()
    gone_on(folder)
    assert read_scalars(folder) == recorded(folder)


def test_full_disk_does_not_end_the_run(tiny, monkeypatch):
    write, calls = EventFile.write, []

    def full(self, rows):
        calls.append(self)
        if len(calls) > 5:
            raise OSError(28, "No space left on device")
        write(self, rows)

    monkeypatch.setattr(EventFile, "write", full)
    folder, events = begun(tiny())
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert notice == (
        f"cannot write TensorBoard's files in {folder / FOLDER} (No space left on device); "
        "training continues without them"
    )
    assert len(calls) == 6
    assert events[-1].epochs == 2


def test_full_disk_leaves_no_partial_file(tiny, monkeypatch):
    folder, _ = begun(tiny(epochs=3), stop_at=14)
    before = read_scalars(folder)

    def full(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EventFile, "write", full)
    gone_on(folder)
    assert read_scalars(folder) == before
    assert len(list((folder / FOLDER).iterdir())) == 1


def test_tensorboard_link_is_not_followed(tiny, tmp_path):
    folder, _ = begun(tiny(epochs=3), tensorboard=False, stop_at=14)
    (tmp_path / "elsewhere").mkdir()
    (folder / FOLDER).symlink_to(tmp_path / "elsewhere")
    _, events = gone_on(folder)
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert "is a link, and links are not followed here" in notice
    assert not list((tmp_path / "elsewhere").iterdir())


def test_event_files_belong_to_the_run(tiny):
    folder, _ = begun(tiny())
    inside = sum(each.stat().st_size for each in (folder / FOLDER).iterdir())
    before = read_run_info(folder)
    for each in (folder / FOLDER).iterdir():
        each.rename(folder.parent / each.name)
    assert read_run_info(folder).bytes == before.bytes - inside
    for each in folder.parent.glob(PATTERN):
        each.rename(folder / FOLDER / each.name)
    before = read_scalars(folder)
    folder = rename(folder, "mine")
    delete(folder)
    assert not folder.exists()
    assert read_scalars(restore_latest("mine", folder.parent)) == before
