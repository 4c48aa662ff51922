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
from core.responses import Predicted
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


def test_a_run_s_folder_says_what_it_is(config):
    with run_writer.create(config, "sample", "cpu") as run:
        said = description(run)
        assert run.folder.parent == config.folder
        assert run.folder.name == run.name == said["run"]
        assert (said["status"], said["pid"], said["device"]) == ("running", os.getpid(), "cpu")
        assert said["seed"] == 5
        assert said["versions"]["torch"] == version("torch")
        assert set(said["versions"]) == {"python", "mnist-tui", "torch", "safetensors"}


def test_a_package_that_was_not_installed_as_one_has_no_version(monkeypatch):
    def version_of(package):
        if package == "mnist-tui":
            raise PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr("importlib.metadata.version", version_of)
    found = run_writer.versions()
    del found["python"]
    assert found == {"mnist-tui": "unknown", "torch": "1.2.3", "safetensors": "1.2.3"}


def test_a_folder_of_runs_is_made_however_deep_it_is(tmp_path):
    config = TrainConfig(checkpoints=str(tmp_path / "a" / "b" / "c"))
    with run_writer.create(config, "sample", "cpu") as run:
        assert run.folder.parent == tmp_path / "a" / "b" / "c"
        assert description(run)["status"] == "running"


def test_the_stored_config_is_the_one_that_ran_with_the_dataset_that_was_found(config):
    with run_writer.create(config, "sample", "cpu") as run:
        stored = description(run)["config"]
    assert config.dataset == "auto"
    assert stored["dataset"] == "sample"
    assert read_config(stored | {"dataset": "auto"}) == config


def test_runs_that_start_in_the_same_second_get_folders_of_their_own(config, monkeypatch):
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


def test_events_can_be_read_as_soon_as_they_are_recorded(config):
    with run_writer.create(config, "sample", "cpu") as run:
        for count in (1, 2, 3):
            run.record(SCORED)
            lines = (run.folder / "events.jsonl").read_text().splitlines()
            assert lines == [as_json(SCORED)] * count


def test_what_is_only_for_listeners_is_not_recorded(config):
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
def test_the_status_follows_the_events(config, events: list[Event], status):
    with run_writer.create(config, "sample", "cpu") as run:
        for event in events:
            run.record(event)
        assert description(run)["status"] == status
        leftover = [path.name for path in run.folder.iterdir() if path.name.startswith(".")]
        assert not leftover


def test_a_folder_that_cannot_be_made_is_refused_with_the_way_out(tmp_path):
    """Below a file, for which not even root can make a folder."""
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


def test_runs_that_start_together_get_folders_of_their_own(tmp_path):
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


def test_a_run_s_folder_expands_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with run_writer.create(TrainConfig(checkpoints="~/runs"), "sample", "cpu") as run:
        assert run.folder.parent == tmp_path / "runs"


def test_what_a_full_disk_did_not_take_is_written_when_it_can_be(config):
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
@given(events=recorded, step=st.integers(0, 50), scored=st.booleans(), torn=st.binary(max_size=30))
def test_a_record_is_cut_before_the_first_event_that_is_later(config, events, step, scored, torn):
    with run_writer.create(config, "sample", "cpu") as run:
        for event in events:
            run.record(event)
        path = run.folder / "events.jsonl"
        lines = path.read_text().splitlines()
        with path.open("ab") as file:
            file.write(torn.replace(b"\n", b""))
        kept = run.rewind(step, evaluated=scored)
        assert path.read_text().splitlines() == lines[: len(kept)]
        assert kept == events[: len(kept)]
        bound = step if scored else step - 1
        assert all(getattr(event, "step", 0) <= step for event in kept)
        assert all(event.step <= bound for event in kept if isinstance(event, Evaluated))
        if len(kept) < len(events):
            later = events[len(kept)]
            assert later.step > (bound if isinstance(later, Evaluated) else step)
        run.record(SCORED)
        assert path.read_text().splitlines() == [*lines[: len(kept)], as_json(SCORED)]
