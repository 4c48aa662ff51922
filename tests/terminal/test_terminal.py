"""The real program in a real terminal: what only that can show."""

import json
import os
import re
import signal
import time

import pytest

from tests.support.fakes import key_of
from tests.support.terminal import (
    assert_restored,
    until,
)

pytest.importorskip("mlxtend")
pytestmark = pytest.mark.terminal


def run_status(folder):
    (path,) = folder.glob("checkpoints/*/run.json")
    return json.loads(path.read_text())["status"]


def test_run_from_first_frame_to_exit(open_terminal, tmp_path):
    terminal = open_terminal("--arch", "linear", "--epochs", "3", fresh=True)
    terminal.expect("Press space to train", 10)
    terminal.press(" ")
    terminal.expect("✓ finished")
    terminal.expect(r"1 in \d+ wrong")
    terminal.expect(r"✓ \d")
    terminal.press("2")
    terminal.expect("0–1 of 1,000")
    terminal.press(key_of("checkpoints"))
    terminal.expect(r"linear-\d+-\d+ .*now")
    terminal.press("q")
    assert terminal.ended() == 0
    assert_restored(terminal)
    assert run_status(tmp_path) == "finished"
    last_line = terminal.output.decode().strip().splitlines()[-1]
    assert re.search(r"finished, test accuracy .*last\.safetensors$", last_line)


def test_keys_and_resizing_during_training(open_terminal, tmp_path):
    terminal = open_terminal("--arch", "linear", "--epochs", "10000", "--start")
    terminal.expect("● training")
    terminal.press("l")
    terminal.expect("─ Loss, log")
    terminal.press(" ")
    terminal.expect("Paused, press space to resume")
    terminal.press(" ")
    terminal.expect("● training")
    for size in ((120, 40), (60, 18), (20, 5), (200, 60), (80, 24)):
        terminal.resize(*size)
        time.sleep(0.1)
    terminal.expect("epoch .*left")
    terminal.press("q")
    terminal.expect("Stop training, save and quit")
    terminal.press("y")
    assert terminal.ended() == 0
    assert_restored(terminal)
    assert run_status(tmp_path) == "stopped"
    assert "stopped at step" in terminal.output.decode().strip().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_saves_and_restores_the_terminal(open_terminal, tmp_path, number):
    terminal = open_terminal("--arch", "linear", "--epochs", "10000", "--start")
    terminal.expect("● training")
    os.kill(terminal.child.pid, number)
    assert terminal.ended() == 128 + number
    assert_restored(terminal)
    assert run_status(tmp_path) == "stopped"
    assert list(tmp_path.glob("checkpoints/*/last.safetensors"))


def test_hangup_saves_with_on_hangup_save(open_terminal, tmp_path):
    """As when an SSH line drops: the kernel hangs up, and nothing can be written any more."""
    endless = ("--arch", "linear", "--epochs", "100000", "--start")
    terminal = open_terminal(*endless, "--on-hangup", "save")
    terminal.expect("● training")
    terminal.hang_up()
    assert terminal.ended() >= 0
    assert run_status(tmp_path) == "stopped"


def test_hangup_continues_and_can_be_attached(open_terminal, tmp_path):
    terminal = open_terminal("--arch", "linear", "--epochs", "100000", "--start")
    terminal.expect("● training")
    pid = terminal.child.pid
    terminal.hang_up()
    (events,) = tmp_path.glob("checkpoints/*/events.jsonl")
    size = events.stat().st_size
    until(lambda: events.stat().st_size > size + 5000)
    os.kill(pid, signal.SIGHUP)  # once more, as a shell and the system both may send it
    other = open_terminal(program=("-m", "tui", "attach", str(events.parent)), dataset=())
    other.expect("attached · ● training")
    other.press(" ")
    other.expect("attached · ‖ paused")
    other.press(" ")
    other.expect("attached · ● training")
    other.press("q")
    assert other.ended() == 0
    assert b"continues in process" in other.output
    assert run_status(tmp_path) == "running"
    os.kill(pid, signal.SIGTERM)
    assert terminal.ended() >= 0
    assert run_status(tmp_path) == "stopped"


def test_detached_run_outlives_the_app(open_terminal, tmp_path):
    terminal = open_terminal("--arch", "linear", "--epochs", "100000", "--start")
    terminal.expect("● training")
    terminal.press("d")
    terminal.expect("attached · ● training")
    terminal.press("q")
    assert terminal.ended() == 0
    assert_restored(terminal)
    (description,) = tmp_path.glob("checkpoints/*/run.json")
    pid = json.loads(description.read_text())["pid"]
    assert pid != terminal.child.pid
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: run_status(tmp_path) == "stopped")
    steps = [json.loads(line) for line in description.with_name("events.jsonl").open()]
    begun = [each["step"] for each in steps if each["event"] == "run_started"]
    progress = [each["step"] for each in steps if each["event"] == "progress"]
    assert begun[0] == 0
    assert begun[1] in progress  # no step is lost, and none is trained twice
    assert progress == sorted(set(progress))


def test_stuck_terminal_does_not_block_signals(open_terminal, tmp_path):
    terminal = open_terminal("--arch", "linear", "--epochs", "100000", "--start")
    terminal.expect("● training")
    terminal.reading = False
    time.sleep(3)  # until what the program writes has filled the terminal and its own queue
    os.kill(terminal.child.pid, signal.SIGTERM)
    assert terminal.ended() >= 0
    assert run_status(tmp_path) == "stopped"


def test_tiny_terminal_shows_a_message(open_terminal):
    terminal = open_terminal(size=(20, 5))
    terminal.expect("60×18")
    terminal.press("q")
    assert terminal.ended() == 0
    assert_restored(terminal)


def test_screen_crash_saves_and_restores(open_terminal, tmp_path):
    """However the app ends, its engine ends too: a crash must not leave a thread that trains on.
    What draws may fail and the app lives on, so this is a fault of what drives it."""
    program = (
        "import tui.app.app as a\n"
        "good = a.MnistApp._frame\n"
        "def frame(self):\n"
        "    if self.run_state.phase == 'paused': raise RuntimeError('a fault in a frame')\n"
        "    good(self)\n"
        "a.MnistApp._frame = frame\n"
        "from tui.cli.main import main\n"
        "main()\n"
    )
    (tmp_path / "crash.py").write_text(program)
    terminal = open_terminal(
        "--arch", "linear", "--epochs", "10000", "--start", program=["crash.py"]
    )
    terminal.expect("● training")
    terminal.press(" ")
    assert terminal.ended() == 1
    left = terminal.output.rfind(b"\x1b[?1049l")
    assert left > terminal.output.rfind(b"\x1b[?1049h")
    message = terminal.output[left:].decode()
    assert "a fault in a frame" in message
    assert re.search(
        r"stopped at step .* checkpoint: checkpoints/linear-.*last\.safetensors", message
    )
    assert run_status(tmp_path) == "stopped"
