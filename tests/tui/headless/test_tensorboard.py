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
    """Return what TensorBoard reads in a run's folder: each tag's steps, times and values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder / FOLDER), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(each.step, each.wall_time, each.value) for each in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def expected_scalars(folder: Path) -> dict[str, list]:
    rows, damaged = read_rows(folder)
    assert damaged == 0
    expected = {}
    for name, tag in TAGS.items():
        values = [(row.step, row.time, getattr(row, name)) for row in rows]
        # Its values are float32.
        expected[tag] = [(s, t, pytest.approx(v, rel=1e-6)) for s, t, v in values if v is not None]
    return expected


def train_run(config, tensorboard=True, stop_at=None, resume_point=None):
    """Train, and return the run's folder and its events."""
    inbox, events = SimpleQueue(), []
    run_events = train(config, inbox, resume_point)
    for event in with_tensorboard(run_events) if tensorboard else run_events:
        events.append(event)
        if isinstance(event, Progress) and event.step == stop_at:
            inbox.put(Stop())
    assert isinstance(events[-1], RunFinished)
    folder = next(Path(event.folder) for event in events if isinstance(event, RunStarted))
    return folder, events


def resume_run(folder, tensorboard=True):
    config, resume_point = prepare_resume(str(folder), folder.parent)
    return train_run(config, tensorboard, resume_point=resume_point)


def test_event_files_match_the_record(tiny):
    events = with_tensorboard(train(tiny(), SimpleQueue()))
    for event in events:
        if isinstance(event, RunStarted):
            folder = Path(event.folder)
        if isinstance(event, Progress | Evaluated):
            assert read_scalars(folder)["loss/train"] == expected_scalars(folder)["loss/train"]
        if isinstance(event, Evaluated):
            assert read_scalars(folder) == expected_scalars(folder)


def test_resumed_run_writes_each_step_once(tiny):
    """As after a process that was killed: its last checkpoint is from before its last steps."""
    folder, _ = train_run(tiny(epochs=3), stop_at=14)
    (old,) = (folder / FOLDER).glob(PATTERN)
    late = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    late = [each | {"step": each["step"] + 5} for each in late if each["event"] == "progress"][-5:]
    with (folder / "events.jsonl").open("a") as record:
        record.writelines(json.dumps(each) + "\n" for each in late)
    resume_run(folder)
    assert read_scalars(folder) == expected_scalars(folder)
    assert [step for step, *_ in read_scalars(folder)["loss/train"]] == list(range(1, 31))
    assert not old.exists()


def test_tensorboard_forgets_the_old_file(tiny):
    folder, _ = train_run(tiny(epochs=3), stop_at=14)
    (old,) = (folder / FOLDER).glob(PATTERN)
    content = old.read_bytes()
    resume_run(folder)
    old.write_bytes(content)  # as a process that has it open still sees it
    assert read_scalars(folder) == expected_scalars(folder)


def test_earlier_steps_are_written_too(tiny):
    folder, _ = train_run(tiny(epochs=4), tensorboard=False, stop_at=14)
    assert not (folder / FOLDER).exists()
    resume_run(folder)
    assert read_scalars(folder) == expected_scalars(folder)


def test_full_disk_does_not_end_the_run(tiny, monkeypatch):
    write, calls = EventFile.write, []

    def write_to_full_disk(self, rows):
        calls.append(self)
        if len(calls) > 5:
            raise OSError(28, "No space left on device")
        write(self, rows)

    monkeypatch.setattr(EventFile, "write", write_to_full_disk)
    folder, events = train_run(tiny())
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert notice == (
        f"cannot write TensorBoard's files in {folder / FOLDER} (No space left on device); "
        "training continues without them"
    )
    assert len(calls) == 6
    assert events[-1].epochs == 2


def test_full_disk_leaves_no_partial_file(tiny, monkeypatch):
    folder, _ = train_run(tiny(epochs=3), stop_at=14)
    before = read_scalars(folder)

    def write_to_full_disk(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EventFile, "write", write_to_full_disk)
    resume_run(folder)
    assert read_scalars(folder) == before
    assert len(list((folder / FOLDER).iterdir())) == 1


def test_tensorboard_link_is_not_followed(tiny, tmp_path):
    folder, _ = train_run(tiny(epochs=3), tensorboard=False, stop_at=14)
    (tmp_path / "elsewhere").mkdir()
    (folder / FOLDER).symlink_to(tmp_path / "elsewhere")
    _, events = resume_run(folder)
    (notice,) = [event.message for event in events if isinstance(event, Notice)]
    assert "is a link, and links are not followed here" in notice
    assert not list((tmp_path / "elsewhere").iterdir())


def test_event_files_belong_to_the_run(tiny):
    folder, _ = train_run(tiny())
    size = sum(each.stat().st_size for each in (folder / FOLDER).iterdir())
    before = read_run_info(folder)
    for each in (folder / FOLDER).iterdir():
        each.rename(folder.parent / each.name)
    assert read_run_info(folder).bytes == before.bytes - size
    for each in folder.parent.glob(PATTERN):
        each.rename(folder / FOLDER / each.name)
    before = read_scalars(folder)
    folder = rename(folder, "mine")
    delete(folder)
    assert not folder.exists()
    assert read_scalars(restore_latest("mine", folder.parent)) == before
