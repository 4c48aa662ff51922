"""The routes of a run: measured once, recorded, and kept by whatever continues or repeats it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.checkpoints.header import read_info
from core.commands import Start, Stop
from core.compute.route_cache import list_cached
from core.compute.routes import Route
from core.errors import DeviceError
from core.events import Notice, Preparing, RunFailed, RunFinished, RunStarted
from core.runs.description import read_description
from core.runs.resume import prepare_resume
from core.training.routes import stage
from core.training.routes.measure import Measured
from core.training.setup import resolve_setup
from tests.support.training import drive, folder_of, only, resume_run

DEFAULT, OTHER = "fp32,threads=1,chain", "fp32,threads=1,autograd"


@pytest.fixture
def measured(monkeypatch):
    """Let the measuring find that autograd is faster, and return its later results to change."""
    results = []

    def measure(choices, config, tensors, device, steps, against=None):
        yield
        other = choices.complete({"backward": "autograd"})
        row = {"speedup": 1.5, "is_complete": True, "seconds": 0.5, "step_seconds": 1e-4}
        found = Measured(other, choices.default, **row)
        for name, value in (results.pop(0) if results else {}).items():
            setattr(found, name, value)
        return found

    monkeypatch.setattr(stage, "measure", measure)
    return results


def started(events) -> RunStarted:
    (found,) = only(events, RunStarted)
    return found


def notices(events) -> str:
    return "\n".join(each.message for each in only(events, Notice))


def test_measured_routes_are_in_every_record(tiny, measured):
    events = drive(tiny(routes="auto"))
    first, folder = started(events), folder_of(events)
    assert (first.routes, first.route_seconds) == (OTHER, 0.5)
    assert read_description(folder)["routes"] == OTHER
    assert read_info(folder / "last.safetensors").routes == OTHER
    assert any("measuring" in each.message for each in only(events, Preparing))
    assert "1.50 times as fast as by default" in notices(events)
    assert [each.routes for each in list_cached()] == [OTHER]


def test_second_run_knows_them_and_is_equal(tiny, measured):
    one = drive(tiny(routes="auto"))
    measured.append({"route": None})  # what a second measuring would fail on
    two = drive(tiny(routes="auto"))
    assert started(two).routes == OTHER
    assert started(two).route_seconds == 0
    ends = [only(events, RunFinished)[0] for events in (one, two)]
    assert ends[0].test_loss == ends[1].test_loss
    paths = [Path(end.checkpoint) for end in ends]
    assert read_info(paths[0]).digest == read_info(paths[1]).digest


def test_other_routes_than_before_are_told_and_can_be_repeated(tiny, measured):
    first = drive(tiny(routes="auto"))
    for path in Path(tiny().checkpoints).parent.glob("cache/**/*.json"):
        path.unlink()
    measured.append({"route": Route("fp32", 1, backward="chain"), "speedup": 1.0})
    second = drive(tiny(routes="auto"))
    assert f"to repeat that run: --routes {OTHER}" in notices(second)
    again = drive(tiny(routes=OTHER))
    digests = [read_info(folder_of(run) / "last.safetensors").digest for run in (first, again)]
    assert digests[0] == digests[1]
    assert notices(again) == ""


@pytest.mark.parametrize("later", ["auto", "default"])
def test_resumed_run_keeps_its_routes(tiny, measured, later):
    """Whatever the cache says by then, and with the same result as without the interruption."""
    whole = drive(tiny(routes=OTHER))
    events = drive(tiny(routes="auto"), {1: [Stop()]})
    folder = folder_of(events)
    for path in Path(tiny().checkpoints).parent.glob("cache/**/*.json"):
        path.write_text("{}")
    config, point = prepare_resume(str(folder), Path("nowhere"))
    rest = drive(replace(config, routes=later), (), point)
    assert started(rest).routes == OTHER
    assert started(rest).route_seconds == 0
    assert "differ" not in notices(rest)
    assert read_info(folder / "last.safetensors").digest == (
        read_info(folder_of(whole) / "last.safetensors").digest
    )


def test_run_of_an_earlier_version_keeps_the_default(tiny, measured):
    folder = folder_of(drive(tiny(), {1: [Stop()]}))
    description = json.loads((folder / "run.json").read_text())
    del description["routes"]
    (folder / "run.json").write_text(json.dumps(description))
    for path in folder.glob("*.safetensors"):
        path.unlink()
    events = resume_run(folder)
    assert started(events).routes == DEFAULT


def test_busy_machine_is_told_and_not_remembered(tiny, measured):
    default = Route("fp32", 1, backward="chain")
    measured.append({"route": default, "speedup": 1.0, "doubt": "the times vary too much"})
    events = drive(tiny(routes="auto"))
    assert started(events).routes == DEFAULT
    assert "in the next run: the times vary too much" in notices(events)
    assert list(list_cached()) == []


def test_slower_bf16_is_told_each_time(tiny, measured, monkeypatch):
    monkeypatch.setattr("core.compute.devices._bf16_missing", lambda device: None)
    own = {"route": Route("bf16", 1), "speedup": 1.0, "against_ratio": 0.5, "step_seconds": 0.02}
    measured.append(own)
    for _ in range(2):
        events = drive(tiny(routes="auto", precision="bf16"))
        assert started(events).precision == "bf16"
        assert "bf16 is slower than fp32 on this machine: 20 against 10 ms" in notices(events)


def test_stop_while_measuring_leaves_no_run(tiny, measured):
    events = drive(tiny(routes="auto"), {Preparing: [Start(config=None), Stop()]}, all_due=False)
    assert isinstance(events[-1], RunFailed)
    assert events[-1].reason == "stopped"
    assert not list(Path(tiny().checkpoints).glob("*"))


def test_cache_that_cannot_be_written_is_told(tiny, measured, monkeypatch):
    monkeypatch.setattr(stage, "write_cached", lambda entry: "/cache cannot be written (why)")
    events = drive(tiny(routes="auto"))
    assert "measured again in the next run: /cache cannot be written (why)" in notices(events)


def test_routes_that_do_not_exist_here_are_refused(tiny):
    with pytest.raises(DeviceError, match=r"^--routes graph .* results differ in the last bits"):
        resolve_setup(tiny(routes="graph"))
    events = drive(tiny(routes="graph"))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].reason == "device"


def test_setup_never_measures(tiny, measured):
    setup = resolve_setup(tiny(routes="auto"))
    assert (str(setup.route), setup.chosen.may_measure) == (DEFAULT, True)
    drive(tiny(routes="auto"))
    setup = resolve_setup(tiny(routes="auto"))
    assert (str(setup.route), setup.chosen.origin) == (OTHER, "measured before on this machine")
    assert not resolve_setup(tiny()).chosen.may_measure
