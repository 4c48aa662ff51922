"""`python -m core.engine.process`: the child process of a detached run.

Where the network is code in a file, its arguments name that file and its digest.

It imports torch, reports that it is ready, and trains what one line on its standard input says.
Events go to its standard output until the run has started. Then it needs no other process.
core/attach/detached.py is its parent's side.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from core.attach.detached import READY, read_job
from core.engine.local_host import LocalHost
from core.errors import UserError, exit_status, first_line
from core.event_json import as_json
from core.events import RaceStarted, RunFailed, RunStarted
from core.files import redirect_to_devnull
from core.host import run_events, stop_on_signals
from core.models.network_file.named import name_by_arguments


def main() -> int:
    """Run the process. Returns its exit status."""
    # Until training starts there is nothing to save, and the parent may have changed the handlers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(os.dup(1), "wb", buffering=0) as parent:
        redirect_to_devnull([1])  # what a library prints must not reach the parent
        try:
            name_by_arguments(sys.argv[1:])
            return _train(parent)
        except UserError as error:
            failed = RunFailed(reason=error.reason, message=str(error))
        except Exception as error:  # the parent reports it in place of a traceback
            what = f"{type(error).__name__}: {first_line(error)}"
            failed = RunFailed(reason="error", message=what)
        _send(parent, as_json(failed))
    return exit_status(failed.reason)


def _send(parent: BinaryIO, line: str) -> None:
    if not parent.closed:
        with suppress(OSError):  # the parent has ended; the run continues without it
            parent.write(line.encode() + b"\n")


def _train(parent: BinaryIO) -> int:
    import core.training.trainer  # noqa: F401, loads torch while the parent's run still trains

    _send(parent, READY)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):  # the parent has ended, or does not need this process
        return 0
    host = LocalHost()
    host.send(read_job(line))
    with stop_on_signals(host, (signal.SIGINT, signal.SIGTERM)) as received:
        redirect_to_devnull([0])
        for event in run_events(host):
            if event.serializable:
                _send(parent, as_json(event))
            if isinstance(event, RunStarted | RaceStarted | RunFailed):
                parent.close()
    if not isinstance(event, RunFailed):
        return 128 + received[0] if received else 0
    stopped = received and event.reason == "stopped"
    return 128 + received[0] if stopped else exit_status(event.reason)


if __name__ == "__main__":
    sys.exit(main())
