"""A run and its viewers over a real socket, and what broken and hostile viewers cannot do."""

import gc
import os
import socket
import time
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from core.attach.client import RemoteHost, match_live, open_connection, several_live
from core.attach.sockets import connect, runtime_folders, socket_name, sockets
from core.attach.viewer import MAX_WAITING, EventMessage, Viewer
from core.attach.wire import PROTOCOL, hello_message, read_event
from core.commands import (
    Inspect,
    Pause,
    Predict,
    PredictImages,
    Resume,
    Save,
    SetLearningRate,
    Stop,
)
from core.errors import CheckpointError
from core.events import (
    DigitsLoaded,
    Evaluated,
    LearningRateChanged,
    Notice,
    Paused,
    Progress,
    Resumed,
    RunFinished,
    Scored,
)
from core.explain.subject import Subject
from core.questions import CancelExplanation, ExplainIdeal, ExplainOcclusion
from core.responses.explanations import ExplanationRefused, IdealExplained, OcclusionExplained
from core.responses.layers import NetworkInspected
from core.responses.predictions import ImagesPredicted, Predicted
from core.runs.layout import EVENTS_FILE
from tests.support.attached import Running, until
from tests.support.explanations import predicted_as


@contextmanager
def watching(folder):
    """Yield a connection to the run, and a list of its events."""
    connection, seen = open_connection(folder), []

    def read():
        for event in connection.events():
            seen.append(event)
        seen.append(None)

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        yield connection, seen
    finally:
        connection.close()
        thread.join(10)


def first(seen, kind):
    return until(lambda: [event for event in [*seen] if isinstance(event, kind)])[0]


def test_viewer_gets_each_event_once(running):
    run = running()
    run.wait_for(Evaluated, 3)
    with watching(run.folder) as (connection, seen):
        run.wait_for(Evaluated, 8)
        run.host.send(Stop())
        first(seen, RunFinished)
    before = (run.folder / EVENTS_FILE).read_bytes()[: connection.hello.recorded].count(b"\n")
    recorded = [event for event in run.events if event.recorded]
    received = [event for event in seen if event and event.recorded]
    assert before > 5
    assert received == recorded[before:]


def test_late_viewer_gets_labels_and_predictions(running):
    run = running()
    scored = run.wait_for(Scored, 3)
    with watching(run.folder) as (_, seen):
        assert first(seen, DigitsLoaded) == run.wait_for(DigitsLoaded)
        assert until(lambda: scored in [*seen])


def test_viewer_controls_the_run(running):
    run = running()
    with watching(run.folder) as (connection, seen):
        connection.send(Pause())
        first(seen, Paused)
        connection.send(SetLearningRate(0.5))
        assert first(seen, LearningRateChanged).learning_rate == 0.5
        connection.send(Resume())
        first(seen, Resumed)
        connection.send(Save())
        connection.send(Stop())
        assert first(seen, RunFinished).stopped
        assert until(lambda: seen[-1] is None)
    run.thread.join(10)
    assert [type(event) for event in run.events if isinstance(event, Paused | Resumed)] == [
        Paused,
        Resumed,
    ]


def test_response_goes_to_its_requester_only(running):
    run = running()
    with watching(run.folder) as (connection, seen), watching(run.folder) as (_, other):
        connection.send(Predict((3, 7)))
        assert [digit.index for digit in first(seen, Predicted).digits] == [3, 7]
        connection.send(PredictImages((bytes(784),), question=7))
        answer = first(seen, ImagesPredicted)
        assert (len(answer.digits), answer.question) == (1, 7)
        assert answer.seconds > 0  # by which the requests of viewers are paced
        run.host.send(Predict((5,)))
        assert [digit.index for digit in run.wait_for(Predicted).digits] == [5]
        connection.send(Inspect())
        first(seen, NetworkInspected)
        first(other, NetworkInspected)
        assert not [each for each in other if isinstance(each, Predicted | ImagesPredicted)]
        assert len([each for each in seen if isinstance(each, Predicted)]) == 1
    assert len(run.events_of(Predicted)) == 1
    assert not run.events_of(ImagesPredicted)


