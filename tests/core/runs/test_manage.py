"""Runs are renamed, noted on, deleted and brought back, and nothing is ever lost by it."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Input

from core.checkpoints.header import CheckpointInfo, encode_header, read_info
from core.commands import Stop
from core.config import TrainConfig
from core.errors import CheckpointError
from core.events import Progress, RunStarted
from core.runs import manage, run_writer, trash
from core.runs.branch import branch
from core.runs.catalog import read_run_info, scan_runs
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from tests.support import preloaded
from tests.support.fakes import key_of, make_fake_train
from tui.app.app import MnistApp
from tui.screens.checkpoints.manage_dialogs import EditDialog, PruneDialog
from tui.state.history import read_run
from tui.state.run_state import RunState
from tui.widgets.virtual_table import VirtualTable

ROOT = Path(__file__).parents[3]
TENSOR = {"fc1.weight": {"dtype": "F32", "shape": [500], "data_offsets": [0, 2000]}}


def write_checkpoint(path: Path, step: int) -> None:
    info = CheckpointInfo(
        run=path.parent.name,
        arch="linear",
        dataset="sample",
        config={},
        epoch=step,
        step=step,
        test_loss=1.0,
        test_accuracy=0.5,
        parameters=500,
        saved_at=1e9,
    )
    path.write_bytes(encode_header(TENSOR, info) + bytes([step]) * 2000)


def make_run(folder: Path, name: str = "linear-1", epochs: int = 0) -> Path:
    """A finished run that nobody had to train, an hour old."""
    place = folder / name
    place.mkdir(parents=True)
    said = {"run": name, "status": "finished", "config": {"arch": "linear"}}
    (place / "run.json").write_text(json.dumps(said))
    (place / "events.jsonl").write_text('{"event": "paused", "time": 1.0, "step": 3}\n')
    for epoch in range(1, epochs + 1):
        write_checkpoint(place / f"epoch-{epoch:03}.safetensors", epoch)
    for kind in ("last", "best"):
        write_checkpoint(place / f"{kind}.safetensors", max(epochs, 1))
    for path in (*place.iterdir(), place):
        os.utime(path, (time.time() - 3600,) * 2)
    return place


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """All files under there, with what is in them and how old they are."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def drive(config, stop_at=None, resume_point=None):
    from core.training.trainer import train

    inbox, events = SimpleQueue(), []
    for event in train(config, inbox, resume_point):
        events.append(event)
        if isinstance(event, Progress) and event.step == stop_at:
            inbox.put(Stop())
    return Path(next(event.folder for event in events if isinstance(event, RunStarted)))


def test_a_run_goes_on_exactly_and_branches_with_its_best_under_another_name(
    tiny, monkeypatch, saved_at_once
):
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
    # Its best until there is of the time before it was renamed.
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


def test_a_name_that_is_taken_stays_with_what_has_it(tmp_path):
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


def test_a_note_and_a_star_keep_each_other_and_make_a_run_no_newer(tmp_path):
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


def test_a_star_that_comes_while_a_note_is_written_stays(tmp_path, monkeypatch):
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


def test_what_is_deleted_comes_back_to_the_byte(tmp_path):
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


def test_what_is_there_again_is_not_replaced(tmp_path):
    place = make_run(tmp_path)
    manage.delete(place / "last.safetensors")
    manage.delete(place)
    write_checkpoint(make_run(tmp_path) / "last.safetensors", 9)
    before = contents(place)
    with pytest.raises(CheckpointError, match="is there already"):
        trash.restore_latest("linear-1", tmp_path)
    manage.rename(place, "new")
    trash.restore_latest("linear-1", tmp_path)
    write_checkpoint(place / "last.safetensors", 8)
    with pytest.raises(CheckpointError, match="exists again"):
        trash.restore_latest("linear-1", tmp_path)
    assert read_info(place / "last.safetensors").step == 8
    assert contents(tmp_path / "new").keys() == before.keys()


def test_a_link_is_moved_and_what_it_leads_to_stays(tmp_path):
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


