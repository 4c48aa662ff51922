"""Messages between a run and its viewers: they survive, and nothing else is accepted."""

import json
import socket
from dataclasses import MISSING, fields
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attach.client import Connection
from core.attach.viewer import MAX_COMMAND_BYTES
from core.attach.wire import (
    COMMANDS,
    PROTOCOL,
    Hello,
    command_message,
    event_message,
    hello_message,
    read_command,
    read_event,
    read_hello,
)
from core.commands import Inspect, Predict, PredictImages, SetLearningRate
from core.digit import Digit
from core.event_json import EVENT_TYPES
from core.events import Scored
from core.questions import MOST_MAP_IMAGES, ExplainMap
from core.responses.devices import DeviceChoice
from core.responses.layers import DeadUnits, Layer, LayerNorms, LayerOutput, WeightImages

events = st.sampled_from(sorted(EVENT_TYPES)).flatmap(
    lambda name: st.builds(
        EVENT_TYPES[name],
        **{
            each.name: st.dictionaries(st.text(max_size=4), st.none() | st.integers(), max_size=2)
            for each in fields(EVENT_TYPES[name])
            if each.name == "config"
        },
    )
)
images = st.lists(st.binary(min_size=784, max_size=784), max_size=2).map(tuple)
commands = st.one_of(
    st.builds(Predict, st.lists(st.integers(), max_size=9).map(tuple), st.integers()),
    st.builds(
        PredictImages, st.lists(st.binary(min_size=784, max_size=784), max_size=2).map(tuple)
    ),
    st.builds(SetLearningRate, st.floats(allow_nan=False)),
    st.builds(Inspect, st.text(max_size=5), st.integers(), st.integers()),
    *[st.builds(COMMANDS[name]) for name in ("Pause", "Resume", "Stop", "Save")],
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


ASKED = ("keeps", "asker", "question")  # of each question


def test_command_names_and_fields_are_fixed():
    """Viewers of other versions rely on them, whatever the classes are called."""
    found = {name: [each.name for each in fields(kind)] for name, kind in COMMANDS.items()}
    assert found == {
        "Pause": [],
        "Resume": [],
        "Stop": [],
        "Save": [],
        "SetLearningRate": ["learning_rate"],
        "Predict": ["indices", "asker"],
        "PredictImages": ["images", "asker", "question", "marks"],
        "Inspect": ["layer", "index", "unit"],
        "ExplainOcclusion": ["image", "target", "other", *ASKED],
        "ExplainLayers": ["image", "unit", "off", *ASKED],
        "ScoreWithoutUnits": ["off", *ASKED],
        "ExplainChange": ["image", "target", *ASKED],
        "ExplainIdeal": ["target", *ASKED],
        "ExplainMap": ["images", *ASKED],
        "CancelExplanation": ["asker"],
        "DropLane": ["lane"],
        "StopRace": [],
    }


def test_parts_of_events_keep_their_fields():
    found = {
        kind: " ".join(each.name for each in fields(kind))
        for kind in (Digit, Layer, LayerNorms, DeadUnits, WeightImages, LayerOutput, DeviceChoice)
    }
    assert found == {
        Digit: "index pixels label logits is_unlike class_names",
        Layer: "name what shape parameters multiply_adds parameter_bytes output_bytes module",
        LayerNorms: "name weight gradient update",
        DeadUnits: "name dead units",
        WeightImages: "name images count width height largest first biases",
        LayerOutput: "name shape first values largest",
        DeviceChoice: "name description available reason",
    }


def test_map_of_many_drawings_is_accepted():
    """A viewer whose command a run does not accept is disconnected."""
    question = ExplainMap((bytes(784),) * MOST_MAP_IMAGES)
    message = command_message(question)
    assert len(message) < MAX_COMMAND_BYTES
    assert read_command(message) == question
    assert read_command(command_message(ExplainMap((*question.images, bytes(784))))) is None


def test_messages_keep_their_bytes():
    assert command_message(Predict((1, 2), 3)) == (
        b'{"command": "Predict", "indices": [1, 2], "asker": 3}\n'
    )
    assert event_message(Scored(epoch=1, step=2, logits=b"\0\1", time=5.0)) == (
        b'{"event": "scored", "time": 5.0, "epoch": 1, "step": 2, "logits": "AAE="}\n'
    )


@pytest.mark.parametrize(
    ("version", "expected"), [(-1, "older version"), (0, None), (1, "newer version")]
)
def test_hello_says_which_version_is_older(version, expected):
    hello = read_hello(
        hello_message(run="a", folder="/a", pid=1, recorded=0).replace(
            b'"hello": %d' % PROTOCOL, b'"hello": %d' % (PROTOCOL + version)
        )
    )
    assert isinstance(hello, Hello)
    assert hello.problem is None if expected is None else expected in hello.problem


@given(events)
def test_event_survives_the_wire(event):
    line = event_message(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    # By what it shows, since NaN is not equal to itself.
    assert repr(read_event(line)) == repr(event)
    assert type(read_event(line)) is type(event)


@given(commands)
def test_command_survives_the_wire(command):
    assert read_command(command_message(command)) == command


@given(st.binary(max_size=200))
def test_random_bytes_are_no_message(line):
    for read in (read_event, read_command):
        assert read(line) is None
    assert isinstance(read_hello(line), str)


@given(st.sampled_from(sorted(COMMANDS)), st.dictionaries(st.text(max_size=5), json_values))
def test_command_with_invalid_values_is_none(name, values):
    """A command that needs no values ignores those of other names."""
    line = json.dumps({**values, "command": name}).encode()
    read = read_command(line)
    needed = [each for each in fields(COMMANDS[name]) if each.default is MISSING]
    assert read is None or (read.name == name and not needed)


@given(st.sampled_from(["indices", "images", "learning_rate", "asker"]), json_values)
def test_values_of_wrong_types_are_refused(name, value):
    for command in (Predict((1,)), PredictImages((bytes(784),)), SetLearningRate(0.1)):
        values = json.loads(command_message(command))
        if name in values:
            read = read_command(json.dumps(values | {name: value}).encode())
            types = (tuple, int, float)
            assert read is None or type(getattr(read, name)) in types


@given(st.sampled_from(sorted(EVENT_TYPES)), json_values)
def test_malformed_event_is_none(name, value):
    kind = EVENT_TYPES[name]
    needed = [each.name for each in fields(kind) if each.name not in ("time",)]
    for each in needed:
        line = json.dumps({"event": name, each: value}).encode()
        read = read_event(line)
        assert read is None or type(read) is kind


@pytest.mark.parametrize("reads", [True, False])
def test_large_command_is_sent_whole_or_ends_the_connection(monkeypatch, reads):
    """Its second half would else be missing, and the next command be read as its end."""
    monkeypatch.setattr("core.attach.client.FINISH_SECONDS", 5.0 if reads else 0.1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(hello_message(run="mlp-1", folder="runs/mlp-1", pid=1, recorded=0))
        connection = Connection(ours)
        command = PredictImages(tuple(bytes([each]) * 784 for each in range(64)))
        received = []
        with theirs.makefile("rb") as file:
            reader = Thread(target=lambda: received.extend(file))
            if reads:
                reader.start()
            for _ in range(20):
                connection.send(command)
            if not reads:
                reader.start()
                reader.join(0.3)
            connection.send(SetLearningRate(0.5))
            connection.close()
            reader.join(20)
    whole = [line for line in received if line.endswith(b"\n")]
    assert {read_command(line) for line in whole} <= {command, SetLearningRate(0.5)}
    assert whole
    assert whole == received or not reads
