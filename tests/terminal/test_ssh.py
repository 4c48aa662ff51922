"""Over a real SSH, from this machine to itself: what a line that drops costs, which is nothing."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from tests.support.cli import environment_in
from tests.support.terminal import Terminal, until

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
WANTED = [SSHD, shutil.which("ssh") or "ssh", shutil.which("ssh-keygen") or "ssh-keygen"]
pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(
        not all(map(os.path.exists, WANTED)),
        reason="no OpenSSH here: install openssh-server and openssh-client",
    ),
]
ENDLESS = "--arch linear --dataset sample --epochs 100000"


@pytest.fixture
def log_in(tmp_path, monkeypatch):
    """Logs in to a server of the test's own, which leaves out what the system's own would set up,
    and runs a command there in a terminal."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)]
        subprocess.run(command, check=True)
    (keys / "authorized").write_text((keys / "user.pub").read_text())
    (keys / "authorized").chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = keys / "sshd_config"
    # What the program is to find there, since sshd passes none of ours on.
    names = environment_in(tmp_path) | {"TMPDIR": str(tmp_path)}
    kept = ("HOME", "PATH", "PYTHONPATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
    set_there = " ".join(f'"{name}={names[name]}"' for name in (*kept, "MNIST_TUI_MIRROR"))
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\n"
        f"AuthorizedKeysFile {keys / 'authorized'}\nPidFile {keys / 'pid'}\n"
        "PasswordAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
        f"SetEnv {set_there}\n"
    )
    if os.getuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # else it refuses to start
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE)
    opened = []

    def open_line(command, size=(80, 24)):
        ssh = ["-tt", "-q", "-p", str(port), "-i", str(keys / "user"), "-F", "none"]
        ssh += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={keys / 'known'}"]
        there = f"cd {tmp_path} && {command}"
        line = Terminal(
            tmp_path, *ssh, "127.0.0.1", there, size=size, program=(), dataset=(), executable="ssh"
        )
        opened.append(line)
        return line

    try:
        until(lambda: _listens(port))
        yield open_line
    finally:
        for line in opened:
            line.close()
        server.terminate()
        server.wait(10)
        server.stderr.close()


def _listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def cut(line):
    """Drop the connection: ssh is killed, and closes nothing."""
    line.child.kill()


def read_events(folder):
    (path,) = folder.glob("checkpoints/*/events.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def latest(folder):
    return max((each.get("step", 0) for each in read_events(folder)), default=0)


def end_of(folder):
    """End the test's runs."""
    for path in folder.glob("checkpoints/*/run.json"):
        pid = json.loads(path.read_text())["pid"]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


PROGRAM = f"{sys.executable} -m tui"


def test_run_survives_a_dropped_ssh_connection(log_in, tmp_path):
    try:
        line = log_in(f"{PROGRAM} {ENDLESS}")
        line.expect("Press space to train")
        line.press(" ")
        line.expect("● training")
        line.expect(r"\d in \d+ wrong")
        cut(line)
        step = latest(tmp_path)
        until(lambda: latest(tmp_path) > step + 100)

        line = log_in(f"{PROGRAM} attach checkpoints/*", size=(120, 40))
        line.expect("attached · ● training")
        line.expect(r"\d in \d+ wrong")
        line.press("s")
        line.expect("■ stopped")
        line.press("q")
        assert line.ended() == 0
        events = read_events(tmp_path)
        assert events[-1]["event"] == "run_finished"
        assert [each["event"] for each in events].count("run_started") == 1

        stopped_at, epochs = events[-1]["steps"], events[-1]["epochs"] + 2
        (run,) = (tmp_path / "checkpoints").iterdir()
        resumed = log_in(f"{PROGRAM} resume {run.name} --epochs {epochs}")
        assert resumed.ended() == 0
        events = read_events(tmp_path)
        assert [e["step"] for e in events if e["event"] == "run_started"] == [0, stopped_at]
        assert (events[-1]["epochs"], events[-1]["stopped"]) == (epochs, False)
    finally:
        end_of(tmp_path)


def test_dropped_connections_lose_no_step(log_in, tmp_path):
    """In the app that trains, then in those that are attached, in the middle of anything."""
    moments = random.Random(6)
    try:
        line = log_in(f"{PROGRAM} {ENDLESS} --start")
        line.expect("● training")
        for _ in range(5):
            for key in moments.choices("25lcv  ", k=2):  # views, charts, a pause and its end
                line.press(key)
            time.sleep(moments.random() * 0.3)
            cut(line)
            line = log_in(f"{PROGRAM} attach checkpoints/*")
            time.sleep(moments.random() * 0.8)
        line.expect("attached · ")
        step = latest(tmp_path)

        def trains():
            # A viewer whose connection was cut may still handle a key that was pressed before.
            if "paused" in line.text:
                line.press(" ")
                line.expect("● training")
            return latest(tmp_path) > step

        until(trains)
        line.press("s")
        line.expect("■ stopped")
        events = read_events(tmp_path)
        progress = [each for each in events if each["event"] == "progress"]
        steps = [each["step"] for each in progress]
        assert steps == sorted(set(steps))
        # Each was made once, by the one process that has begun the run.
        assert [each["event"] for each in events].count("run_started") == 1
        assert events[-1]["steps"] == steps[-1]
    finally:
        end_of(tmp_path)
