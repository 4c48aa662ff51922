"""Turns an exception that ended training into the RunFailed event that reports it."""

import traceback

import torch

from core.errors import DeviceError, UserError, first_line
from core.events import RunFailed
from core.files import replace_file
from core.runs.layout import TRACEBACK
from core.runs.run_writer import RunWriter
from core.training.setup import Setup


def run_failed(error: Exception, setup: Setup, run: RunWriter) -> RunFailed:
    """Return what to report of an error; a bug's traceback goes to a file in the run's folder."""
    smaller = f"try a --batch-size below {setup.config.batch_size}, or another --device"
    message = first_line(error)
    match error:
        case UserError():
            return RunFailed(reason=error.reason, message=str(error))
        case torch.OutOfMemoryError():
            message = f"{setup.device} is out of memory: {smaller}"
            return RunFailed(reason="memory", message=message)
        # PyTorch has no exception of its own for the CPU's memory.
        case RuntimeError() if "allocate memory" in message:
            message = f"this machine is out of memory: {smaller}"
            return RunFailed(reason="memory", message=message)
        case RuntimeError() if setup.device.type != "cpu":
            message = f"{setup.device} failed: {message}"
            return RunFailed(reason=DeviceError.reason, message=message)
    return _unexpected(error, run)


def _unexpected(error: Exception, run: RunWriter) -> RunFailed:
    message = f"{type(error).__name__}: {first_line(error)}"
    details = run.folder / TRACEBACK
    text = "".join(traceback.format_exception(error))
    try:
        replace_file(details, text.encode(errors="replace"))
    except OSError:
        return RunFailed(reason="error", message=message)
    return RunFailed(reason="error", message=f"{message}; the traceback is in {details}")
