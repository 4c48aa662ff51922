"""train(config, inbox): a whole run, from its data to its last checkpoint, told in events."""

import gc
import os
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cache, partial

import torch

from core.commands import ForwardedCommand, Inbox, ResumePoint, Stop
from core.compute.devices import choose_device, choose_precision
from core.config import TrainConfig
from core.data import datasets
from core.errors import CheckpointError, DeviceError, UsageError, UserError, explain, first_line
from core.events import Event, Notice, RunFailed
from core.files import expand, replace_file
from core.runs import run_writer
from core.runs.run_writer import RunWriter
from core.training.distributed import Ranks
from core.training.learner import Learner
from core.training.load_state import Position, restore
from core.training.loop import TrainingLoop
from core.training.ranks import check_shared


def train(
    config: TrainConfig,
    inbox: Inbox,
    resume_point: ResumePoint | None = None,
    ranks: Ranks | None = None,
) -> Iterator[Event]:
    """Trains as the config says and as the inbox is told, and gives events until it has ended: a
    new run, or the rest of one that is taken up; alone, or as the first of several ranks.

    Nothing is raised for what a person can cause: the last event is RunFinished or RunFailed.
    Events that belong to the run's record are in its events.jsonl before they are given.
    """
    try:
        _leave_modules_alone()
        device = ranks.device(config.device) if ranks else choose_device(config.device)
        precision = choose_precision(config.precision, config.arch, device)
        loaded = yield from _load(config, inbox)
        if loaded is None:
            yield RunFailed(reason="stopped", message="stopped before training began")
            return
        dataset, tensors = loaded
        if config.data:  # so that the run can be taken up from any folder
            config = replace(config, data=os.path.abspath(expand(config.data)))
        count = len(tensors.train_labels)
        if config.batch_size > count:
            raise UsageError(f"--batch-size {config.batch_size} is more than the {count:,} digits")
        if ranks:
            check_shared(config.batch_size, ranks.world)
        if resume_point is None:
            run = run_writer.create(config, dataset, str(device))
        else:
            run = run_writer.reopen(resume_point.folder)
        with run:
            prepare = partial(
                _prepared,
                config,
                precision,
                dataset,
                tensors,
                device,
                run,
                inbox,
                resume_point,
                ranks,
            )
            yield from _recorded(run, _explained(device, config.batch_size, run, prepare))
    except UserError as error:
        yield RunFailed(reason=error.reason, message=str(error))
    except Exception as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        yield RunFailed(reason="error", message=what)
    finally:
        if ranks:
            ranks.end()


@cache
def _leave_modules_alone() -> None:
    """What is loaded by now stays, PyTorch's modules above all: to look through it for garbage
    again and again would hold every thread up for 0.2 seconds each time."""
    gc.freeze()


def _load(
    config: TrainConfig, inbox: Inbox
) -> Generator[Event, None, tuple[str, datasets.Tensors] | None]:
    """The dataset; None where a person stopped it before it was there."""
    loading = datasets.load_dataset(config.dataset, config.data)
    while True:
        try:
            yield next(loading)
        except StopIteration as done:
            return done.value
        while not inbox.empty():
            match inbox.get():
                case Stop():
                    return None
                case other:
                    yield ForwardedCommand(command=other)


def _prepared(
    config: TrainConfig,
    precision: str,
    dataset: str,
    tensors: datasets.Tensors,
    device: torch.device,
    run: RunWriter,
    inbox: Inbox,
    resume_point: ResumePoint | None,
    ranks: Ranks | None,
) -> TrainingLoop:
    """The run, ready to begin. One that is taken up stays as it was until all is here."""
    learner = Learner(config, precision, tensors, device, ranks)
    position = Position()
    if resume_point is not None:
        try:
            position = restore(run, learner, resume_point.checkpoint)
            if position.learning_rate is not None:
                config = replace(config, learning_rate=position.learning_rate)
            run.begin(config, dataset, str(device))
        except OSError as error:
            raise CheckpointError(f"{run.folder} cannot be written ({explain(error)})") from None
    if ranks:
        ranks.lead(config, tensors, learner, position.info.step if position.info else 0)
    return TrainingLoop(config, dataset, tensors, learner, run, inbox, position)


def _recorded(run: RunWriter, events: Iterator[Event]) -> Iterator[Event]:
    """The events, each recorded once the run has begun."""
    told = False
    for event in events:
        try:
            if run.has_begun:
                run.record(event)
        except OSError as error:
            if not told:
                why = f"the run's record in {run.folder} cannot be written ({explain(error)})"
                yield Notice(message=f"{why}; training goes on")
            told = True
        yield event


def _explained(
    device: torch.device, batch_size: int, run: RunWriter, prepare: Callable[[], TrainingLoop]
) -> Iterator[Event]:
    """The run's events; its errors as the last of them."""
    session: TrainingLoop | None = None
    smaller = f"try a --batch-size below {batch_size}, or another --device"
    try:
        session = prepare()
        yield from session.events()
    except UserError as error:
        failed = RunFailed(reason=error.reason, message=str(error))
    except torch.OutOfMemoryError:
        failed = RunFailed(reason="memory", message=f"{device} is out of memory: {smaller}")
    except RuntimeError as error:
        what = first_line(error)
        if "allocate memory" in what:  # what PyTorch says of the CPU's memory
            what = f"this machine is out of memory: {smaller}"
            failed = RunFailed(reason="memory", message=what)
        elif device.type == "cpu":
            failed = _unforeseen(run, error)
        else:
            failed = RunFailed(reason=DeviceError.reason, message=f"{device} failed: {what}")
    except Exception as error:
        failed = _unforeseen(run, error)
    else:
        return
    if session is not None:
        yield from session.saver.finish()  # a checkpoint may be on its way to the disk
        if last := session.saver.last:
            message = f"{failed.message}; the last checkpoint is {last}"
            failed = replace(failed, message=message, checkpoint=last)
    yield failed


def _unforeseen(run: RunWriter, error: Exception) -> RunFailed:
    """A fault of this program's own: one line here, and all of it in the run's folder."""
    what = f"{type(error).__name__}: {first_line(error)}"
    details = run.folder / "traceback.txt"
    try:
        replace_file(details, "".join(traceback.format_exception(error)).encode(errors="replace"))
    except OSError:
        return RunFailed(reason="error", message=what)
    return RunFailed(reason="error", message=f"{what}; the details are in {details}")
