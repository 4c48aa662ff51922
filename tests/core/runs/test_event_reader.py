"""Tests of reading events.jsonl, which may have been edited."""

from dataclasses import replace

import pytest

from core.event_json import as_json
from core.events import Evaluated, Progress
from core.runs import event_reader
from core.runs.event_reader import (
    SAMPLE_BYTES,
    TAIL_BYTES,
    LatestMetrics,
    read_events,
    read_latest_metrics,
    sample_losses,
)
from tests.support.events import STARTED

BEYOND = "1" + "0" * 400
PROGRESS = Progress(
    step=7, epoch=1, loss=0.5, losses=(), learning_rate=0.1, samples_per_second=1.0, time=9.0
)
EVALUATED = Evaluated(epoch=2, step=20, test_loss=0.3, test_accuracy=0.9, time=10.0)


def write_events(folder, *events):
    (folder / "events.jsonl").write_text("".join(as_json(each) + "\n" for each in events))


@pytest.mark.parametrize("line", ['"confusion": 5', f'"test_loss": {BEYOND}', '"epoch": [1]'])
def test_implausible_line_reads_as_none(tmp_path, line):
    start = '{"event": "evaluated", "time": 1.0, "epoch": 1, "step": 1, "test_loss": 1.0, '
    (tmp_path / "events.jsonl").write_text(f'{start}"test_accuracy": 0.5, {line}}}\n')
    assert list(read_events(tmp_path)) == [None]


@pytest.mark.parametrize("rows", [((1,) * 10,) * 9, ((1,) * 9,) * 10, ((1,),), ((-1,) * 10,) * 10])
def test_confusion_matrix_of_another_shape_is_implausible(tmp_path, rows):
    write_events(tmp_path, replace(EVALUATED, confusion=rows))
    assert list(read_events(tmp_path)) == [None]
    write_events(tmp_path, whole := replace(EVALUATED, confusion=((1,) * 10,) * 10))
    assert list(read_events(tmp_path)) == [whole]


@pytest.mark.parametrize("name", ["epochs", "classes"])
def test_run_without_epochs_or_classes_is_implausible(tmp_path, name):
    write_events(tmp_path, replace(STARTED, **{name: 0}), STARTED)
    assert list(read_events(tmp_path)) == [None, STARTED]


def test_losses_of_an_edited_record_are_sampled(tmp_path):
    """Its steps are out of order."""
    steps = 900, 0, 901
    write_events(tmp_path, *(replace(PROGRESS, step=step, loss=0.5) for step in steps))
    assert sample_losses(tmp_path, 4) == (0.5,) * 4


def test_limit_stops_before_the_first_incomplete_event(tmp_path):
    write_events(tmp_path, PROGRESS, EVALUATED)
    first = len(as_json(PROGRESS)) + 1
    assert (
        list(read_events(tmp_path, first)) == list(read_events(tmp_path, first + 5)) == [PROGRESS]
    )
    assert list(read_events(tmp_path, 0)) == []


def test_latest_metrics_skip_implausible_events(tmp_path):
    odd, half = as_json(replace(PROGRESS, loss="[red]")), as_json(PROGRESS)[:-9]
    (tmp_path / "events.jsonl").write_text(f"{as_json(PROGRESS)}\n{odd}\n[[[[\n\n{half}")
    assert read_latest_metrics(tmp_path) == LatestMetrics(7, 1, 0, 0.5, None, 9.0)
    assert read_latest_metrics(tmp_path / "nowhere") == LatestMetrics()


def test_matrix_has_the_classes_of_its_run(tmp_path):
    """The line of an evaluation of many classes is longer than what is read of the end at first."""
    matrix = ((100,) * 62,) * 62
    names = tuple(f"class {number}" for number in range(62))
    started = replace(STARTED, classes=62, class_names=names)
    large, small = (replace(EVALUATED, confusion=each) for each in (matrix, ((1,) * 10,) * 10))
    write_events(tmp_path, started, large, small)
    assert list(read_events(tmp_path)) == [started, large, None]
    write_events(tmp_path, started, large)
    assert (tmp_path / "events.jsonl").stat().st_size < 25_000
    assert read_latest_metrics(tmp_path).accuracy == EVALUATED.test_accuracy
    for odd in ({"class_names": names[:-1]}, {"class_names": 5}, {"class_names": ("a", "a")}):
        write_events(tmp_path, replace(started, **odd))
        assert list(read_events(tmp_path)) == [None]


def test_latest_metrics_count_the_epochs_done(tmp_path):
    write_events(tmp_path, replace(PROGRESS, epoch=2), EVALUATED)
    assert read_latest_metrics(tmp_path) == LatestMetrics(20, 2, 2, 0.5, 0.9, 10.0)
    write_events(tmp_path, EVALUATED, replace(PROGRESS, epoch=3, step=21))
    assert read_latest_metrics(tmp_path) == LatestMetrics(21, 3, 2, 0.5, 0.9, 9.0)


def test_latest_metrics_read_the_end_alone(tmp_path):
    """The first line of the part that is read is cut, and must not be read as an event."""
    write_events(tmp_path, EVALUATED, *[replace(PROGRESS, step=step) for step in range(200)])
    assert (tmp_path / "events.jsonl").stat().st_size > 2 * TAIL_BYTES[0]
    assert read_latest_metrics(tmp_path) == LatestMetrics(199, 1, 0, 0.5, None, 9.0)


@pytest.mark.parametrize("steps", [100, 2000])
def test_losses_are_sampled_along_the_record(tmp_path, monkeypatch, steps):
    """Of a long record some pieces are read."""
    events = [replace(PROGRESS, step=step, loss=1 - step / steps) for step in range(1, steps + 1)]
    write_events(tmp_path, *events)
    read = []
    known = event_reader.from_json
    monkeypatch.setattr(event_reader, "from_json", lambda line: read.append(line) or known(line))
    losses = sample_losses(tmp_path, 8)
    assert losses[0] == 1 - 1 / steps
    assert losses[1:] == pytest.approx([0.9375 - place / 8 for place in range(1, 8)], abs=0.06)
    assert len(read) <= 8 * SAMPLE_BYTES // len(as_json(PROGRESS))
    assert sample_losses(tmp_path / "none", 8) == ()
