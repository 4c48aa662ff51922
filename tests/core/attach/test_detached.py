"""Runs in a child process: what they outlive, and what is reported if they cannot start."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from core.attach import detached
from core.attach.detached import DetachedHost
from core.checkpoints.header import read_info
from core.commands import Start
from core.config import TrainConfig
from core.errors import UserError
from core.events import RunFailed, RunStarted
from core.runs.description import is_live, read_description
from core.runs.event_reader import read_latest_metrics
from tests.support import preloaded
from tests.support.cli import environment_in, one_line
from tui.headless.detached import train_detached

pexpect = pytest.importorskip("pexpect")
pytest.importorskip("mlxtend")
TESTS = Path(__file__).parents[3]
QUICK = TrainConfig(save_every=0.001, epochs=1, checkpoints="my runs")
RUN = ("--dataset", "sample", "--arch", "linear", "--threads", "1")
PROGRAM = [sys.executable, "-P", "-m", "tui"]


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not so after {seconds} seconds"
        time.sleep(0.02)
    return found


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the program in a temporary folder, from which Python must not
    import anything."""

    def call(*arguments, **variables):
        return preloaded.run(
            [*PROGRAM, *arguments],
            cwd=tmp_path,
            env=environment_in(tmp_path) | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def kill_leftover_runs(tmp_path):
    """Kill the runs that a test has left."""
    yield
    for folder in tmp_path.glob("checkpoints/*"):
        if is_live(folder, description := read_description(folder)):
            os.kill(description["pid"], signal.SIGKILL)


FAKE = """
import sys, time, types
from tests.support.fakes import make_fake_train
from core.events import Notice
def train(config, inbox, resume_point=None):
    yield Notice(message=f"resume from {resume_point.checkpoint}" if resume_point else "by the way")
    yield from make_fake_train(delay=config.save_every)(config, inbox)
    time.sleep(60 if config.preset == "speedrun" else 0)
sys.modules["core.training.trainer"] = types.ModuleType("core.training.trainer")
sys.modules["core.training.trainer"].train = train
"""


def fake_environment(folder: Path, code: str = "import fake") -> dict[str, str]:
    """Return an environment in which the training process executes `code` first."""
    folder.mkdir(exist_ok=True)
    # Python takes compiled code for current by the size of its source and the second of its time.
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    (folder / "fake.py").write_text(FAKE)
    (folder / "sitecustomize.py").write_text(
        f"import os, signal, sys, time\nif 'core.engine.process' in sys.orig_argv: {code}\n"
    )
    environment = environment_in(folder)
    path = [str(folder), environment["PYTHONPATH"], str(TESTS)]
    return environment | {"PYTHONPATH": os.pathsep.join(path)}


def open_files(pid: int, *kinds: str) -> list[str]:
    """Return what a process has open whose names start with one of `kinds`."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(each))
    return [each for each in found if each.startswith(kinds)]


def final_status(folder: Path):
    description = read_description(folder)
    return not is_live(folder, description) and description["status"]


@pytest.mark.terminal
@pytest.mark.usefixtures("kill_leftover_runs")
def test_detached_run_outlives_its_terminal(run, tmp_path):
    (tmp_path / "core").mkdir()  # nothing is imported from the current folder
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('not this one')")
    start = shlex.join([*PROGRAM, "train", "--detach", *RUN])
    terminal = pexpect.spawn(
        "sh",
        ["-c", f'NAME=$({start} --epochs 1000); echo "it is <$NAME>"; exec sleep 100'],
        cwd=str(tmp_path),
        env=environment_in(tmp_path),
        dimensions=(24, 200),
        encoding="utf-8",
    )
    terminal.expect(r"process (\d+): `mnist-tui attach (\S+)` attaches to it, `kill (\d+)`")
    pid, name, _ = terminal.match.groups()
    pid = int(pid)
    terminal.expect_exact(f"it is <{name}>")
    folder = tmp_path / "checkpoints" / name
    assert read_description(folder)["pid"] == pid
    assert os.getsid(pid) == pid
    assert psutil.Process(pid).terminal() is None
    wait_until(lambda: not open_files(pid, "/dev/pts", "pipe:"))

    terminal.close(force=True)
    os.kill(pid, signal.SIGHUP)
    step = read_latest_metrics(folder).step
    wait_until(lambda: read_latest_metrics(folder).step > step + 50)
    (row,) = json.loads(run("runs", "--json").stdout)
    assert (row["run"], row["status"]) == (name, "running")
    os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: final_status(folder)) == "stopped"
    last = folder / "last.safetensors"
    assert read_info(last).step > step + 50

    # A fake trainer reports what it is to resume; how it resumes is tested elsewhere.
    done = run(
        "resume", name, "--epochs", "1001", "--detach", **fake_environment(tmp_path / "fake")
    )
    pid = re.search(r"`kill (\d+)`", done.stderr)
    assert pid, done.stderr
    os.kill(int(pid[1]), signal.SIGKILL)
    assert (done.returncode, done.stdout) == (0, "fake-1\n")
    assert f"resume from {last.relative_to(tmp_path)}\n" in done.stderr


def test_failed_start_is_one_line(run, tmp_path):
    (tmp_path / "file").touch()
    done = run("train", "--detach", *RUN, "--checkpoints", "file")
    assert done.returncode == 1
    assert "the checkpoint folder file cannot be written (Not a directory)" in one_line(done)
    missing = run("resume", "nothing", "--detach")
    assert (missing.returncode, missing.stdout) == (1, "")
    variables = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    ranks = run("train", "--detach", *RUN, MASTER_ADDR="127.0.0.1", MASTER_PORT="9", **variables)
    assert ranks.returncode == 2
    assert "--detach cannot be used under torchrun" in one_line(ranks)


FAULTS = {
    "os._exit(3)": "ended before training started (with status 3)",
    "os.kill(os.getpid(), signal.SIGKILL)": "ended before training started (by SIGKILL)",
    "os.write(1, b'Hello\\n'); time.sleep(60)": (
        "unexpected output from the training process: 'Hello'"
    ),
    'os.write(1, b\'{"event": "ready"}\\n\'); input(); os._exit(1)': "(with status 1)",
    "sys.modules['torch'] = None": "ModuleNotFoundError: import of torch halted",
}


@pytest.fixture
def detach(monkeypatch, tmp_path, capsys):
    """Return a function that detaches a run whose process executes `code`: exit status, stdout and
    stderr."""

    def call(config=QUICK, code="import fake", **options):
        fake_environment(tmp_path, code)
        monkeypatch.syspath_prepend(tmp_path)
        status = train_detached(config, **options)
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_child_process_is_one_line(detach, fault):
    status, out, err = detach(code=fault)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert FAULTS[fault] in err


@pytest.fixture
def fake_python(monkeypatch, tmp_path):
    """Return a function that lets a shell script run instead of Python."""

    def install(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return install


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_before_start_ends_both_processes(tmp_path, number):
    wait = 'os.write(1, b\'{"event": "notice", "time": 1, "message": "so"}\\n\'); time.sleep(60)'
    process = subprocess.Popen(
        [*PROGRAM, "train", "--detach"],
        env=fake_environment(tmp_path, wait),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline() == "mnist-tui: so\n"
    (child,) = psutil.Process(process.pid).children()
    process.send_signal(number)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 128 + number
    assert not child.is_running()


def test_late_child_process_is_killed(fake_python, monkeypatch):
    monkeypatch.setattr(detached, "ENDING_SECONDS", 0.1)
    fake_python("trap '' TERM; exec sleep 60")
    host = DetachedHost()
    with pytest.raises(UserError, match=r"not ready after 0\.2 seconds"):
        host.wait_ready(0.2)
    assert psutil.pid_exists(host.pid)
    host.close()
    wait_until(lambda: not psutil.pid_exists(host.pid))  # not even as a zombie
    host.send(Start(TrainConfig()))
    (failed,) = host.events()
    assert isinstance(failed, RunFailed)
    assert "(by SIGKILL)" in failed.message


@pytest.fixture
def process(tmp_path):
    """Return the child process with a fake trainer; it is ready, and waits for its job."""
    with subprocess.Popen(
        [sys.executable, "-m", detached.CHILD],
        env=fake_environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            assert child.stdout.readline().decode() == detached.READY + "\n"
            yield child
        finally:
            child.kill()


def test_detaching_prints_the_run_s_name(detach):
    status, out, err = detach()
    assert (status, out) == (0, "fake-1\n")
    first, last = err.splitlines()
    assert first == "mnist-tui: by the way"
    assert "`mnist-tui attach fake-1 --checkpoints 'my runs'` attaches to it" in last
    assert detach(quiet=True) == (0, "fake-1\n", "mnist-tui: by the way\n")
    printed = detach(as_json=True, quiet=True)[1]
    assert [json.loads(line)["run"] for line in printed.splitlines()] == ["fake-1"]
    status, printed, _ = detach(code="os._exit(3)", as_json=True)
    assert status == 1
    assert [json.loads(line)["event"] for line in printed.splitlines()] == ["run_failed"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk here is always full")
def test_unprintable_name_goes_to_stderr(detach, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space left"):
            detach(quiet=True)
        with suppress(OSError):
            full.close()
    assert "`mnist-tui attach fake-1" in capsys.readouterr().err


def test_started_run_leaves_nothing_open(monkeypatch, tmp_path):
    fake_environment(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = {*threading.enumerate(), *open_files(os.getpid(), "pipe:")}
    host = DetachedHost()
    host.wait_ready(30)
    host.send(Start(TrainConfig(save_every=0.01, epochs=1000)))
    assert any(isinstance(event, RunStarted) for event in host.events())
    host.close()
    assert psutil.Process(host.pid).status() != psutil.STATUS_ZOMBIE
    os.kill(host.pid, signal.SIGTERM)
    wait_until(lambda: not psutil.pid_exists(host.pid))
    wait_until(lambda: {*threading.enumerate(), *open_files(os.getpid(), "pipe:")} <= before)


def job(**changes) -> bytes:
    config = asdict(TrainConfig(**{"save_every": 0.01, "epochs": 1000} | changes))
    return json.dumps({"config": config, "resume_point": None, "paused": False}).encode() + b"\n"


def test_parent_gets_events_until_the_start(process):
    out, err = process.communicate(job(epochs=1), timeout=20)
    names = [json.loads(line)["event"] for line in out.splitlines()]
    assert (names, err, process.returncode) == (["notice", "preparing", "run_started"], b"", 0)


def test_signal_ends_the_child_s_run(process):
    process.stdin.write(job())
    process.stdin.close()
    assert process.stdout.read().count(b"\n") == 3  # all that the child sends; it continues
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def test_second_signal_kills_the_child(process):
    process.stdin.write(job(preset="speedrun"))
    process.stdin.close()
    process.stdout.read()
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM


def test_child_trains_without_its_parent(process):
    process.stdout.close()
    process.stdin.write(job(epochs=1))
    process.stdin.close()
    assert process.wait(20) == 0


def test_child_ends_without_a_job(process):
    out, err = process.communicate(job()[:100], timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_invalid_job_is_one_line(process):
    out, err = process.communicate(job().replace(b'"mlp"', b'"rnn"'), timeout=20)
    failed = json.loads(out)
    assert (failed["event"], failed["reason"], process.returncode) == ("run_failed", "usage", 2)
    assert failed["message"].startswith("--arch must be one of")
    assert err == b""
