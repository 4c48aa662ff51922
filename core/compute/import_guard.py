"""Report in one line why PyTorch, torchvision or NumPy cannot be loaded, whichever line imports it.

They are imported inside many functions, and fail in many ways: a missing library, too little
memory, a damaged file, a CPU that lacks instructions. An import hook turns each into LoadError.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

from core.errors import UserError
from core.files import unnamed_file

PACKAGES = {"torch": "PyTorch", "torchvision": "torchvision", "numpy": "NumPy"}
INSTALL = "pip install torch torchvision"
REINSTALL = "reinstall it with torchvision: pip install --force-reinstall torch torchvision"
MEMORY = "there is not enough memory; close other programs or request more"
DAMAGED = f"the installation is damaged, or was built for another system; {REINSTALL}"
# The address space that a build with CUDA needs; it uses much less memory.
ADDRESS_SPACE = 4_000_000_000
NAMES = ("SIGILL", "SIGSEGV", "SIGBUS", "SIGABRT")
CRASHES = [getattr(signal, each) for each in NAMES if hasattr(signal, each)]
# What a handler needs where there is no memory left, in bytes.
SPARE = 2**22
# What the reasons of failures contain, in lower case, and the cause and remedy to report.
CAUSES = {
    r"failed to map|allocate memory|unable to allocate|bad_alloc|memoryerror|temporarily": MEMORY,
    r"no module named": f"install it: {INSTALL}",
    r"cannot open shared object|library not loaded|dll load failed": (
        f"a shared library is missing; {REINSTALL}"
    ),
    r"sigill": "this CPU lacks instructions that this build uses; install a build for this CPU",
    r"undefined symbol|glibc|invalid elf|file too short|sigbus|sigsegv|sigabrt": DAMAGED,
}


class LoadError(UserError, ModuleNotFoundError):
    """A package that cannot be loaded. Libraries that can do without it expect this error: PyTorch
    can be imported without NumPy."""


def guard_imports() -> None:
    """Raise LoadError from now on where one of PACKAGES cannot be loaded."""
    if _guard not in sys.meta_path:
        sys.meta_path.insert(0, _guard)


class _Guard:
    """Finds what the other finders find, and watches while it is executed for the first time."""

    def __init__(self) -> None:
        self._failed: dict[str, LoadError] = {}
        self.reports_crashes = False
        self.reset: Callable[[], None] | None = None

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in PACKAGES:
            return None
        others = (each for each in sys.meta_path if each is not self)
        specs = (each.find_spec(name, path, target) for each in others)
        spec = next((each for each in specs if each), None)
        if spec is None or spec.loader is None:  # none, or a folder without __init__.py
            missing: Any = _Missing()
            return spec_from_loader(name, missing)
        execute = spec.loader.exec_module
        # Of this loader alone, which stays what it is for all who read files by it.
        spec.loader.exec_module = lambda module: self._execute(module, execute)  # type: ignore
        return spec

    def _execute(self, module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
        name = module.__name__
        # A second try would fail by what is left of the first one.
        if name in self._failed:
            raise self._failed[name]
        try:
            with ExitStack() as stack:
                if self.reports_crashes and name == "torch":
                    with suppress(OSError):  # no temporary file, or no stderr: then without it
                        stack.enter_context(_report_crashes(PACKAGES[name], self.reset))
                execute(module)
        except (Exception, SystemExit) as error:  # a package may raise anything here
            text = str(error) if isinstance(error, LoadError) else describe(name, error)
            self._failed[name] = LoadError(text)
            raise self._failed[name] from error


class _Missing:
    """Loads a package that is not installed: raises what Python raises without this module."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        error = ModuleNotFoundError(f"No module named {name!r}", name=name)
        raise LoadError(describe(name, error)) from error


_guard = _Guard()


def report_crashes(reset: Callable[[], None] | None = None) -> None:
    """Report a crash of PyTorch's import, such as by SIGILL, on stderr, and exit with status 1.

    What is printed on stderr meanwhile is left out then; not with `reset`, for a process that draws
    on its terminal, which is called before the report.
    """
    _guard.reports_crashes, _guard.reset = os.name == "posix", reset


def explain_crash(status: int) -> str | None:
    """Return the line for a process that crashed while it loaded PyTorch, from Popen's returncode;
    None where it ended in another way."""
    return _describe("PyTorch", signal.Signals(-status).name) if -status in CRASHES else None


