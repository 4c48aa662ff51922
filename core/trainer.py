"""train(config, inbox): a whole run, from its data to its last checkpoint, told in events."""

import traceback
from collections.abc import Generator, Iterator

import torch

from core import datasets, runs
from core.commands import Inbox, Stop
from core.config import TrainConfig
from core.devices import choose_device
from core.errors import DeviceError, UsageError, UserError, explain, first_line
from core.events import Event, Notice, RunFailed
from core.session import Asked, Session


def train(config: TrainConfig, inbox: Inbox) -> Iterator[Event]:
    """Trains as the config says and as the inbox is told, and gives events until it has ended.

    Nothing is raised for what a person can cause: the last event is RunFinished or RunFailed.
    Events that belong to the run's record are in its events.jsonl before they are given.
    """
    try:
        loaded = yield from _load(config, inbox)
        if loaded is None:
            yield RunFailed(reason="stopped", message="stopped before training began")
            return
        dataset, tensors = loaded
        count = len(tensors.train_labels)
        if config.batch_size > count:
            raise UsageError(f"--batch-size {config.batch_size} is more than the {count:,} digits")
        device = choose_device(config.device)
        with runs.create(config, dataset, str(device)) as run:
            yield from _recorded(run, Session(config, dataset, tensors, device, run, inbox))
    except UserError as error:
        yield RunFailed(reason=error.reason, message=str(error))
    except Exception as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        yield RunFailed(reason="error", message=what)


def _load(
    config: TrainConfig, inbox: Inbox
) -> Generator[Event, None, tuple[str, datasets.Tensors] | None]:
    """The dataset; None where a person stopped it before it was there."""
    loading = datasets.load(config.dataset, config.data)
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
                    yield Asked(command=other)


def _recorded(run: runs.Run, session: Session) -> Iterator[Event]:
    """The session's events, each recorded; its errors as the last of them."""
    told = False
    for event in _explained(session):
        try:
            run.record(event)
        except OSError as error:
            if not told:
                why = f"{run.folder / 'events.jsonl'} cannot be written ({explain(error)})"
                yield Notice(message=f"{why}; training goes on")
            told = True
        yield event


def _explained(session: Session) -> Iterator[Event]:
    try:
        yield from session.events()
    except UserError as error:
        yield _failed(session, error.reason, str(error))
    except torch.OutOfMemoryError:
        yield _failed(session, "memory", f"{session.device} is out of memory: {_smaller(session)}")
    except RuntimeError as error:
        what = first_line(error)
        if "allocate memory" in what:  # what PyTorch says of the CPU's memory
            yield _failed(session, "memory", f"this machine is out of memory: {_smaller(session)}")
        elif session.device.type == "cpu":
            yield _unforeseen(session, error)
        else:
            yield _failed(session, DeviceError.reason, f"{session.device} failed: {what}")
    except Exception as error:
        yield _unforeseen(session, error)


def _smaller(session: Session) -> str:
    return f"try a --batch-size below {session.config.batch_size}, or another --device"


def _unforeseen(session: Session, error: Exception) -> RunFailed:
    """A fault of this program's own: one line here, and all of it in the run's folder."""
    what = f"{type(error).__name__}: {first_line(error)}"
    details = session.run.folder / "traceback.txt"
    try:
        details.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return _failed(session, "error", what)
    return _failed(session, "error", f"{what}; the details are in {details}")


def _failed(session: Session, reason: str, message: str) -> RunFailed:
    saved = f"; the last checkpoint is {session.saved}" if session.saved else ""
    return RunFailed(reason=reason, message=message + saved, checkpoint=session.saved)