def test_question_is_answered_to_its_viewer_only(running):
    """Cancelled by it, or by the end of its connection."""
    run = running()
    with watching(run.folder) as (connection, seen), watching(run.folder) as (other, others):
        connection.send(ExplainOcclusion(bytes(784), question=3))
        other.send(ExplainOcclusion(bytes(784), target=99, question=4))
        answer = until(lambda: [each for each in seen if getattr(each, "done", 0) == 1])[0]
        assert (type(answer), answer.question) == (OcclusionExplained, 3)
        assert first(others, ExplanationRefused).question == 4
        assert not [each for each in seen if isinstance(each, ExplanationRefused)]
        connection.send(ExplainIdeal(1, question=5))
        first(seen, IdealExplained)
        connection.send(CancelExplanation())
        other.send(ExplainOcclusion(bytes(784), question=6))
        first(others, OcclusionExplained)
        assert max(each.done for each in seen if isinstance(each, IdealExplained)) < 1
    assert not run.events_of(OcclusionExplained)
    assert not run.events_of(ExplanationRefused)


def test_closing_a_viewer_leaves_the_run(running):
    run = running()
    with watching(run.folder):
        pass
    count = len(run.events_of(Progress))
    run.wait_for(Progress, count + 3)


def raw(run):
    """Return a socket to the run, to send anything on."""
    (path,) = [each for each in sockets() if each.name == socket_name(run.folder)]
    peer = connect(path)
    assert peer
    return peer


def is_cut(peer):
    """Return whether the run has closed the connection."""
    peer.settimeout(10)
    try:
        while peer.recv(2**16):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\xff\xfe garbage\n",
        b"GET / HTTP/1.1\r\n",
        b'{"command": "Quit"}\n',
        b'{"command": "Start", "config": {}}\n',
        b'{"command": "SetLearningRate", "learning_rate": "fast"}\n',
        b'{"command": "Predict", "indices": 5}\n',
        b'{"command": "Predict", "indices": [0.5]}\n',
        b'{"command": "Predict", "indices": [' + b"1," * 300 + b"1]}\n",
        b'{"command": "PredictImages", "images": ["AAAA"]}\n',
        b"[" * 100_000 + b"\n",
        b"x" * 2**20,
        b'"event"\n',
        b"null\n",
    ],
)
def test_invalid_message_disconnects_its_viewer(running, message):
    run = running()
    peer = raw(run)
    with suppress(ConnectionError):  # disconnected before all was sent
        peer.sendall(message)
    assert is_cut(peer)
    count = len(run.events_of(Progress))
    run.wait_for(Progress, count + 2)


@pytest.mark.parametrize("rate", ["NaN", "Infinity", "-1", "1e400"])
def test_invalid_learning_rate_changes_nothing(running, rate):
    run = running()
    with watching(run.folder) as (_, seen):
        peer = raw(run)
        peer.sendall(b'{"command": "SetLearningRate", "learning_rate": %s}\n' % rate.encode())
        assert "it was not changed" in first(seen, Notice).message
        peer.close()
    assert not run.events_of(LearningRateChanged)


def test_invalid_indices_are_ignored(running):
    run = running()
    with watching(run.folder) as (connection, seen):
        connection.send(Predict((-1, 10**18, 4)))
        assert [digit.index for digit in first(seen, Predicted).digits] == [4]


def test_half_a_message_waits(running):
    run = running()
    peer = raw(run)
    peer.sendall(b'{"comm')
    time.sleep(0.1)
    assert not run.events_of(Paused)
    peer.sendall(b'and": "Pause"}\n')
    run.wait_for(Paused)
    run.host.send(Resume())
    run.wait_for(Resumed)
    peer.close()


def test_viewer_that_does_not_read_is_disconnected(running):
    run = running()
    here, there = socket.socketpair()
    here.setblocking(False)
    message = EventMessage(run.events_of(Progress)[0])
    viewer = Viewer(here, 1, b"", [message] * (MAX_WAITING * 20))
    with pytest.raises(ValueError, match="does not read"):
        viewer.write()
    here.close()
    there.close()


def test_waiting_explanation_is_replaced_by_the_next():
    """A viewer that does not read keeps few of them in memory; other messages all wait."""
    here, there = socket.socketpair()
    viewer = Viewer(here, 1, b"", [])
    for number in range(5):
        digit = predicted_as(bytes(784), number)
        ideal = IdealExplained(ideal=digit, target=1, step=0, done=0.2 * (number + 1), asker=1)
        for event in (ideal, ExplanationRefused(message="no", asker=1, question=number)):
            viewer.queue(EventMessage(event))
    kept = [each.event for each in viewer.waiting if each.event]
    assert [each.done for each in kept if isinstance(each, IdealExplained)] == [1.0]
    assert sum(isinstance(each, ExplanationRefused) for each in kept) == 5
    viewer.write()
    received = [read_event(each) for each in there.recv(2**20).splitlines()]
    assert received == kept
    here.close()
    there.close()


