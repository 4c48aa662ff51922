"""Writes checkpoints beside the training, which goes on meanwhile."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from core import checkpoints
from core.checkpoints import CheckpointInfo
from core.errors import explain, first_line
from core.events import CheckpointSaved, Event, Notice
from core.files import link_file
from core.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

LAST, BEST = "last" + checkpoints.SUFFIX, "best" + checkpoints.SUFFIX
EPOCH = re.compile(r"epoch-(\d+)" + re.escape(checkpoints.SUFFIX))
# Which file is written after one of each kind, if it waits. At an epoch's end the best is first and
# its checkpoint second, so that no later last stands for one that is lost; then in turns, so that a
# disk that is too slow for all of them gets some of each.
TURNS = {
    "last": ("best", "epoch", "last"),
    "best": ("epoch", "last", "best"),
    "epoch": ("last", "best", "epoch"),
}
# How soon saving is tried again where it has failed.
RETRY_SECONDS = 5.0
# How often whoever waits for the disk looks up.
LOOK_SECONDS = 0.02

Score = tuple[float, float]  # accuracy, and the loss below 0: the larger, the better
NO_SCORE: Score = (-1.0, -math.inf)


def score_of(info: CheckpointInfo) -> Score:
    if info.test_accuracy is None or info.test_loss is None:
        return NO_SCORE
    return info.test_accuracy, -info.test_loss


@dataclass(frozen=True)
class Job:
    """A file to be written, and when at the earliest, by the clock `monotonic`."""

    name: str
    tensors: dict[str, Tensor]
    info: CheckpointInfo
    not_before: float = 0.0

    @property
    def kind(self) -> str:
        return self.name.split(".")[0].split("-")[0]


class Saver:
    """Keeps a run's last and best checkpoints, and those of its newest epochs. The tensors are
    copied first, so they may change at once, and nobody but a thread of its own waits for the disk.
    Where that is slower than the training, the newest and the best are written, and those between
    are not.
    """

    def __init__(self, run: Run, best: Score, keep: int = 0) -> None:
        """`best` is the score to be beaten; `keep` is how many epochs' checkpoints are kept."""
        self._run = run
        self._best = best
        self._keep = keep
        self.last: str | None = None  # the path of last.safetensors, once it has been written
        self.error: str | None = None  # why the newest one could not be
        self._told = dict[str, str]()  # by kind: why it could not be, where it has not been since
        self._thread = ThreadPoolExecutor(1, "saver")
        self._waiting: dict[str, Job] = {}
        self._writing: tuple[Job, Future[str | None]] | None = None
        self._previous = "last"  # the kind that was written before
        self._in_last: CheckpointInfo | None = None  # what is in last.safetensors, if we wrote it

    def begin(self, tensors: dict[str, Tensor], info: CheckpointInfo) -> None:
        """As last.safetensors, and as best.safetensors where no score was better; with a score, as
        the checkpoint of its epoch too.
        """
        copied = checkpoints.snapshot(tensors)
        if not self._waiting and not self._writing:
            self._previous = "last"  # so that the best goes first
        if score_of(info) > self._best:
            self._best = score_of(info)
            self._waiting["best"] = Job(BEST, copied, info)
        if self._keep and info.test_loss is not None:
            name = f"epoch-{info.epoch:03}{checkpoints.SUFFIX}"
            self._waiting["epoch"] = Job(name, copied, info)
        self._waiting["last"] = Job(LAST, copied, info)
        self._write_next()

    @property
    def seconds(self) -> float | None:
        """How long until `written` should be asked again; None where nothing is to be written."""
        if self._writing:
            return LOOK_SECONDS
        times = [job.not_before - monotonic() for job in self._ready()]
        return max(0.0, min(times)) if times else None

    def written(self) -> Iterator[Event]:
        """What has been written since. What could not be is told once, and tried again soon."""
        self._write_next()
        while self._writing and self._writing[1].done():
            yield from self._tell(again=True)
            self._write_next()

    def finish(self) -> Iterator[Event]:
        """Writes all that waits, and tells of it; what fails now is not tried again."""
        self._waiting = {kind: replace(job, not_before=0.0) for kind, job in self._waiting.items()}
        self._write_next()
        while self._writing:
            wait([self._writing[1]])
            yield from self._tell(again=False)
            self._write_next()

    def _write_next(self) -> None:
        if self._writing:
            return
        due = {job.kind: job for job in self._ready() if job.not_before <= monotonic()}
        for kind in TURNS[self._previous]:
            if job := due.get(kind):
                del self._waiting[kind]
                self._previous = kind
                keep, linked = self._keep, kind == "epoch" and job.info is self._in_last
                write = partial(_write, self._run, job, self._run.behind, keep, linked)
                self._writing = job, self._thread.submit(write)
                return

    def _ready(self) -> list[Job]:
        """Those that wait for nothing but their time: an epoch's checkpoint waits for the last, if
        that is to be the same, since it is no more than another name for it then.
        """
        epoch, last = self._waiting.get("epoch"), self._waiting.get("last")
        same = epoch and last and epoch.info is last.info
        return [job for job in self._waiting.values() if not (same and job is epoch)]

    def _tell(self, *, again: bool) -> Iterator[Event]:
        assert self._writing
        (job, future), self._writing = self._writing, None
        path, error = str(self._run.folder / job.name), future.result()
        if job.name == LAST:
            self.error = error
            self._in_last = None if error else job.info
        if error is None:
            yield CheckpointSaved(path=path, kind=job.kind, step=job.info.step)
            if job.name == LAST:
                self.last = path
            if self._told.pop(job.kind, None) and not self._told:
                yield Notice(message=f"checkpoints can be saved in {self._run.folder} again")
            return
        hope = ""
        if again:
            hope = "; training goes on, and it will be tried again"
            later = replace(job, not_before=monotonic() + RETRY_SECONDS)
            self._waiting.setdefault(job.kind, later)
        if error not in self._told.values():
            yield Notice(message=f"{path} could not be saved ({error}){hope}")
        self._told[job.kind] = error


def _write(run: Run, job: Job, behind: str | None, keep: int, linked: bool) -> str | None:
    """Why it could not be written, if so; it is not raised, since a run must not end for it.

    A record that is behind its checkpoint could not be made good, so the record goes first.
    """
    try:
        if behind:
            return behind
        run.sync()
        _put(run.folder / job.name, job, linked)
        if job.kind == "epoch":
            _remove_older(run.folder, job.info.epoch, keep)
    except OSError as error:
        return explain(error)
    except Exception as error:
        return first_line(error)
    return None


def _put(path: Path, job: Job, linked: bool) -> None:
    """`linked` where last.safetensors holds the same. Raises OSError."""
    if linked:
        # The last is replaced and never written over, so its file can have a second name.
        with suppress(OSError):
            link_file(path.with_name(LAST), path)
            return
    checkpoints.save(path, job.tensors, job.info)


def _remove_older(folder: Path, epoch: int, keep: int) -> None:
    """Leaves the newest `keep` epochs' checkpoints up to this one. Later ones, which a run that was
    taken back has, stay until it comes to them again.
    """
    with suppress(OSError):
        matches = [(EPOCH.fullmatch(path.name), path) for path in folder.iterdir()]
        found = {int(match[1]): path for match, path in matches if match}
        for each in sorted(number for number in found if number <= epoch)[:-keep]:
            found[each].unlink()
