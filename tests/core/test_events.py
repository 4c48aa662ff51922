import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.digit import Digit
from core.event_json import EVENT_TYPES, as_json, from_json
from core.events import Evaluated, Event, Notice, Progress, RunStarted
from core.responses.devices import DeviceChoice, DevicesListed

# What other programs rely on; fields may be added and none taken away.
CONTRACT = {
    "run_started": "run arch dataset device parameters epochs batch_size total_steps config",
    "progress": "step epoch loss learning_rate samples_per_second",
    "evaluated": "epoch step test_loss test_accuracy",
    "checkpoint_saved": "path kind",
    "run_finished": "epochs steps test_loss test_accuracy train_seconds samples_per_second "
    "checkpoint stopped",
    "run_failed": "reason message",
}
RECORDED = sorted(name for name, kind in EVENT_TYPES.items() if kind.recorded)
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.none() | st.booleans() | st.integers() | st.text() | finite


def strategy(name: str) -> st.SearchStrategy[Event]:
    kind = EVENT_TYPES[name]
    given_fields = {"time": st.floats(0, 1e11)}
    if kind is RunStarted:
        given_fields["config"] = st.dictionaries(st.text(max_size=5), json_values, max_size=3)
    return st.builds(kind, **given_fields)


recorded_events = st.sampled_from(RECORDED).flatmap(strategy)
logits = st.lists(st.floats(-1000, 1000), min_size=10, max_size=10).map(tuple)


def strict(line: str) -> dict:
    """The object of a line, by JSON's own rules: NaN and Infinity are not among them."""

    def refuse(constant: str):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(line, parse_constant=refuse)


def progress(**changes) -> Progress:
    values = {"step": 3, "epoch": 1, "loss": 0.5, "losses": (0.6, 0.4), "learning_rate": 0.001}
    return Progress(**values | {"samples_per_second": 10.0, "time": 5.0} | changes)


def digit(*scores: float) -> Digit:
    return Digit(0, bytes(784), 1, tuple(scores))


ANSWER = "step done source arch asker question"  # the fields of each answer to a question
# Every name that `train --json`, events.jsonl and the wire know, and its fields beside `time`.
WIRE = {
    "run_started": "run folder arch dataset device parameters epochs batch_size steps_per_epoch "
    "total_steps train_samples test_samples threads config classes class_names network precision "
    "routes route_seconds step ranks "
    "branched_from branched_at input_mean input_std",
    "progress": "step epoch loss losses learning_rate samples_per_second gradient_norm",
    "evaluated": "epoch step test_loss test_accuracy confusion",
    "checkpoint_saved": "path kind step",
    "paused": "step",
    "resumed": "step",
    "learning_rate_changed": "step learning_rate",
    "notice": "message",
    "run_finished": "epochs steps test_loss test_accuracy train_seconds samples_per_second "
    "checkpoint stopped dead_units",
    "run_failed": "reason message checkpoint",
    "occlusion_explained": f"{ANSWER} digit target other score costs largest",
    "layers_explained": f"{ANSWER} digit without outputs unit weights exciting excitations off",
    "units_scored": f"{ANSWER} off samples correct correct_without",
    "change_explained": f"{ANSWER} digit target changed distance",
    "ideal_explained": f"{ANSWER} ideal target",
    "map_explained": f"{ANSWER} layer indices xs ys labels predicted own_xs own_ys own_predicted "
    "shares class_names",
    "explanation_refused": "message source asker question",
    "handed_over": "folder checkpoint config paused",
    "preparing": "message done total unit",
    "race_started": "race folder lanes changed by seeds goal runs dropped",
    "lane_dropped": "lane",
    "race_finished": "race stopped winner verdict detached",
    "predicted": "digits samples step source seconds asker",
    "digits_loaded": "labels",
    "scored": "epoch step logits",
    "images_predicted": "digits step source seconds asker question",
    "checkpoint_scored": "path arch dataset test_loss test_accuracy confusion logits labels images "
    "unlike corruption class_names run epoch step seed",
    "checkpoint_refused": "path message",
    "devices_listed": "devices",
    "network_described": "arch input layers classes",
    "network_inspected": "step layers relus tried weights seconds output digit samples "
    "layer arch source classes",
}


def test_event_names_and_fields_are_fixed():
    """Files and viewers of other versions rely on them, whatever the classes are called."""
    found = {
        name: " ".join(each.name for each in dataclasses.fields(kind) if each.name != "time")
        for name, kind in EVENT_TYPES.items()
    }
    assert found == WIRE


@pytest.mark.parametrize("name", CONTRACT)
def test_contract_events_have_their_fields(name):
    kind = EVENT_TYPES[name]
    assert kind.recorded
    assert set(CONTRACT[name].split()) <= {field.name for field in dataclasses.fields(kind)}