def test_disconnected_viewer_leaves_no_network(running):
    """A viewer that connects again and again, and asks each time, takes no more memory."""
    run = running()
    for _ in range(3):
        with watching(run.folder) as (connection, seen):
            connection.send(ExplainOcclusion(bytes(784)))
            first(seen, OcclusionExplained)
    until(lambda: not networks_copied())


def networks_copied():
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, Subject)]


def test_flood_of_commands_does_not_block(running):
    """They are handled later, and a pause from another viewer at once."""
    run = running()
    peer = raw(run)
    peer.setblocking(False)
    flood = b'{"command": "Predict", "indices": [1, 2, 3]}\n' * 5000
    with watching(run.folder) as (connection, seen):
        with suppress(BlockingIOError):
            peer.send(flood)
        connection.send(Pause())
        first(seen, Paused)
        connection.send(Resume())
        first(seen, Resumed)
    peer.close()


@pytest.mark.parametrize(("change", "expected"), [(-1, "older"), (1, "newer")])
def test_run_by_another_version_is_named(running, monkeypatch, change, expected):
    """A run of another version is found without its name, and the reason says what to do."""

    def hello(**values):
        own, its = (b'"hello": %d' % each for each in (PROTOCOL, PROTOCOL + change))
        return hello_message(**values).replace(own, its)

    monkeypatch.setattr("core.attach.server.hello_message", hello)
    run = running()
    assert match_live(None, run.folder.parent, is_given=True) == [run.folder]
    with pytest.raises(CheckpointError, match=f"an? {expected} version of mnist-tui than this"):
        open_connection(run.folder)


def test_viewers_above_the_limit_are_refused(running):
    run = running()
    peers = [raw(run) for _ in range(16)]
    for peer in peers:
        assert peer.recv(9) == b'{"hello":'
    with pytest.raises(CheckpointError, match="already has 16 viewers"):
        open_connection(run.folder)
    peers.pop().close()
    until(lambda: _follows(run.folder))
    for peer in peers:
        peer.close()


def _follows(folder):
    try:
        open_connection(folder).close()
    except CheckpointError:
        return False
    return True


def test_removed_socket_is_created_again(running):
    """As systemd does with all of a user's runtime folder at the end of a login."""
    run = running()
    (path,) = [each for each in sockets() if each.name == socket_name(run.folder)]
    path.unlink()
    until(lambda: _follows(run.folder))  # it exists a moment before it accepts viewers
    assert path.exists()
    with watching(run.folder) as (_, seen):
        first(seen, Progress)


def test_ended_run_leaves_no_socket(tiny):
    run = Running(tiny())
    run.thread.join(20)
    assert socket_name(run.folder) not in [each.name for each in sockets()]
    with pytest.raises(CheckpointError, match="has finished; inspect it with"):
        open_connection(run.folder)


def test_only_run_needs_no_name(running, tmp_path):
    with pytest.raises(CheckpointError, match="no run is in progress here"):
        match_live(None, tmp_path)
    one = running()
    assert match_live(None, tmp_path) == [one.folder]
    two = running(checkpoints=str(tmp_path / "elsewhere"))
    found = match_live(None, tmp_path)
    assert {*found} == {one.folder, two.folder}
    assert str(several_live(None, found)).startswith("2 runs are in progress: name one of")
    assert match_live(str(two.folder), tmp_path) == [two.folder]


def test_given_folder_leaves_out_the_runs_of_others(running, tmp_path):
    """`attach --checkpoints DIR` listed, and attached to, runs of all folders."""
    one = running()
    two = running(checkpoints=str(tmp_path / "elsewhere"))
    assert match_live(None, tmp_path / "elsewhere", is_given=True) == [two.folder]
    with pytest.raises(CheckpointError, match=r"no run is in progress in .*nowhere; start one"):
        match_live(None, tmp_path / "nowhere", is_given=True)
    with pytest.raises(CheckpointError, match=f"{one.folder.name} is in progress, in"):
        match_live(one.folder.name, tmp_path / "nowhere", is_given=True)
    assert match_live(str(one.folder), tmp_path / "elsewhere", is_given=True) == [one.folder]


