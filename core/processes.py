"""Python child processes: start a module as one, and describe how it ended."""

import os
import signal
import sys
from subprocess import Popen
from typing import Any

# The folder that this program is imported from.
PROGRAM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def start_module(module: str, *arguments: str, **options: Any) -> Popen[bytes]:
    """Start `python -m module`, with Popen's options. Raises OSError.

    The child imports what this process would import, and never a file in the current folder.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_import_path())}
    return Popen([sys.executable, "-P", "-m", module, *arguments], env=environment, **options)


def _import_path() -> list[str]:
    """Return sys.path without the current folder, unless the program or PYTHONPATH names it.

    It is there after `python -m tui`, and where PYTHONPATH has an empty part.
    """
    named = {PROGRAM, *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    return [each for each in sys.path if each and (each in named or not _is_current(each))]


def _is_current(folder: str) -> bool:
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:  # one of the two does not exist
        return False


def describe_exit(status: int) -> str:
    """Return how a process ended, from Popen's returncode: "with status 1" or "by SIGKILL"."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:  # a signal that this system has no name for
        return f"by signal {-status}"