def test_emptying_deletes_what_was_deleted_and_nothing_else(tmp_path):
    manage.delete(make_run(tmp_path, "a", epochs=3))
    (tmp_path / ".trash" / "mine").write_text("not yours")
    stays = make_run(tmp_path, "stays")
    os.link(tmp_path / "stays" / "best.safetensors", tmp_path / "second")
    use = manage.disk_use(tmp_path)
    assert trash.list_trash(tmp_path)[0].bytes == trash.empty_trash(tmp_path) == use.trash - 9
    assert (tmp_path / ".trash" / "mine").exists()
    assert use.runs == sum(each.stat().st_size for each in stays.iterdir())
    (other := tmp_path / "other").mkdir()
    (other / ".trash").symlink_to(stays)
    for act in (lambda: trash.empty_trash(other), lambda: manage.delete(make_run(other))):
        with pytest.raises(CheckpointError, match="is no folder"):
            act()
    assert (stays / "run.json").exists()
    assert (other / "linear-1" / "run.json").exists()


def test_pruning_counts_what_the_disk_gets_back(tmp_path):
    place = make_run(tmp_path, epochs=4)
    last, newest = place / "last.safetensors", place / "epoch-004.safetensors"
    newest.unlink()
    os.link(last, newest)
    write_checkpoint(place / "step-9.safetensors", 9)
    write_checkpoint(place / "mine.safetensors", 9)
    each = last.stat().st_size
    found = manage.prunable(place)
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
    with pytest.raises(CheckpointError, match="no best or last checkpoint that can be read"):
        manage.prune(place)


LIVE = """
import sys
from core.runs import run_writer
from core.config import TrainConfig
with run_writer.create(TrainConfig(arch="linear", checkpoints=sys.argv[1]), "sample", "cpu") as run:
    print(run.name, flush=True)
    sys.stdin.read()
"""


def python(code: str, *arguments: object) -> subprocess.Popen:
    return preloaded.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_goes_on_can_be_noted_on_and_no_more(tmp_path):
    with python(LIVE, tmp_path) as process:
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
        manage.set_note(place, "still at it")
        manage.delete(place / "epoch-001.safetensors")
        assert read_run_info(place).is_live
        process.kill()
    assert manage.delete(manage.rename(place, "other")).run == "other"


def test_a_run_that_is_moved_while_it_is_taken_up_is_refused(tmp_path, monkeypatch):
    place, real = make_run(tmp_path), run_writer.lock
    taken = []

    def moved_first(file, *more):
        if not taken:
            taken.append(file)
            manage.delete(place)
        return real(file, *more)

    monkeypatch.setattr(run_writer, "lock", moved_first)
    with pytest.raises(CheckpointError, match="has just been renamed or deleted"):
        run_writer.reopen(place)
    assert list(scan_runs(tmp_path)) == []
    assert trash.restore_latest(place.name, tmp_path) == place


def test_a_folder_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    def refuse(*arguments, **more):
        raise PermissionError(13, "Permission denied")

    place = make_run(tmp_path, epochs=1)
    before = contents(tmp_path)
    for name in ("mkdir", "rename", "open"):
        monkeypatch.setattr(Path, name, refuse)
    for act, said in (
        (lambda: manage.rename(place, "other"), "cannot be renamed"),
        (lambda: manage.delete(place), "cannot be deleted"),
        (lambda: manage.prune(place), "cannot be deleted"),
        (lambda: manage.set_star(place, True), "cannot be written"),
    ):
        with pytest.raises(CheckpointError, match=rf"{said} \(Permission denied\)$"):
            act()
    monkeypatch.undo()
    assert contents(tmp_path) == before


