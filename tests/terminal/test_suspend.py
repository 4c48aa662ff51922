"""Ctrl-Z in the app, in a real shell: what the terminal gets back, and what fg brings back."""

import asyncio
import os
import signal
import sys
import termios
import time
from contextlib import suppress

import psutil
import pytest
from textual.events import Resize
from textual.geometry import Size

from tests.support import app as support
from tests.support.fakes import ROOT
from tests.support.terminal import Terminal, is_restored, until
from tui.state.run_state import RunState
from tui.state.summaries import describe_suspension

# The app with a trainer that needs no torch, and that notes each of its steps.
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from core.commands import ListDevices
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from tests.support.fakes import make_fake_train
from tui.app import run_controller
from tui.app.app import MnistApp
from tui.preferences import Preferences

def train(config, inbox):
    for event in make_fake_train(steps=1000)(config, inbox):
        progress.write(event.name + "\\n")
        yield event

class Host(LocalHost):
    "An engine that does not load torch for the list of devices."
    def send(self, command):
        if not isinstance(command, ListDevices):
            super().send(command)

run_controller.LocalHost = Host
progress = open("progress", "w", buffering=1)
config = TrainConfig(checkpoints={folder!r}, dataset="sample", arch="mlp", epochs=100)
app = MnistApp(config, start=True, train=train, preferences=Preferences())
app.run()
print("left with", app.return_code)
sys.exit(app.return_code)
"""
BAR_PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from tests.support.fakes import make_fake_train
from tui.headless import train

train.LocalHost = lambda ranks: LocalHost(make_fake_train(steps=1000))
sys.exit(train.train_headless(TrainConfig(epochs=100)))
"""
CTRL_Z = "\x1a"
# Modes that the shell must get back: no mouse, no focus reports, lines wrap, plain keys.
MODES_OFF = (b"?1000l", b"?1003l", b"?1006l", b"?1004l", b"?7h", b"?25h", b"<u")


class Shell(Terminal):
    """An interactive bash, in which the app is started by a command."""

    def __init__(self, folder):
        program = ["--norc", "--noprofile", "-i"]
        super().__init__(folder, program=program, dataset=(), executable="/bin/bash")
        path = folder / "app.py"
        path.write_text(PROGRAM.format(root=str(ROOT), folder=str(folder)))
        self.type(f"PS1='shell> '; app='{sys.executable} app.py'")
        self.expect(r"(?m)^shell> *$")
        self.plain = termios.tcgetattr(self.master)

    def type(self, line):
        self.press(line + "\r")

    def expect_prompt(self):
        """Wait until the shell has the terminal, and everything that the app has set is unset."""
        until(self.is_stopped)  # the screen may show "Stopped" of an earlier time
        self.expect(r"Stopped[^\n]*\nshell>")
        until(lambda: is_restored(self), 5)
        since = self.output[self.output.rfind(b"\x1b[?1049h") :]
        assert not [mode for mode in MODES_OFF if b"\x1b[" + mode not in since]
        # readline switches it on for itself, after the app has switched it off
        assert since.count(b"\x1b[?2004l") >= 1
        assert termios.tcgetattr(self.master)[3] & termios.ECHOE == self.plain[3] & termios.ECHOE

    def settled(self):
        """Return what the screen shows once it no longer changes."""
        shown, since = self.text, time.monotonic()
        while time.monotonic() < since + 0.2:
            if shown != (shown := self.text):
                since = time.monotonic()
            time.sleep(0.02)
        return shown

    @property
    def app(self):
        """The process of the app, which the shell may be about to start."""

        def find():
            children = psutil.Process(self.child.pid).children(recursive=True)
            return [each for each in children if "app.py" in each.cmdline()]

        until(find)
        return find()[0]

    def is_stopped(self):
        return self.app.status() == psutil.STATUS_STOPPED

    def steps(self):
        return (self.folder / "progress").read_text().count("progress")

    def expect_steps(self):
        before = self.steps()
        until(lambda: self.steps() > before + 2)


def test_farewell_of_an_attached_run():
    state = RunState(phase="training", is_attached=True)
    assert "its run continues" in describe_suspension(state)


async def test_two_quick_resizes_redraw(tmp_path):
    """The second is the size of before, so Textual finds nothing to draw. But the terminal has
    lost what was outside the smaller one."""
    app = support.app_in(tmp_path)
    app.driver_class = support.Recorder
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await support.until(pilot, lambda: "Press space" in app._driver.output)
        await pilot.pause(0.2)
        app._driver.take()
        for size in (Size(40, 12), Size(80, 24)):  # before Textual passes on the first
            app.post_message(Resize(size, size))
            while app.size != size:
                await asyncio.sleep(0)
        await support.until(pilot, lambda: "Press space" in app._driver.output, 5)


