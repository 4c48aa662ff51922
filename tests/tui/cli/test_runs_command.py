"""`mnist-tui runs`: lists, reports, comparisons and exports of runs, also of broken ones."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest

from core.event_json import from_json
from core.events import Evaluated, Progress
from core.runs.resolve import resolve_run
from tests.support.cli import environment_in, runner

EVIL = "[red]x\n\u202eb"


@pytest.fixture
def runs(tiny, tmp_path):
    """The folder of two small runs, their names, and a function that runs `mnist-tui runs`."""
    from core.training.trainer import train

    names = []
    for config in (tiny(), tiny(learning_rate=0.5, epochs=1, seed=7)):
        events = list(train(config, SimpleQueue()))
        names += [each.run for each in events if each.name == "run_started"]
    folder = tmp_path / "runs"

    def command(*arguments, **extra):
        return runner(tmp_path)("runs", *arguments, MNIST_TUI_CHECKPOINTS=str(folder), **extra)

    return folder, names, command


def test_broken_runs_are_listed_too(runs):
    folder, (one, other), command = runs
    (folder / one / "notes.json").write_text('{"note": "the [b]best\\u001b[31m", "star": true}')
    for name in (EVIL, "empty", "cut"):
        (folder / name).mkdir()
    (folder / EVIL / "run.json").write_text("{")
    (folder / "cut" / "events.jsonl").write_text('{"event": "run_st')
    (folder / "cut" / "last.safetensors").write_text("no")
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert len(lines) == 5, "a line for each run, and none for an empty folder"
    assert "★  finished  linear  sample   cpu" in lines[one]
    assert "2/2" in lines[one]
    assert lines[one].endswith("the [b]best\\x1b[31m")
    assert lines["[red]x\\n\\u202eb"].endswith(
        "run.json cannot be read, no events.jsonl, no checkpoints"
    )
    assert lines["cut"].endswith("no run.json, 1 broken checkpoint")
    assert "*  finished" in command(PYTHONIOENCODING="latin-1").stdout
    rows = json.loads(command("list", "--json", "--sort", "accuracy").stdout)
    assert [row["run"] for row in rows[:2]] == sorted(
        (one, other), key=lambda name: -next(r for r in rows if r["run"] == name)["best_accuracy"]
    )
    assert rows[-1]["best_accuracy"] is None
    assert [row["run"] for row in json.loads(command("--json", "--filter", "BEST").stdout)] == [one]
    nothing = command("list", "--arch", "cnn")
    assert nothing.stdout == ""
    assert "none of the 4 runs in" in nothing.stderr
    assert command("list", "--sort", "digits").stdout == command("list", "--sort", "dataset").stdout
    wrong = command("list", "--sort", "colour")
    assert wrong.returncode == 2
    assert "--sort must be one of age, name" in wrong.stderr


def test_list_loads_no_torch(runs):
    folder, (one, _), _ = runs
    code = (
        "import sys\nfrom tui.cli.main import main\n"
        f"sys.argv[1:] = ['runs', '--checkpoints', {str(folder)!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'textual', 'rich.console', 'pydantic'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert one in done.stdout


def test_show_prints_settings_and_chart(runs):
    folder, (one, other), command = runs
    done = command("show", one)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() or "–" in done.stdout
    assert "\x1b" not in done.stdout
    changed, _, rest = done.stdout.partition("other settings")
    assert "learning rate  0.01 (default 0.001)" in changed
    assert "momentum" in rest
    assert "last.safetensors" in rest
    assert "by epoch, log scale" in rest
    assert rest.count("*") > 10
    shown = json.loads(command("show", other, "--json").stdout)
    assert shown["figures"]["epochs"] == shown["planned_epochs"] == 1
    assert shown["changed"]["learning_rate"] == 0.5
    (folder / one / "events.jsonl").unlink()
    os.mkfifo(folder / one / "events.jsonl")
    done = command("show", str(folder / one))
    assert "✗ no events.jsonl; events.jsonl cannot be read (events.jsonl is not a file)" in (
        done.stdout
    )
    missing = command("show", one[:-1] + "x")
    assert missing.returncode == 1
    near = f"{folder} has no run of that name; did you mean {one}?"
    assert near in missing.stderr or f"did you mean {other}?" in missing.stderr
    assert resolve_run(one, folder) == resolve_run(str(folder / one), folder.parent) == folder / one


def test_compare_prints_differences(runs):
    _, (one, other), command = runs
    done = command("compare", one, other)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line[:18].strip(): line[18:].split() for line in done.stdout.splitlines()}
    assert rows["learning rate"] == ["0.01", "0.5"]
    assert rows["epochs"] == ["2", "1"]
    assert "batch size" not in rows
    assert "accuracy of each class, at the last evaluation" in done.stdout
    assert "test accuracy by epoch" in done.stdout
    row = json.loads(command("compare", one, other, one, "--json").stdout)
    assert row["config_differences"]["seed"] == [0, 7, 0]
    assert len(row["runs"][2]["by_class"]) == 10
    assert command("compare", one).returncode == 2
    assert "not 5" in command("compare", *[one] * 5).stderr


def test_classes_are_compared_by_name(runs):
    """Each run has the classes of its dataset."""
    folder, (one, other), command = runs
    record = folder / other / "events.jsonl"
    events = [json.loads(line) for line in record.read_text().splitlines()]
    for event in events:
        if event["event"] == "run_started":
            event |= {"classes": 2, "class_names": ["four\x1b", "4"]}
        if event["event"] == "evaluated":
            event["confusion"] = [[9, 1], [0, 5]]
    record.write_text("".join(json.dumps(each) + "\n" for each in events))
    for names in ((one, other), (other, one)):
        done = command("compare", *names)
        assert (done.returncode, done.stderr) == (0, "")
        table = done.stdout.partition("accuracy of each class")[2].splitlines()
        rows = {line[:8].strip(): line[8:].split() for line in table}
        assert sorted(rows["four\\x1b"]) == ["90.0%", "–"]
        assert "100%" in rows["4"]
        assert "–" not in rows["4"]


def recorded_metrics(folder) -> list:
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [e for e in map(from_json, lines) if isinstance(e, Progress | Evaluated)]


def test_metrics_are_exported_as_csv(runs, tmp_path):
    folder, (one, _), command = runs
    events = recorded_metrics(folder / one)
    with (folder / one / "events.jsonl").open("a") as file:
        file.write('{"event": "pro')
    done = command("export-metrics", one, "-")
    assert "skipped 1 broken line of" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    names = "step epoch time loss learning_rate samples_per_second gradient_norm "
    assert list(rows[0]) == (names + "test_loss test_accuracy").split()
    for row, event in zip(rows, events, strict=True):
        expected = {name: vars(event).get(name) for name in row}
        assert {name: float(cell) if cell else None for name, cell in row.items()} == expected
    assert command("export-metrics", one).returncode == 0
    written = tmp_path / f"{one}.csv"
    assert written.read_text() == done.stdout
    written.write_text("mine")
    again = command("export-metrics", one, written.name)
    assert again.returncode == 2
    assert again.stderr.endswith(f"{one}.csv exists; pass --force to replace it\n")
    assert written.read_text() == "mine"
    assert command("export-metrics", one, written.name, "--force").returncode == 0
    assert written.read_text() == done.stdout
    assert command("export-metrics", one, "no/where.csv").returncode == 1


def test_tensorboard_reads_the_exported_metrics(runs, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from core.errors import UsageError, UserError
    from tui.cli.output.metrics_export import export
    from tui.headless.tensorboard import TAGS

    folder, (one, _), _ = runs
    target = tmp_path / "board"
    export(folder / one, str(target), "tensorboard", force=False)
    with pytest.raises(UsageError, match="exists; pass --force"):
        export(folder / one, str(target), "tensorboard", force=False)
    export(folder / one, str(target), "tensorboard", force=True)
    assert len(list(target.iterdir())) == 1
    read = EventAccumulator(str(target), size_guidance={"scalars": 0}).Reload()
    assert sorted(read.Tags()["scalars"]) == sorted(TAGS.values())
    events = recorded_metrics(folder / one)
    for name, tag in TAGS.items():
        expected = [(e.step, e.time, getattr(e, name)) for e in events if hasattr(e, name)]
        found = [(each.step, each.wall_time, each.value) for each in read.Scalars(tag)]
        # TensorBoard stores float32.
        assert found == [
            (step, time, pytest.approx(value, rel=1e-6)) for step, time, value in expected
        ]
    monkeypatch.setattr("tui.headless.tensorboard.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install tensorboard$"):
        export(folder / one, str(tmp_path / "other"), "tensorboard", force=False)
    assert not (tmp_path / "other").exists()


def test_full_stdout_gives_one_line(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "tui", "archs"],
            cwd=tmp_path,
            env=environment_in(tmp_path),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == ("mnist-tui: the output cannot be written (No space left on device)\n")
