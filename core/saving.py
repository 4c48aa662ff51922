"""Writes checkpoints beside the training, which goes on meanwhile."""

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from time import monotonic

from torch import Tensor

from core import checkpoints
from core.checkpoints import CheckpointInfo
from core.errors import explain, first_line
from core.events import CheckpointSaved, Event, Notice
from core.runs import Run

LAST, BEST = "last" + checkpoints.SUFFIX, "best" + checkpoints.SUFFIX
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


class Saver:
    """Keeps a run's last and best checkpoints. The tensors are copied first, so they may change at
    once, and nobody but a thread of its own waits for the disk. Where that is slower than the
    training, the newest and the best are written, and those between are not.
    """

    def __init__(self, run: Run, best: Score) -> None:
        """`best` is the score to be beaten."""
        self._run = run
        self._best = best
        self.last: str | None = None  # the path of last.safetensors, once it has been written
        self.error: str | None = None  # why the newest one could not be
        self._told: str | None = None
        self._thread = ThreadPoolExecutor(1, "saver")
        self._waiting: dict[str, Job] = {}
        self._writing: tuple[Job, Future[str | None]] | None = None
        self._previous = LAST

    def begin(self, tensors: dict[str, Tensor], info: CheckpointInfo) -> None:
        """As last.safetensors, and as best.safetensors where no score was better."""
        copied = checkpoints.snapshot(tensors)
        if score_of(info) > self._best:
            self._best = score_of(info)
            self._waiting[BEST] = Job(BEST, copied, info)
        self._waiting[LAST] = Job(LAST, copied, info)
        self._write_next()

    @property
    def seconds(self) -> float | None:
        """How long until `written` should be asked again; None where nothing is to be written."""
        if self._writing:
            return LOOK_SECONDS
        times = [job.not_before - monotonic() for job in self._waiting.values()]
        return max(0.0, min(times)) if times else None

    def written(self) -> Iterator[Event]:
        """What has been written since. What could not be is told once, and tried again soon."""
        self._write_next()
        while self._writing and self._writing[1].done():
            yield from self._tell(again=True)
            self._write_next()

    def finish(self) -> Iterator[Event]:
        """Writes all that waits, and tells of it; what fails now is not tried again."""
        self._waiting = {name: replace(job, not_before=0.0) for name, job in self._waiting.items()}
        self._write_next()
        while self._writing:
            wait([self._writing[1]])
            yield from self._tell(again=False)
            self._write_next()

    def _write_next(self) -> None:
        # The best first, so that no later last stands for a best that is lost; then in turns, so
        # that a disk which is too slow for both gets both.
        for name in (LAST, BEST) if self._previous == BEST else (BEST, LAST):
            job = self._waiting.get(name)
            if job and not self._writing and job.not_before <= monotonic():
                del self._waiting[name]
                self._previous = name
                writing = self._thread.submit(_write, self._run, job, self._run.behind)
                self._writing = job, writing

    def _tell(self, *, again: bool) -> Iterator[Event]:
        assert self._writing
        (job, future), self._writing = self._writing, None
        path, error = str(self._run.folder / job.name), future.result()
        if job.name == LAST:
            self.error = error
        if error is None:
            yield CheckpointSaved(path=path, kind=job.name.split(".")[0], step=job.info.step)
            if job.name == LAST:
                self.last = path
                if self._told:
                    yield Notice(message=f"checkpoints can be saved in {self._run.folder} again")
                self._told = None
            return
        hope = ""
        if again:
            hope = "; training goes on, and it will be tried again"
            later = replace(job, not_before=monotonic() + RETRY_SECONDS)
            self._waiting.setdefault(job.name, later)
        if error != self._told:
            yield Notice(message=f"{path} could not be saved ({error}){hope}")
            self._told = error


def _write(run: Run, job: Job, behind: str | None) -> str | None:
    """Why it could not be written, if so; it is not raised, since a run must not end for it.

    A record that is behind its checkpoint could not be made good, so the record goes first.
    """
    try:
        if behind:
            return behind
        run.sync()
        checkpoints.save(run.folder / job.name, job.tensors, job.info)
    except OSError as error:
        return explain(error)
    except Exception as error:
        return first_line(error)
    return None
