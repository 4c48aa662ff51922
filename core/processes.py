"""Python child processes: start a module as one, and describe how it ended."""

import os
import signal
import sys
from subprocess import Popen
from typing import Any


def start_module(module: str, *arguments: str, **options: Any) -> Popen[bytes]:
    """Start `python -m module`, with Popen's options. Raises OSError.

    The child imports what this process would import, and never a file in the current folder.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return Popen([sys.executable, "-P", "-m", module, *arguments], env=environment, **options)


def describe_exit(status: int) -> str:
    """Return how a process ended, from Popen's returncode: "with status 1" or "by SIGKILL"."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:  # a signal that this system has no name for
        return f"by signal {-status}"
