"""Writes checkpoints in the background while training continues."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from core.checkpoints import io as checkpoints
from core.checkpoints.header import NO_SCORE, CheckpointInfo, score_of
from core.errors import explain, first_line
from core.events import CheckpointSaved, Event, Notice
from core.files import link_file
from core.runs.layout import BEST, EPOCH, LAST, SAVE_ORDER, epoch_file, kind_of
from core.runs.run_writer import RunWriter

if TYPE_CHECKING:
    from torch import Tensor

# How much memory the epochs' checkpoints may take while they wait for the disk.
WAITING_BYTES = 2**26
RETRY_SECONDS = 5.0  # until a write that failed is tried again
POLL_SECONDS = 0.02  # between two looks whether a write has ended


@dataclass(frozen=True)
class Job:
    """A file to write, not before a time of the clock `monotonic`."""

    name: str
    tensors: dict[str, Tensor]
    info: CheckpointInfo
    not_before: float = 0.0

    @property
    def kind(self) -> str:
        return kind_of(self.name)


class CheckpointWriter:
    """Writes a run's last, best and newest epochs' checkpoints on a thread of its own.

    The tensors are copied first, so that training continues at once. Where the disk is slower than
    training, the newest and the best are written and those between are skipped, except for as many
    epochs' as may wait.
    """

    def __init__(self, run: RunWriter, keep: int) -> None:
        self.best = NO_SCORE  # what the next best.safetensors must beat
        self.last: str | None = None  # the path of last.safetensors, once it has been written
        self.error: str | None = None  # why the newest last.safetensors could not be written
        self._run = run
        self._keep = keep  # how many epochs' checkpoints
        self._errors = dict[str, str]()  # by kind, those reported and not yet resolved
        self._thread = ThreadPoolExecutor(1, "checkpoint-writer")
        self._waiting: dict[str, Job] = {}  # by file name
        self._writing: tuple[Job, Future[str | None]] | None = None
        self._turn = 0  # the kind of SAVE_ORDER that is next, if one of it waits
        self._epoch = 0  # the newest
        self._in_last: CheckpointInfo | None = None  # what last.safetensors has, if it is ours

    def save(self, tensors: dict[str, Tensor], info: CheckpointInfo) -> None:
        """Queue last.safetensors; best.safetensors where no score was better; and, where the step
        was evaluated, its epoch's checkpoint.
        """
        copied = checkpoints.snapshot(tensors)
        if not self._waiting and not self._writing:
            self._turn = 0
        if score_of(info) > self.best:
            self.best = score_of(info)
            self._waiting[BEST] = Job(BEST, copied, info)
        if self._keep and info.test_loss is not None:
            self._epoch = info.epoch
            name = epoch_file(info.epoch)
            self._waiting[name] = Job(name, copied, info)
            self._skip_epochs(max(1, WAITING_BYTES // sum(each.nbytes for each in copied.values())))
        self._waiting[LAST] = Job(LAST, copied, info)
        self._write_next()

    def _skip_epochs(self, most: int) -> None:
        """Drop the oldest waiting epochs' checkpoints, except so many."""
        epochs = [job for job in self._waiting.values() if job.kind == "epoch"]
        epochs.sort(key=lambda job: job.info.step)
        for job in epochs[: -min(most, self._keep)]:
            del self._waiting[job.name]

    @property
    def poll_seconds(self) -> float | None:
        """The seconds until `poll` is due; None where nothing is to be written."""
        if self._writing:
            return POLL_SECONDS
        times = [job.not_before - monotonic() for job in self._ready()]
        return max(0.0, min(times)) if times else None

    def poll(self) -> list[Event]:
        """Return what was written since; a failure is reported once, and tried again later."""
        events: list[Event] = []
        self._write_next()
        while self._writing and self._writing[1].done():
            events += self._finish_job(retry=True)
            self._write_next()
        return events

    def finish(self) -> Iterator[Event]:
        """Wait until all is written, yielding each file; a failure is not tried again."""
        self._waiting = {name: replace(job, not_before=0.0) for name, job in self._waiting.items()}
        self._write_next()
        while self._writing:
            wait([self._writing[1]])
            yield from self._finish_job(retry=False)
            self._write_next()

    def _write_next(self) -> None:
        if self._writing:
            return
        due = [job for job in self._ready() if job.not_before <= monotonic()]
        if not due:
            return
        turns = SAVE_ORDER[self._turn :] + SAVE_ORDER[: self._turn]
        in_last = self._in_last
        # Of the epochs' first the one that is in last.safetensors and only needs a link.
        job = min(due, key=lambda j: (turns.index(j.kind), j.info is not in_last, j.info.step))
        del self._waiting[job.name]
        self._turn = (SAVE_ORDER.index(job.kind) + 1) % len(SAVE_ORDER)
        error, outdated = self._run.write_error, self._epoch - self._keep
        future = self._thread.submit(_write, self._run, job, error, job.info is in_last, outdated)
        self._writing = job, future

    def _ready(self) -> list[Job]:
        """Return the jobs that may be written now.

        An epoch's checkpoint waits for the last of the same step, to become a second name of it.
        """
        last = self._waiting.get(LAST)
        return [
            job
            for job in self._waiting.values()
            if job.kind != "epoch" or last is None or job.info is not last.info
        ]

    def _finish_job(self, *, retry: bool) -> list[Event]:
        """Return what to report of the job whose write has ended."""
        assert self._writing
        (job, future), self._writing = self._writing, None
        path, error = str(self._run.folder / job.name), future.result()
        if job.name == LAST:
            self.error = error
            self._in_last = None if error else job.info
            self.last = self.last if error else path
        if error is None:
            events: list[Event] = [CheckpointSaved(path=path, kind=job.kind, step=job.info.step)]
            if self._errors.pop(job.kind, None) and not self._errors:
                message = f"checkpoints can be saved in {self._run.folder} again"
                events.append(Notice(message=message))
            return events
        then = ""
        if retry:
            then = f"; training continues, next try in {RETRY_SECONDS:g} seconds"
            later = replace(job, not_before=monotonic() + RETRY_SECONDS)
            self._waiting.setdefault(job.name, later)
        is_new = error not in self._errors.values()
        self._errors[job.kind] = error
        return [Notice(message=f"{path} could not be saved ({error}){then}")] if is_new else []


