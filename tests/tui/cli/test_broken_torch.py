"""PyTorch that cannot be loaded: every command says so in one line, or does without it."""

import json
import os
import select
import sys
import termios
from importlib.machinery import PathFinder
from subprocess import Popen, run

import pytest
import typer

from core.compute import import_guard
from core.compute.import_guard import LoadError
from tests.support.checkpoints import described
from tests.support.cli import environment_in
from tests.support.runs import make_run
from tui.cli import registry
from tui.terminal.reset import RESET

MISSING_LIBRARY = "raise ImportError('libcudart.so.13: cannot open shared object file')"
# Runs the program once for each list of arguments, in a fork of one process that has loaded it.
DRIVER = """
import gc, json, os, sys
import rich.progress, rich.table, tui.cli.output.run_table, tui.headless.train
import core.runs.manage, core.runs.resume, core.training.setup, tui.cli.output.dry_run, typer
from tui.cli.main import app, main
command = typer.main.get_command(app)  # takes longer than most of the commands
typer.main.get_command = lambda app: command
gc.freeze()
results = []
for fault, arguments in json.loads(sys.argv[1]):
    if not (pid := os.fork()):
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.environ["FAULT"] = fault
        sys.argv[1:] = arguments
        try:
            main()
        except SystemExit as ended:  # without the interpreter's end, which takes as long again
            sys.stdout.flush()
            os._exit(ended.code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    results.append([status, open("out").read(), open("err").read()])
print(json.dumps(results))
"""
SAMPLE = ("--dataset", "sample")
# What each command is given; those that need no argument are not listed.
ARGUMENTS = {
    "archs add": ["mine", "linear 9, linear"],
    "archs remove": ["mine"],
    "archs show": ["mlp"],
    "attach": ["linear-1"],
    "checkpoints delete": ["linear-3", "--yes"],
    "checkpoints export": ["linear-1", "out.pth"],
    "checkpoints import": ["weights.safetensors"],
    "checkpoints show": ["linear-1"],
    "checkpoints verify": ["linear-1"],
    "eval": ["linear-1"],
    "missions start": ["1"],
    "predict": ["linear-1", "--index", "0"],
    "race": [*SAMPLE, "--lr", "0.1,0.01"],
    "resume": ["linear-1"],
    "runs compare": ["linear-1", "linear-2"],
    "runs delete": ["linear-2"],
    "runs export-metrics": ["linear-1"],
    "runs note": ["linear-1", "text"],
    "runs prune": ["linear-1"],
    "runs rename": ["linear-4", "other"],
    "runs restore": ["linear-2"],
    "runs show": ["linear-1"],
    "runs star": ["linear-1"],
    "train": [*SAMPLE],
    "": [*SAMPLE],
}
NEEDS_TORCH = {
    "",
    "archs show",
    "checkpoints export",
    "checkpoints import",
    "devices",
    "eval",
    "predict",
}
NEEDS_TORCH |= {"race", "resume", "train"}
# No run in progress, a checkpoint of no network, no terminal, a run that has not trained.
FAILS_OTHERWISE = ("attach", "checkpoints verify", "missions start", "runs export-metrics")


def command_names(group=None, before=()):
    """Yield the words of each command, and of each group that can be called without one."""
    group = group or typer.main.get_command(registry.app)
    if group.invoke_without_command:
        yield " ".join(before)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from command_names(command, (*before, name))
        else:
            yield " ".join((*before, name))