def describe(name: str, error: BaseException) -> str:
    """Return one line: which package cannot be loaded, why, the likely cause, and what to do."""
    while error.__cause__:  # NumPy's own message begins with its documentation
        error = error.__cause__
    first = next(filter(None, str(error).splitlines()), "")
    return _describe(PACKAGES[name], f"{type(error).__name__}{': ' * bool(first)}{first.strip()}")


def likely_cause(why: str) -> str:
    """Return the likely cause of a failed import, by its error's text, and what to do."""
    found = (text for pattern, text in CAUSES.items() if re.search(pattern, why.lower()))
    cause = next(found, REINSTALL)
    if cause in (MEMORY, DAMAGED) and (limit := address_space()):
        cause = f"the address space is limited to {limit / 1e9:.1f} GB (ulimit -v), and PyTorch "
        cause += f"needs about {ADDRESS_SPACE / 1e9:.0f} GB; raise the limit"
    if cause == REINSTALL and _is_current_folder_deleted():  # where MKL cannot find its own files
        return "the current folder was deleted; change to another one"
    return cause


def _describe(package: str, why: str) -> str:
    return f"{package} cannot be loaded ({why}): {likely_cause(why)}"


def _line(package: str, why: str) -> bytes:
    return f"mnist-tui: {_describe(package, why)}\n".encode()


def address_space() -> int | None:
    """Return the limit of this process's address space in bytes; None where PyTorch has enough."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY or limit >= ADDRESS_SPACE else limit


def _is_current_folder_deleted() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


@contextmanager
def _report_crashes(package: str, reset: Callable[[], None] | None) -> Iterator[None]:
    """Within the context, report a crash, or a call of exit() in C, in one line and exit with
    status 1.

    Without `reset`, what libraries print on stderr meanwhile is printed at the end, and not after a
    crash. Python's own handlers run between two instructions of Python, so one in C is needed.
    """
    import ctypes

    with unnamed_file() as printed, os.fdopen(os.dup(2), "wb", 0) as stderr:
        # All prepared: the crash may be that there is no memory for more.
        inputs, outputs, spare = printed.fileno(), stderr.fileno(), bytearray(SPARE)
        lines = {int(each): _line(package, signal.Signals(each).name) for each in CRASHES}
        no_memory = _line(package, "std::bad_alloc")

        def report(number: int) -> None:
            spare.clear()
            if reset:
                reset()
            text = os.pread(inputs, 2**12, 0)
            line = no_memory if b"bad_alloc" in text else lines.get(number)
            os.write(outputs, line or _line(package, _last_line(text) or "it ended the process"))
            os._exit(1)

        handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(report)
        address = ctypes.cast(handler, ctypes.c_void_p)
        set_handler = ctypes.CDLL(None).signal
        set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
        sys.stderr.flush()
        if not reset:
            os.dup2(printed.fileno(), 2)
        before = {each: set_handler(each, address) for each in CRASHES}
        try:
            with _on_exit(partial(report, 0)):
                yield
        except BaseException:
            printed.truncate(0)  # the error has the reason
            raise
        finally:
            for each, old in before.items():
                set_handler(each, old)
            if not reset:
                with suppress(OSError, ValueError):
                    sys.stderr.flush()
                os.dup2(stderr.fileno(), 2)
                with suppress(OSError):  # the reader of stderr has exited
                    os.write(2, os.pread(printed.fileno(), 2**20, 0))


def _last_line(text: bytes) -> str:
    return "".join(text.decode(errors="replace").strip().splitlines()[-1:])


@contextmanager
def _on_exit(report: Callable[[], None]) -> Iterator[None]:
    """Call `report` where a library calls exit() in C within the context, as Intel's MKL does where
    it cannot load a part of its own. Only with glibc, which can remove such a handler again."""
    import atexit
    import ctypes

    libc, key, is_over = ctypes.CDLL(None), ctypes.c_int(), False
    if not hasattr(libc, "gnu_get_libc_version"):
        yield
        return

    def call(_: object) -> None:
        if not is_over:
            report()

    def remove() -> None:
        nonlocal is_over
        is_over = True
        libc.__cxa_finalize(ctypes.byref(key))  # calls it once more

    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(call)
    libc.__cxa_atexit(handler, None, ctypes.byref(key))
    # This process may exit while another thread loads the package: then without a report.
    atexit.register(remove)
    try:
        yield
    finally:
        atexit.unregister(remove)
        remove()
