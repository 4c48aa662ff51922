"""Reading the records of runs, whatever is in them."""

import json
import tracemalloc
from functools import reduce

from core.event_json import as_json
from core.events import CheckpointSaved, Evaluated, RunFinished, RunStarted
from core.runs.event_reader import read_events
from tests.support.events import STARTED, progress
from tui.state.fold import fold
from tui.state.history import read_run
from tui.state.run_state import RunState


def test_record_leads_nowhere_out_of_its_folder(tmp_path):
    """A record may name another run, folder or checkpoint: those of its own folder count."""
    folder = tmp_path / "renamed"
    folder.mkdir()
    (tmp_path / "secret.safetensors").touch()
    recorded = [RunStarted(**vars(STARTED) | {"folder": "/etc", "run": "shadow"}), progress(1, 2.0)]

    def read(*events):
        (folder / "events.jsonl").write_text(
            "".join(as_json(e) + "\n" for e in (*recorded, *events))
        )
        return read_run(folder)

    for path in ("/etc/passwd", "../secret.safetensors", "/elsewhere/last.safetensors", ".."):
        state = read(CheckpointSaved(path=path, kind="last"))
        assert (state.started.run, state.started.folder) == ("renamed", str(folder))
        assert state.checkpoint is None
    (folder / "last.safetensors").touch()
    assert state.step == 1
    end = RunFinished(
        epochs=1, steps=1, test_loss=None, test_accuracy=None, train_seconds=1.0,
        samples_per_second=1.0, checkpoint="/old place/last.safetensors", stopped=False,
    )  # fmt: skip
    assert read(end).checkpoint == str(folder / "last.safetensors")
    (folder / "last.safetensors").unlink()
    (folder / "last.safetensors").symlink_to("/etc/passwd")
    assert read(end).checkpoint is None


def test_hostile_lines_are_skipped_in_little_memory(tmp_path):
    def evaluated(**values):
        given = {"epoch": 1, "step": 1, "test_loss": 0.1, "test_accuracy": 0.5} | values
        return json.dumps({"event": "evaluated", "time": 1.0} | given)

    hostile = [
        "x" * 30_000_000,
        evaluated(confusion=[[0] * 100_000]),
        evaluated(test_loss=float("nan")),
        evaluated(step=10**300),
        evaluated(test_accuracy="99%"),
        evaluated(test_accuracy=99),
        json.dumps({"event": "run_started", **vars(STARTED), "steps_per_epoch": 0}),
        "[" * 100_000,
    ]
    good = [as_json(STARTED), as_json(progress(1, 2.0))]
    last = as_json(Evaluated(epoch=1, step=2, test_loss=0.1, test_accuracy=0.5))
    (tmp_path / "events.jsonl").write_text("\n".join([*good, *hostile, last, last[:40]]))
    del hostile[0]
    tracemalloc.start()
    try:
        state = read_run(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (state.started, state.step, len(state.scores)) == (
        RunStarted(**vars(STARTED) | {"run": tmp_path.name, "folder": str(tmp_path)}), 2, 1,
    )  # fmt: skip
    assert list(read_events(tmp_path)).count(None) == 9


def test_batched_progress_folds_the_same(tmp_path):
    """Many progress events are folded at once; the state is the same."""
    steps = [progress(step, 2.0 / step, 1.0 / step) for step in range(1, 400)]
    events = [STARTED, *steps[:200], Evaluated(epoch=1, step=200, test_loss=1, test_accuracy=0.5)]
    events += steps[200:]
    (tmp_path / "events.jsonl").write_text("".join(as_json(each) + "\n" for each in events))
    folded, read = reduce(fold, events, RunState()), read_run(tmp_path)
    assert (read.curves, read.scores) == (folded.curves, folded.scores)
    assert (read.seconds, read.epoch_loss) == (folded.seconds, folded.epoch_loss)