def test_recorded_events_beyond_the_contract():
    assert set(RECORDED) - set(CONTRACT) == {"paused", "resumed", "notice", "learning_rate_changed"}


def test_line_starts_with_event_and_time():
    line = as_json(progress())
    assert list(strict(line))[:2] == ["event", "time"]
    assert strict(line) == {
        "event": "progress",
        "time": 5.0,
        "step": 3,
        "epoch": 1,
        "loss": 0.5,
        "losses": [0.6, 0.4],
        "learning_rate": 0.001,
        "samples_per_second": 10.0,
        "gradient_norm": None,
    }


@settings(deadline=None)
@given(recorded_events)
def test_recorded_event_survives_json(event):
    line = as_json(event)
    assert len(line.splitlines()) == 1
    assert strict(line)["event"] == event.name
    back = from_json(line)
    assert type(back) is type(event)
    assert as_json(back) == line


@pytest.mark.parametrize("name", sorted(set(RECORDED) - {"progress"}))
@settings(deadline=None)
@given(data=st.data())
def test_event_without_lists_is_equal(name, data):
    event = data.draw(strategy(name))
    is_finite = all(math.isfinite(v) for v in vars(event).values() if isinstance(v, float))
    assert (from_json(as_json(event)) == event) == is_finite


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_number_is_null(value):
    parsed = strict(as_json(progress(loss=value, losses=(0.5, value))))
    assert parsed["loss"] is None
    assert parsed["losses"] == [0.5, None]
    assert parsed["learning_rate"] == 0.001


def test_non_finite_number_in_config_is_null():
    line = '{"event": "run_started", "config": {"lr": 1}}'
    assert from_json(line) is None, "an event that lacks fields cannot be read"
    values = {field.name: 1 for field in dataclasses.fields(RunStarted)}
    event = RunStarted(**values | {"config": {"rates": [math.inf, 1.0]}})
    assert strict(as_json(event))["config"] == {"rates": [None, 1.0]}


def test_devices_are_serializable():
    choice = DeviceChoice(name="cuda", description="GPU", available=False, reason="none here")
    parsed = strict(as_json(DevicesListed(devices=(choice,), time=1.0)))
    assert parsed["event"] == "devices_listed"
    assert parsed["devices"] == [dataclasses.asdict(choice)]


def test_fields_of_other_versions_are_ignored():
    values = strict(as_json(Evaluated(epoch=1, step=2, test_loss=0.3, test_accuracy=0.9, time=1.0)))
    back = from_json(json.dumps(values | {"top5": 0.99}))
    assert back == Evaluated(epoch=1, step=2, test_loss=0.3, test_accuracy=0.9, time=1.0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no json",
        '{"event": "progress", "step"',
        "null",
        "7",
        '"progress"',
        "[]",
        "{}",
        '{"event": "weather_changed", "time": 1}',
        '{"event": null}',
        '{"event": ["progress"]}',
        '{"event": "progress"}',
    ],
)
def test_invalid_line_is_none(line):
    assert from_json(line) is None


@settings(deadline=None)
@given(st.text() | json_values.map(json.dumps))
def test_random_line_is_none(line):
    assert from_json(line) is None


def test_event_has_its_time():
    first, second = Notice(message="a"), Notice(message="b")
    assert 0 <= second.time - first.time < 60
    assert first.time > 1_700_000_000, "unix seconds"


def test_events_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        progress().step = 4


@settings(deadline=None)
@given(logits, st.floats(0.05, 100))
def test_probabilities_sum_to_one(scores, temperature):
    shown = digit(*scores).probabilities(temperature)
    assert math.isclose(sum(shown), 1, rel_tol=1e-9)
    assert all(0 <= each <= 1 for each in shown)
    assert shown[digit(*scores).predicted] == max(shown)


@settings(deadline=None)
@given(logits, st.floats(0.05, 100), st.floats(1.01, 100))
def test_higher_temperature_flattens(scores, temperature, factor):
    sharp = digit(*scores).probabilities(temperature)
    flat = digit(*scores).probabilities(temperature * factor)
    assert max(flat) <= max(sharp) + 1e-12
    assert min(flat) >= min(sharp) - 1e-12


def test_temperature_flattens_unequal_logits():
    one = digit(0, 1, 2)
    assert max(one.probabilities(3)) < max(one.probabilities()) < max(one.probabilities(0.5))
    odds = one.probabilities(2)
    assert odds[2] / odds[1] == pytest.approx(math.exp(1 / 2))


def test_digit_is_right_by_highest_logit():
    assert digit(0, 5, 1).right
    assert not digit(5, 0, 1).right
    assert not Digit(0, bytes(784), None, (0.0, 1.0)).right