def _write(
    run: RunWriter, job: Job, events_error: str | None, is_in_last: bool, outdated: int
) -> str | None:
    """Write a file; return why that failed, since a run must not end for it.

    No checkpoint may be ahead of the events, which could not be written again later:
    `events_error` is why events are missing on the disk. With an epoch's checkpoint those of epochs
    up to `outdated` are deleted.
    """
    try:
        if events_error:
            return events_error
        run.sync()
        path = run.folder / job.name
        if not (job.kind == "epoch" and is_in_last and _link_last(run, path)):
            checkpoints.save(path, job.tensors, job.info)
        if job.kind == "epoch":
            _delete_epochs(run, outdated)
    except OSError as error:
        return explain(error)
    except Exception as error:  # safetensors' own, or no memory: training continues
        return first_line(error)
    return None


def _link_last(run: RunWriter, path: Path) -> bool:
    """Give last.safetensors a second name, which is safe: no file is written in place.

    Return whether the file system can.
    """
    try:
        link_file(run.folder / LAST, path)
    except OSError:
        return False
    return True


def _delete_epochs(run: RunWriter, newest: int) -> None:
    """Delete the checkpoints of all epochs up to the newest of them."""
    for each in run.folder.iterdir():
        match = EPOCH.fullmatch(each.name)
        if match and int(match[1]) <= newest:
            with suppress(OSError):
                each.unlink()