AT_ONCE = """
import random, sys
from pathlib import Path
from core.runs import run_writer
from core.runs import manage
from core.runs import trash
from core.config import TrainConfig
from core.errors import CheckpointError
folder, seed = Path(sys.argv[1]), sys.argv[2]
dice = random.Random(seed)
def begun(config):
    # Its folder may be renamed in the moment before it is locked: then it says so, and has nothing.
    while True:
        try:
            return run_writer.create(config, "sample", "cpu")
        except CheckpointError:
            pass
(folder / "noted").mkdir(exist_ok=True)
for turn in range(60):
    names = [each.name for each in folder.iterdir() if each.name not in (".trash", "noted")]
    place = folder / dice.choice(names or ["none"])
    try:
        if turn % 20 == 0:
            config = TrainConfig(arch="linear", checkpoints=str(folder))
            with begun(config) as run:
                (run.folder / "mark").write_text(f"{seed} {turn}")
        match dice.randrange(4):
            case 0: manage.rename(place, f"run {dice.randrange(6)}")
            case 1: manage.delete(place)
            case 2: trash.restore_latest(dice.choice(trash.list_trash(folder)).run, folder)
            case 3: run_writer.reopen(place).__exit__(None, None, None)
    except (CheckpointError, IndexError):
        pass
    if seed == "1": manage.set_note(folder / "noted", f"note {turn}")
    if seed == "2": manage.set_star(folder / "noted", turn % 2 == 1)
"""