@pytest.fixture
def call(tmp_path):
    """Return a function that runs commands where importing torch executes a line, and returns
    (status, stdout, stderr) of each."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("exec(__import__('os').environ['FAULT'])")
    for name in ("linear-1", "linear-2", "linear-3", "linear-4"):
        place = make_run(tmp_path / "checkpoints", name)
        (place / "last.safetensors").write_bytes(
            described(run=name, config={"arch": "linear", "epochs": 3})
        )
    (tmp_path / "weights.safetensors").write_bytes(described())

    def run_all(calls, **extra):
        environment = environment_in(tmp_path) | extra
        environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
        command = [sys.executable, "-P", "-c", DRIVER, json.dumps(calls)]
        done = run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run_all


def test_every_command_reports_a_broken_torch(call):
    """doctor, which reports it among its checks, has a test of its own."""
    names = sorted(set(command_names()) - {"doctor"})
    assert set(ARGUMENTS) <= set(names)
    calls = [(MISSING_LIBRARY, [*name.split(), *ARGUMENTS.get(name, ())]) for name in names]
    failed = {}
    for name, (status, out, err) in zip(names, call(calls), strict=True):
        assert "Traceback" not in out + err, name
        if "PyTorch" in err:
            lines = 1 if name else 2  # without a command, it says first that it trains
            assert (status, out, err.count("\n")) == (1, "", lines), name
            failed[name] = err.splitlines()[-1]
        else:
            assert status == 0 or (name in FAILS_OTHERWISE and status == 1), (name, err)
    assert set(failed) == NEEDS_TORCH
    (line,) = set(failed.values())
    assert line == (
        "mnist-tui: PyTorch cannot be loaded (ImportError: libcudart.so.13: cannot open shared "
        "object file): a shared library is missing; reinstall it with torchvision: "
        "pip install --force-reinstall torch torchvision"
    )


@pytest.mark.parametrize("arguments", [["train", "--json"], ["train", "--json", "--detach"]])
def test_json_has_the_reason_as_an_event(call, arguments):
    ((status, out, err),) = call([(MISSING_LIBRARY, [*arguments, *SAMPLE])])
    (event,) = map(json.loads, out.splitlines())
    assert (status, event["event"]) == (1, "run_failed")
    assert err == f"mnist-tui: {event['message']}\n"
    assert event["message"].startswith("PyTorch cannot be loaded (ImportError: libcudart")


@pytest.mark.parametrize("rank", ["0", "1"])
def test_process_of_torchrun_reports_a_broken_torch(call, rank):
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}
    ((status, out, err),) = call([(MISSING_LIBRARY, ["train", "--json", *SAMPLE])], **place)
    assert (status, out, err.count("\n")) == (1, "", 1)
    who = "process 1 of 2: " if rank == "1" else ""
    assert err.startswith(f"mnist-tui: {who}PyTorch cannot be loaded (ImportError: ")


CRASH = "import os, signal; os.write(2, b'noise'); signal.raise_signal({})"
EXIT = "import ctypes, os; os.write(2, b'noise\\nFATAL ERROR\\n'); ctypes.CDLL(None).exit(2)"


def test_crash_of_a_detached_process_has_its_cause(call):
    ((status, out, err),) = call([(CRASH.format(4), ["train", "--detach", *SAMPLE])])
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "PyTorch cannot be loaded (SIGILL): this CPU lacks instructions" in err


def test_each_failure_has_its_likely_cause(call):
    faults = {
        "raise OSError('libtorch_cpu.so: failed to map segment')": "there is not enough memory",
        "raise MemoryError": "(MemoryError): there is not enough memory",
        "raise SystemExit('\\n')": "(SystemExit): reinstall it",
        "raise ImportError('/x.so: undefined symbol: _Z')": "the installation is damaged",
        CRASH.format(4): "(SIGILL): this CPU lacks instructions",
        CRASH.format(11): "(SIGSEGV): the installation is damaged",
        "import os; os.write(2, b'what(): std::bad_alloc'); os.abort()": "not enough memory",
        EXIT: "(FATAL ERROR): reinstall it",
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (2 * 10**9,) * 2); raise MemoryError": (
            "the address space is limited to 2.0 GB (ulimit -v), and PyTorch needs about 4 GB"
        ),
    }
    for cause, (status, out, err) in zip(
        faults.values(), call([(fault, ["devices"]) for fault in faults]), strict=True
    ):
        assert (status, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith("mnist-tui: PyTorch cannot be loaded (")
        assert cause in err


@pytest.mark.terminal
def test_crash_in_the_app_restores_the_terminal(tmp_path):
    (tmp_path / "torch.py").write_text("import signal; signal.raise_signal(4)")
    path = os.pathsep.join([str(tmp_path), environment_in(tmp_path)["PYTHONPATH"]])
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    app = Popen(
        [sys.executable, "-P", "-m", "tui", *SAMPLE],
        cwd=tmp_path,
        env=environment_in(tmp_path) | {"PYTHONPATH": path, "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    output = b""
    while app.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.05)[0]:
            output += os.read(master, 2**16)
    assert app.returncode == 1
    assert termios.tcgetattr(slave) == before
    assert b"\x1b[?1049h" in output, "the app had begun to draw"
    assert b"mnist-tui: PyTorch cannot be loaded (SIGILL): " in output.partition(RESET)[2]
    os.close(master)
    os.close(slave)


def test_second_import_fails_for_the_same_reason(tmp_path, monkeypatch):
    """What is left of the first attempt would make the second one fail otherwise."""
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('no nms\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(import_guard._guard, "_failed", {})
    for _ in range(2):
        with pytest.raises(LoadError, match=r"^torchvision cannot be loaded \(RuntimeError: no nm"):
            import torchvision  # noqa: F401
        (tmp_path / "torchvision.py").write_text("raise ValueError('another')")


def test_missing_package_names_the_command_that_installs_it(monkeypatch):
    """PyTorch does without NumPy where importing it raises ModuleNotFoundError."""
    monkeypatch.setattr(PathFinder, "find_spec", lambda *arguments: None)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    reason = r"No module named 'torchvision'.: install it: pip inst"
    with pytest.raises(ModuleNotFoundError, match=reason):
        import torchvision  # noqa: F401


def test_deleted_current_folder_is_a_cause(tmp_path, monkeypatch):
    """Intel's MKL finds none of its own files there."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert import_guard.likely_cause("Cannot load libtorch_cpu.so") == import_guard.REINSTALL
    (tmp_path / "gone").rmdir()
    cause = "the current folder was deleted; change to another one"
    assert import_guard.likely_cause("Cannot load libtorch_cpu.so") == cause


def test_process_can_exit_while_a_thread_loads_torch(tmp_path):
    (tmp_path / "torch.py").write_text(
        "import builtins, time; print('loading', flush=True)\n"
        "builtins.loading.set(); time.sleep(60)"
    )
    code = (
        "import builtins, threading; from core.compute import import_guard\n"
        "import_guard.report_crashes(); builtins.loading = threading.Event()\n"
        "threading.Thread(target=__import__, args=['torch'], daemon=True).start(); loading.wait()"
    )
    environment = environment_in(tmp_path)
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    done = run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"loading\n", b"")
