"""train(config, inbox): a whole run as events, from loading its data to its last checkpoint."""

import gc
import os
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TypeVar

import torch

from core.commands import ForwardedCommand, Inbox, ResumePoint, Stop
from core.config import TrainConfig
from core.data.datasets import Tensors
from core.data.record import record_content
from core.errors import DeviceError, UserError, explain, first_line
from core.events import Event, Notice, RunFailed
from core.files import replace_file
from core.runs import run_writer
from core.runs.data_folder import load_run_data
from core.runs.description import config_in, read_description
from core.runs.layout import DESCRIPTION, TRACEBACK
from core.runs.run_writer import RunWriter
from core.training.distributed import Ranks
from core.training.loop import TrainingLoop
from core.training.routes.stage import with_fastest_route
from core.training.setup import Setup, resolve_setup
from core.training.turns import Turn
from core.user import expand

T = TypeVar("T")


def train(
    config: TrainConfig,
    inbox: Inbox,
    resume_point: ResumePoint | None = None,
    ranks: Ranks | None = None,
    turn: Turn | None = None,
) -> Iterator[Event]:
    """Train a new run, or the rest of one that is resumed, and yield its events to the end.

    Commands from the inbox are handled between two steps. With `ranks` this process leads others.
    With `turn` the run shares this thread with others: it yields TurnOver, and is then continued.
    Nothing is raised for what a user can cause: the last event is RunFinished, Detached or
    RunFailed. Each event passes the same stages here: TrainingLoop yields it, the recorder writes
    it to events.jsonl and run.json, and only then does the host get it.
    """
    try:
        _freeze_modules()
        place = ranks.place if ranks else None
        setup = resolve_setup(config, resume_point, place, find_dataset=False)
        prepared = yield from _run_stage(_prepare(setup, turn), inbox)
        if prepared is None:
            yield RunFailed(reason="stopped", message="stopped before training began")
            return
        setup, tensors = prepared
        with _open_run(setup, turn) as run:
            loop = TrainingLoop(setup, tensors, run, inbox, ranks, turn)
            recorder, failure = Recorder(run), None
            if run.missing_locks:
                yield Notice(message=_explain_missing_locks(run))
            try:
                for event in loop.events():
                    yield from recorder.record(event)
            # Whatever fails, also where code of the user's exits, what was trained is saved.
            except (Exception, SystemExit) as error:
                failure = _run_failed(error, setup, run)
            if failure:
                for event in loop.end_with(failure):
                    yield from recorder.record(event)
    except UserError as error:  # before there was a run to record it in
        yield RunFailed(reason=error.reason, message=str(error))
    except MemoryError as error:
        what = f"this machine is out of memory ({first_line(error)})"
        yield RunFailed(reason="memory", message=f"{what}: close other programs or request more")
    except Exception as error:  # the same for a bug: a host must get a last event
        yield RunFailed(reason="error", message=f"{type(error).__name__}: {first_line(error)}")
    finally:
        if ranks:
            ranks.end()


@cache
def _freeze_modules() -> None:
    """Keep what is loaded by now out of garbage collection.

    Searching PyTorch's modules again and again would stop every thread for 0.2 s each time.
    """
    gc.freeze()


def _prepare(setup: Setup, turn: Turn | None) -> Generator[Event, None, tuple[Setup, Tensors]]:
    """Load the dataset, and measure the routes of a new run. Return the setup with both."""
    config, point = setup.config, setup.resume_point
    stored = config_in(read_description(point.folder)) if point else {}
    if turn:
        loading = turn.images.load(config.dataset, stored, config.data)
    else:
        loading = load_run_data(config.dataset, stored, config.data, exact=True)
    dataset, tensors = yield from loading
    setup = _with_absolute_data(setup.with_dataset(dataset, len(tensors.train_labels)))
    setup = replace(setup, content=record_content(dataset, tensors))
    if setup.chosen.may_measure:
        setup = yield from with_fastest_route(setup, tensors)
    return setup, tensors


def _run_stage(stage: Generator[Event, None, T], inbox: Inbox) -> Generator[Event, None, T | None]:
    """Yield the events of what comes before training, and return its result; None where a Stop
    came first."""
    while True:
        try:
            yield next(stage)
        except StopIteration as done:
            return done.value
        while not inbox.empty():
            match inbox.get():
                case Stop():
                    stage.close()
                    return None
                case other:
                    yield ForwardedCommand(command=other)


def _with_absolute_data(setup: Setup) -> Setup:
    """Let the run be resumed from any working directory."""
    if not setup.config.data:
        return setup
    data = os.path.abspath(expand(setup.config.data))
    return replace(setup, config=replace(setup.config, data=data))


def _open_run(setup: Setup, turn: Turn | None) -> RunWriter:
    if setup.resume_point:
        return run_writer.reopen(setup.resume_point.folder)
    device, routes = str(setup.device), str(setup.route)
    race = turn.race if turn else ""
    return run_writer.create(setup.config, setup.dataset, device, routes, setup.content, race)


def _explain_missing_locks(run: RunWriter) -> str:
    """Return the notice that only run.json shows that this run is in progress."""
    return (
        f"the file system of {run.folder.parent} has no locks that work ({run.missing_locks}): "
        f"that this run is in progress is noted in its {DESCRIPTION} alone"
    )


def _run_failed(error: BaseException, setup: Setup, run: RunWriter) -> RunFailed:
    """Return what to report of an error; a bug's traceback goes to a file in the run's folder."""
    smaller = f"try a --batch-size below {setup.config.batch_size}, or another --device"
    message, device = first_line(error), setup.device
    match error:
        case UserError():
            return RunFailed(reason=error.reason, message=str(error))
        case torch.OutOfMemoryError():
            return RunFailed(reason="memory", message=f"{device} is out of memory: {smaller}")
        # PyTorch has no exception of its own for the CPU's memory.
        case RuntimeError() if "allocate memory" in message:
            return RunFailed(reason="memory", message=f"this machine is out of memory: {smaller}")
        case RuntimeError() if device.type != "cpu":
            return RunFailed(reason=DeviceError.reason, message=f"{device} failed: {message}")
    message = f"{type(error).__name__}: {message}"
    with suppress(OSError):
        text = "".join(traceback.format_exception(error))
        replace_file(run.folder / TRACEBACK, text.encode(errors="replace"))
        message = f"{message}; the traceback is in {run.folder / TRACEBACK}"
    return RunFailed(reason="error", message=message)


class Recorder:
    """Writes a run's events to its folder, once the run has begun."""

    def __init__(self, run: RunWriter) -> None:
        self._run = run
        self._has_warned = False

    def record(self, event: Event) -> tuple[Event, ...]:
        """Write an event; return it, after a Notice where writing has failed for the first time."""
        if not self._run.has_begun:
            return (event,)
        try:
            self._run.record(event)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                why = f"the events of the run cannot be written to {self._run.folder}"
                return Notice(message=f"{why} ({explain(error)}); training continues"), event
        return (event,)