def test_live_run_is_found_by_name(running, tmp_path):
    run = running()
    assert match_live(run.folder.name, tmp_path / "nowhere") == [run.folder]
    with pytest.raises(
        CheckpointError, match=rf"does not exist.*; {run.folder.name} is in progress, in"
    ):
        match_live(run.folder.name[:-1], tmp_path / "nowhere")


def test_ambiguous_run_name_is_refused(running, tmp_path):
    run = running()
    other = tmp_path / "others" / run.folder.name
    other.mkdir(parents=True)
    (other / "run.json").write_text("{}")
    found = match_live(run.folder.name, other.parent)
    error = str(several_live(run.folder.name, found))
    assert error.startswith("2 runs are called")
    assert str(other) in error
    assert str(run.folder) in error
    assert match_live(str(other), other.parent) == [other]


def test_writable_runtime_folder_is_refused(tiny):
    folder = next(iter(runtime_folders()))
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    run = Running(tiny())
    run.thread.join(20)
    (notice,) = run.events_of(Notice)
    assert notice.message == (
        f"this run cannot be attached to: {folder} can be written by other users; "
        f"to fix that: chmod 700 {folder}"
    )
    assert isinstance(run.events[-1], RunFinished)


def test_linked_runtime_folder_is_refused(tiny, tmp_path):
    folder = next(iter(runtime_folders()))
    folder.symlink_to(tmp_path)
    run = Running(tiny())
    run.thread.join(20)
    (notice,) = run.events_of(Notice)
    assert "is not a folder" in notice.message


def test_too_long_runtime_folder_is_skipped(running, tmp_path, monkeypatch):
    long = tmp_path / ("long" * 30)
    long.mkdir()
    short = os.environ["XDG_RUNTIME_DIR"]
    monkeypatch.setattr(
        "core.attach.sockets.runtime_folders", lambda: iter([long, type(long)(short)])
    )
    run = running()
    assert _follows(run.folder)
    assert not any(long.iterdir())


def test_run_without_a_socket_continues(tiny, tmp_path, monkeypatch):
    long = tmp_path / ("long" * 30)
    monkeypatch.setattr("core.attach.sockets.runtime_folders", lambda: iter([long]))
    run = Running(tiny())
    run.thread.join(20)
    (notice,) = run.events_of(Notice)
    assert notice.message.endswith("is too long a path for a socket")
    assert isinstance(run.events[-1], RunFinished)


def test_other_user_s_process_is_refused(running, monkeypatch):
    run = running()
    monkeypatch.setattr("core.attach.server.is_ours", lambda peer: False)
    peer = raw(run)
    assert b"another user" in peer.recv(200)
    assert is_cut(peer)


def test_socket_is_private(running):
    run = running()
    (path,) = [each for each in sockets() if each.name == socket_name(run.folder)]
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_remote_host_reconnects(running):
    """As after a viewer was disconnected because it read too slowly."""
    run = running()
    host, seen = RemoteHost(run.folder), []
    for event in host.events():
        seen.append(event)
        if isinstance(event, Evaluated) and event.epoch in (2, 4, 6):
            host._connection._peer.shutdown(socket.SHUT_RDWR)
        if isinstance(event, Evaluated) and event.epoch == 8:
            run.host.send(Stop())
    run.thread.join(10)
    recorded = [event for event in run.events if event.recorded]
    assert [event for event in seen if event.recorded] == recorded


def test_closed_remote_host_ends(running):
    run = running()
    host = RemoteHost(run.folder)
    events = host.events()
    next(events)
    host.close()
    assert len(list(events)) < 10_000
    assert run.thread.is_alive()


def test_remote_host_recalls_at_each_connection(running):
    run = running()
    run.wait_for(Evaluated)
    sizes = []

    def recall(folder, size):
        assert folder == run.folder
        sizes.append(size)
        return [Notice(message="recalled")]

    host = RemoteHost(run.folder, recall)
    events = host.events()
    assert next(events).message == "recalled"
    next(events)
    host._connection._peer.shutdown(socket.SHUT_RDWR)
    while not isinstance(event := next(events), Notice):
        pass
    assert event.message == "recalled"
    assert 0 < sizes[0] <= sizes[1]
    host.close()