@pytest.fixture
def shell(tmp_path):
    opened = Shell(tmp_path)
    yield opened
    if opened.child.poll() is None:
        for process in psutil.Process(opened.child.pid).children(recursive=True):
            process.kill()
    opened.close()


@pytest.mark.terminal
def test_suspended_and_continued(shell):
    """And saved, where the terminal closes while it is suspended."""
    shell.type("$app")
    shell.expect("● training")
    for _ in range(2):  # twice in a row
        shell.press(CTRL_Z)
        shell.expect_prompt()
        shell.expect("mnist-tui is suspended, and training too: fg continues both")
        assert shell.is_stopped()
        shell.type("fg")
        shell.expect("● training")
        shell.expect_steps()

    shell.press(" ")
    shell.expect("Paused, press space to resume")
    shell.press("?")
    shell.expect("─ Help ─")
    dialog = shell.settled()
    shell.resize(100, 30)
    wide = shell.settled()
    assert wide != dialog
    for size, screen in (((100, 30), wide), ((80, 24), dialog)):
        shell.press(CTRL_Z)  # from a dialog
        shell.expect_prompt()
        shell.expect("mnist-tui is suspended: fg continues it")
        shell.resize(*size)
        shell.type("fg")
        shell.expect("─ Help ─")
        assert shell.settled() == screen
    shell.press("\x1b")
    shell.expect(r"(?s)\A(?!.*─ Help ─)")
    shell.press(" ")
    shell.expect("● training")

    for number in (signal.SIGTSTP, signal.SIGSTOP):  # from another terminal
        os.kill(shell.app.pid, number)
        shell.expect(r"Stopped[^\n]*\nshell>") if number == signal.SIGTSTP else None
        until(shell.is_stopped)
        shell.type("")
        shell.type("fg")
        until(lambda: not shell.is_stopped())
        shell.expect("● training")
        shell.expect_steps()

    shell.press(CTRL_Z)
    until(shell.is_stopped)
    app = shell.app
    shell.hang_up()
    with suppress(psutil.NoSuchProcess):
        app.terminate()  # as a shell that ends does to its stopped jobs
    until(lambda: (shell.folder / "progress").read_text().endswith("run_finished\n"))


@pytest.mark.terminal
def test_key_works_after_a_stop_from_outside(shell):
    """The thread that reads keys was in a read of a whole line, and the app waited for it."""
    shell.type("$app")
    shell.expect("● training")
    for _ in range(2):
        os.kill(shell.app.pid, signal.SIGSTOP)
        until(shell.is_stopped)
        shell.type("")
        shell.type("fg")
        until(lambda: not shell.is_stopped())
        shell.expect_steps()
        shell.press(CTRL_Z)
        until(shell.is_stopped, 10)
        shell.type("fg")
        shell.expect_steps()


@pytest.mark.terminal
def test_background_job_trains_without_the_screen(shell):
    shell.type("$app &")
    until(shell.is_stopped)
    shell.type("bg")
    until((shell.folder / "progress").exists)
    shell.expect_steps()
    assert "mnist-tui" not in shell.text
    shell.type("fg")
    shell.expect("● training")
    shell.press(CTRL_Z)
    shell.expect_prompt()
    before, since = shell.steps(), len(shell.output)
    shell.type("bg")
    until(lambda: not shell.is_stopped())
    until(lambda: shell.steps() > before + 5)
    # The screen of this terminal keeps what was drawn before; a new one begins with this mode.
    assert b"1049h" not in shell.output[since:]
    shell.type("fg")  # sends no signal: the job is running
    shell.expect("● training")
    shell.press(CTRL_Z)
    shell.expect_prompt()
    shell.type("kill %1; wait; echo status $?")
    until(lambda: (shell.folder / "progress").read_text().endswith("run_finished\n"))
    shell.expect("Exit 143|left with 143")
    assert "1049h" not in shell.output.decode().rpartition("kill %1")[2]


@pytest.mark.terminal
def test_shell_without_job_control(shell):
    shell.type("set +m")
    shell.type("$app")
    shell.expect("● training")
    shell.press(CTRL_Z)
    shell.expect("Ctrl-Z needs a shell")
    shell.expect_steps()


@pytest.mark.terminal
def test_progress_bar_shows_the_cursor_while_stopped(shell):
    (shell.folder / "app.py").write_text(BAR_PROGRAM.format(root=str(ROOT)))
    shell.type("$app >lines")
    shell.expect("epoch 1/100")
    before = len(shell.output)
    shell.press(CTRL_Z)
    shell.expect("Stopped")
    assert b"\x1b[?25h" in shell.output[before:]
    before = len(shell.output)
    shell.type("fg")
    until(lambda: b"\x1b[?25l" in shell.output[before:])
    shell.press("\x03")
    shell.expect(r"(?m)^shell> *$")
    assert shell.output.rfind(b"\x1b[?25h") > shell.output.rfind(b"\x1b[?25l")