def test_processes_at_once_lose_nothing(tmp_path):
    for number in range(3):
        (make_run(tmp_path, f"run {number}") / "mark").write_text(f"run {number}")
    processes = [python(AT_ONCE, tmp_path, seed) for seed in (1, 2, 3)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    there = sorted(path.read_text() for path in tmp_path.rglob("mark"))
    begun = [f"{seed} {turn}" for seed in (1, 2, 3) for turn in (0, 20, 40)]
    assert there == sorted([*begun, "run 0", "run 1", "run 2"])
    said = json.loads((tmp_path / "noted" / "notes.json").read_text())
    assert said == {"note": "note 59", "star": True}


# Each is killed before its first change on the disk, its second, and so on.
KILLED = """
import os, shutil, sys
from pathlib import Path
from core.runs import manage
from core.runs import trash
act, whole, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
CHANGES = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.utime", "open"}
left = -1
def kill(event, arguments):
    global left
    if event in CHANGES and left >= 0:
        left -= 1
        if left < 0: os._exit(9)
sys.addaudithook(kill)
for turn in range(100):
    place = folder / str(turn)
    shutil.copytree(whole, place)
    child = os.fork()
    if not child:
        left = turn
        match act:
            case "rename": manage.rename(place / "linear-1", "other")
            case "delete": manage.delete(place / "linear-1")
            case "prune": manage.prune(place / "linear-1")
            case "restore": trash.restore_latest("linear-1", place)
            case "note": manage.set_note(place / "linear-1", "new")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0: break
print(turn)
"""


@pytest.mark.parametrize("act", ["rename", "delete", "prune", "restore", "note"])
def test_whoever_is_killed_in_the_middle_has_lost_nothing(tmp_path, act):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    place = make_run(whole, epochs=2)
    manage.set_note(place, "old")
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    if act == "restore":
        manage.delete(place)
    folder.mkdir()
    with python(KILLED, act, whole, folder) as process:
        turns = int(process.stdout.read())
    assert turns >= 4, "it was never killed"
    for turn in range(turns + 1):
        here = folder / str(turn)
        for each in here.iterdir():
            if not list(each.iterdir()):  # claimed for the move that did not come
                os.utime(each, (1, 1))
        for each in trash.list_trash(here):
            trash.restore(each)
        (now,) = (each.folder for each in scan_runs(here))
        for name, data in files.items():
            found = (now / name).read_bytes()
            if name not in ("run.json", "notes.json"):
                assert found == data
        assert read_description(now)["run"] in ("linear-1", "other")
        assert read_run_info(now).note in ("old", "new")
        manage.delete(now)  # and it is whole enough for whatever comes next


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return preloaded.run(
        [sys.executable, "-m", "tui", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_the_commands(tmp_path):
    place = make_run(tmp_path / "checkpoints", "a\x1b[2J", epochs=2)
    done = call(tmp_path, "runs", "rename", place.name, "a b")
    assert (done.returncode, done.stderr) == (0, "mnist-tui: renamed a\\x1b[2J to a b\n")
    pruned = call(tmp_path, "runs", "prune", "--all", "--json")
    assert [len(each["files"]) for each in json.loads(pruned.stdout)] == [2]
    done = call(tmp_path, "checkpoints", "delete", "nope", "a b/best.safetensors", "a b")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "mnist-tui: nope does not exist, and checkpoints has no run of that name",
        "mnist-tui: moved a b/best.safetensors to the trash; to restore: "
        "mnist-tui runs restore 'a b'",
        "mnist-tui: moved a b to the trash; to restore: mnist-tui runs restore 'a b'",
    ]
    assert len(json.loads(call(tmp_path, "runs", "trash", "--json").stdout)) == 3
    assert call(tmp_path, "runs", "restore", "a b").returncode == 0
    assert call(tmp_path, "runs", "note", "a b", "good").returncode == 0
    assert read_run_info(place.with_name("a b")).note == "good"
    refused = call(tmp_path, "runs", "trash", "--empty")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    freed = json.loads(call(tmp_path, "runs", "trash", "--empty", "--yes", "--json").stdout)
    assert freed["bytes"] > 7000
    assert trash.list_trash(place.parent) == []


async def until(pilot, condition, seconds=10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await pilot.pause(0.01)


def said(pilot) -> str:
    return " ".join(each.message for each in pilot.app._notifications)


def state_of(place: Path) -> RunState:
    """That of a run which the app has trained."""
    numbers = dict.fromkeys(
        ("parameters", "epochs", "batch_size", "steps_per_epoch", "total_steps", "train_samples"), 1
    )
    started = RunStarted(
        run=place.name,
        folder=str(place),
        arch="linear",
        dataset="sample",
        device="cpu",
        test_samples=1,
        threads=1,
        config={},
        time=0.0,
        **numbers,
    )
    return RunState(started=started, checkpoint=str(place / "last.safetensors"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_all_of_it_by_keys(tmp_path, size):
    place = make_run(tmp_path, "[red] one", epochs=3)
    app = MnistApp(TrainConfig(checkpoints=str(tmp_path)), train=make_fake_train())
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("checkpoints"))
        table = app.screen.query_one(VirtualTable)
        await until(pilot, lambda: len(table.rows) == 5)
        await pilot.press("asterisk")
        await until(pilot, lambda: read_run_info(place).is_starred)
        await pilot.press("n", *"seen", "enter")
        await until(pilot, lambda: read_run_info(place).note == "seen")
        await until(pilot, lambda: not isinstance(app.screen, EditDialog))
        app.run_state = state_of(place)
        await pilot.press("R")
        app.screen.query_one(Input).value = "a/b"
        await pilot.press("enter")
        await until(pilot, lambda: "has no /" in str(app.screen.query_one("#error").content))
        app.screen.query_one(Input).value = "two"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, EditDialog))
        place = tmp_path / "two"
        assert read_run_info(place).is_starred
        assert app.run_state == state_of(place)
        await until(pilot, lambda: all(row.run.folder == place for row in table.rows))
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, PruneDialog))
        await pilot.press("y")
        await until(pilot, lambda: len(table.rows) == 2)
        await pilot.press("D")
        await until(pilot, lambda: not place.exists() and len(table.rows) == 0)
        await pilot.press("U")
        await until(pilot, lambda: len(table.rows) == 2)
        await pilot.press("U")
        await until(pilot, lambda: len(table.rows) == 5)
        await pilot.press("U", "delete")
        await until(pilot, lambda: len(table.rows) == 4)
        for part in (
            "two is in the trash. Press U",
            "3 files of two restored",
            "The trash is empty",
        ):
            assert part in said(pilot)
        with run_writer.reopen(place):
            await pilot.press("D")
            await until(pilot, lambda: "is going on" in said(pilot))
        assert place.exists()


def test_what_was_pruned_comes_back_under_the_run_s_new_name(tmp_path):
    place = make_run(tmp_path, "before", epochs=3)
    pruned = manage.prune(place)
    now = manage.rename(place, "now")
    trash.restore_latest("now", tmp_path)
    assert set(pruned.files) <= {each.name for each in now.iterdir()}
