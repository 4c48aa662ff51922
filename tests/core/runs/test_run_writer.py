"""Tests of writing a run's folder."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config import TrainConfig, read_config
from core.errors import CheckpointError
from core.event_json import as_json
from core.events import Evaluated, Event, Paused, Preparing, Resumed, RunFailed, RunFinished
from core.responses.predictions import Predicted
from core.runs import run_writer

ROOT = Path(__file__).parents[3]
SCORED = Evaluated(epoch=1, step=10, test_loss=0.3, test_accuracy=0.9)


def finished(stopped: bool) -> RunFinished:
    return RunFinished(
        epochs=1,
        steps=10,
        test_loss=0.3,
        test_accuracy=0.9,
        train_seconds=1.0,
        samples_per_second=10.0,
        checkpoint=None,
        stopped=stopped,
    )


@pytest.fixture
def config(tmp_path) -> TrainConfig:
    return TrainConfig(arch="linear", checkpoints=str(tmp_path / "runs"), seed=5)


def description(run: run_writer.RunWriter) -> dict:
    return json.loads((run.folder / "run.json").read_text())


def test_new_folder_describes_its_run(config):
    with run_writer.create(config, "sample", "cpu") as run:
        written = description(run)
        assert run.folder.parent == config.folder
        assert run.folder.name == run.name == written["run"]
        assert (written["status"], written["pid"], written["device"]) == (
            "running",
            os.getpid(),
            "cpu",
        )
        assert written["seed"] == 5
        assert written["versions"]["torch"] == version("torch")
        assert set(written["versions"]) == {"python", "mnist-tui", "torch", "safetensors"}


def test_package_without_metadata_has_unknown_version(monkeypatch):
    def version_of(package):
        if package == "mnist-tui":
            raise PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr("importlib.metadata.version", version_of)
    found = run_writer.versions()
    del found["python"]
    assert found == {"mnist-tui": "unknown", "torch": "1.2.3", "safetensors": "1.2.3"}


def test_missing_parent_folders_are_made(tmp_path):
    config = TrainConfig(checkpoints=str(tmp_path / "a" / "b" / "c"))
    with run_writer.create(config, "sample", "cpu") as run:
        assert run.folder.parent == tmp_path / "a" / "b" / "c"
        assert description(run)["status"] == "running"


def test_stored_config_has_the_resolved_dataset(config):
    with run_writer.create(config, "sample", "cpu") as run:
        stored = description(run)["config"]
    assert config.dataset == "auto"
    assert stored["dataset"] == "sample"
    assert read_config(stored | {"dataset": "auto"}) == config


def test_runs_of_one_second_get_separate_folders(config, monkeypatch):
    monkeypatch.setattr("core.runs.run_writer.time.strftime", lambda layout: "20260102-030405")
    made = [run_writer.create(config, "sample", "cpu") for _ in range(3)]
    for run in made:
        run.record(SCORED)
        with run:
            pass
    stem = "linear-20260102-030405"
    assert [run.name for run in made] == [stem, f"{stem}-2", f"{stem}-3"]
    for run in made:
        assert len((run.folder / "events.jsonl").read_text().splitlines()) == 1


def test_recorded_events_are_readable_at_once(config):
    with run_writer.create(config, "sample", "cpu") as run:
        for count in (1, 2, 3):
            run.record(SCORED)
            lines = (run.folder / "events.jsonl").read_text().splitlines()
            assert lines == [as_json(SCORED)] * count


def test_unrecorded_events_are_not_written(config):
    with run_writer.create(config, "sample", "cpu") as run:
        run.record(Preparing(message="reading"))
        run.record(Predicted(digits=(), samples=0, step=0))
        assert (run.folder / "events.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([SCORED], "running"),
        ([Paused(step=1)], "paused"),
        ([Paused(step=1), Resumed(step=1)], "running"),
        ([finished(stopped=False)], "finished"),
        ([finished(stopped=True)], "stopped"),
        ([RunFailed(reason="diverged", message="no")], "failed"),
    ],
)
def test_status_follows_the_events(config, events: list[Event], status):
    with run_writer.create(config, "sample", "cpu") as run:
        for event in events:
            run.record(event)
        assert description(run)["status"] == status
        leftover = [path.name for path in run.folder.iterdir() if path.name.startswith(".")]
        assert not leftover


def test_unusable_folder_suggests_another(tmp_path):
    """A folder below a file, which not even root can make."""
    file = tmp_path / "file"
    file.write_text("in the way")
    config = TrainConfig(checkpoints=str(file / "runs"))
    with pytest.raises(CheckpointError) as refused:
        run_writer.create(config, "sample", "cpu")
    message = str(refused.value)
    assert message.startswith(f"the checkpoint folder {file / 'runs'} cannot be written (")
    assert message.endswith("choose another with --checkpoints")
    assert len(message.splitlines()) == 1
    assert file.read_text() == "in the way"


def test_simultaneous_processes_get_separate_folders(tmp_path):
    code = (
        "import sys; from core.runs import run_writer; from core.config import TrainConfig\n"
        "config = TrainConfig(checkpoints=sys.argv[1])\n"
        "for _ in range(20):\n"
        "    with run_writer.create(config, 'sample', 'cpu') as run: print(run.name)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    names = [name for each in started for name in each.communicate(timeout=60)[0].split()]
    assert len(names) == len(set(names)) == 60
    for folder in tmp_path.iterdir():
        described = json.loads((folder / "run.json").read_text())
        assert described["run"] == folder.name
        assert described["status"] == "running"


def test_tilde_in_checkpoints_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with run_writer.create(TrainConfig(checkpoints="~/runs"), "sample", "cpu") as run:
        assert run.folder.parent == tmp_path / "runs"


def test_event_refused_by_a_full_disk_is_written_later(config):
    """A limit on the size of files takes half of a line, and no more; then it is lifted."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    line = as_json(SCORED) + "\n"
    with run_writer.create(config, "sample", "cpu") as run:
        run.record(SCORED)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(line) * 3 // 2, hard))
        try:
            for _ in range(2):
                with pytest.raises(OSError, match="File too large"):
                    run.record(SCORED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        run.record(SCORED)
        assert (run.folder / "events.jsonl").read_text() == line * 4


recorded = st.lists(
    st.builds(Paused, step=st.integers(0, 50))
    | st.builds(
        Evaluated,
        epoch=st.just(1),
        step=st.integers(0, 50),
        test_loss=st.just(0.5),
        test_accuracy=st.just(0.5),
    )
    | st.just(RunFailed(reason="diverged", message="no")),
    max_size=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=recorded, step=st.integers(0, 50), evaluated=st.booleans(), torn=st.binary(max_size=30)
)
def test_rewind_cuts_before_the_first_later_event(config, events, step, evaluated, torn):
    with run_writer.create(config, "sample", "cpu") as run:
        for event in events:
            run.record(event)
        path = run.folder / "events.jsonl"
        lines = path.read_text().splitlines()
        with path.open("ab") as file:
            file.write(torn.replace(b"\n", b""))
        kept = run.rewind(step, evaluated=evaluated)
        assert path.read_text().splitlines() == lines[: len(kept)]
        assert kept == events[: len(kept)]
        bound = step if evaluated else step - 1
        assert all(getattr(event, "step", 0) <= step for event in kept)
        assert all(event.step <= bound for event in kept if isinstance(event, Evaluated))
        if len(kept) < len(events):
            later = events[len(kept)]
            assert later.step > (bound if isinstance(later, Evaluated) else step)
        run.record(SCORED)
        assert path.read_text().splitlines() == [*lines[: len(kept)], as_json(SCORED)]
