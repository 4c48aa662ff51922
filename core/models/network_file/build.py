"""Run the Python file that the user named, and build the network that it has."""

from __future__ import annotations

import builtins
import inspect
import linecache
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any

import torch
from torch import nn

from core.errors import UsageError, UserError, first_line, printable
from core.models.build_network import BatchNorm1d, BatchNorm2d
from core.models.network_file.named import NetworkFile, compile_source
from core.models.network_layers import INPUT

LONGEST_MESSAGE = 300
# The replacements train on a batch of one image too.
REPLACED: dict[type, type] = {nn.BatchNorm1d: BatchNorm1d, nn.BatchNorm2d: BatchNorm2d}


@contextmanager
def explained(file: NetworkFile, doing: str = "") -> Iterator[None]:
    """Raise UsageError in one line, with the line of the file, for what the code raises. What it
    writes to sys.stdout goes to stderr."""
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stdout(sys.stderr):
            yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # such as SystemExit
        raise UsageError(_explain(file, doing, error)) from None


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the process at once: code of the user's may never return, and
    there is nothing to save yet."""
    if current_thread() is not main_thread():  # only the main thread may change handlers
        yield
        return
    interrupted = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupted)
        signal.signal(signal.SIGTERM, ended)


def _explain(file: NetworkFile, doing: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [each.lineno for each in frames if each.filename == str(file.path)]
    where = f", line {lines[-1]}" if lines else ""
    message = "it exits" if isinstance(error, SystemExit) else first_line(error)
    what = f"{type(error).__name__}: {message}"[:LONGEST_MESSAGE]
    if isinstance(error, ModuleNotFoundError):
        what += " (a network must be in one file: modules in its folder are not imported)"
    return printable(f"{file.path.name}{where}: {doing}{what}")


@lru_cache(maxsize=1)
def run_file(file: NetworkFile) -> Any:
    """Run the file and return the class or function that was named. Raises UsageError."""
    name = f"network_file_{file.short_digest}"
    module = ModuleType(name)
    module.__file__ = path = str(file.path)
    # stdout is for data, and `print` is often left in such a file.
    vars(module)["print"] = _print
    # So that errors and exporters show the lines that were run.
    lines = file.source.splitlines(keepends=True)
    linecache.cache[path] = (len(file.source), None, lines, path)
    sys.modules[name] = module  # where dataclasses look for their types
    code: Any = compile_source(file)
    with explained(file):
        exec(code, vars(module))
    found = vars(module).get(file.name)
    if file.name not in vars(module):
        raise UsageError(f"{printable(file.path.name)} has no {file.name}{_list_names(module)}")
    if isinstance(found, nn.Module):
        raise UsageError(
            f"{file.label} is a module itself: name a class or a function that returns a new one"
        )
    if not callable(found):
        raise UsageError(f"{file.label} is not a class or function, but {type(found).__name__}")
    return found


def _print(*values: object, **options: Any) -> None:
    options.setdefault("file", sys.stderr)
    builtins.print(*values, **options)


def _list_names(module: ModuleType) -> str:
    """Return the classes and functions of a file, in words that continue that it has no other."""
    own = [
        name
        for name, each in vars(module).items()
        if callable(each) and getattr(each, "__module__", None) == module.__name__
    ]
    return f"; it has {', '.join(own)}" if own else ""


def build_module(file: NetworkFile, classes: int) -> nn.Module:
    """Return a new module with weights drawn from PyTorch's global random numbers.

    Parameters are made contiguous, and layers that take their sizes from their input get them.
    Raises UsageError.
    """
    target = run_file(file)
    what = f"{file.name}()"
    with explained(file, f"{what} raises "):
        model = target(classes=classes) if _takes_classes(target) else target()
    if not isinstance(model, nn.Module):
        kind = printable(type(model).__name__)
        raise UsageError(f"{file.label} returns {kind}, not a torch.nn.Module")
    if any(map(nn.parameter.is_lazy, (*model.parameters(), *model.buffers()))):
        with explained(file, f"{what} raises "), torch.no_grad():
            model.eval()(torch.zeros(2, *INPUT))
    for module in model.modules():
        if replacement := REPLACED.get(type(module)):
            module.__class__ = replacement
    for parameter in model.parameters():
        if not parameter.is_contiguous():
            parameter.data = parameter.data.contiguous()
    return model.train()


def _takes_classes(target: Any) -> bool:
    try:
        return "classes" in inspect.signature(target).parameters
    except (TypeError, ValueError):
        return False
