"""Writes checkpoints beside the training, which goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo, Score, score_of
from core.errors import explain, first_line
from core.events import CheckpointSaved, Event, Notice
from core.files import link_file
from core.runs.layout import BEST, EPOCH, LAST, SAVE_ORDER, epoch_file
from core.runs.run_writer import RunWriter

if TYPE_CHECKING:
    from torch import Tensor

# What epochs' checkpoints may take of the memory while they wait for the disk.
WAITING_BYTES = 2**26
# How soon saving is tried again where it has failed.
RETRY_SECONDS = 5.0
# How often whoever waits for the disk looks up.
LOOK_SECONDS = 0.02


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


class CheckpointWriter:
    """Keeps a run's last and best checkpoints, and those of its newest epochs. The tensors are
    copied first, so they may change at once, and nobody but a thread of its own waits for the disk.
    Where that is slower than the training, the newest and the best are written, and those between
    are not, but for as many epochs' as may wait.
    """

    def __init__(self, run: RunWriter, best: Score, keep: int = 0) -> None:
        """`best` is the score to be beaten; `keep` is how many epochs' checkpoints are kept."""
        self._run = run
        self._best = best
        self._keep = keep
        self.last: str | None = None  # the path of last.safetensors, once it has been written
        self.error: str | None = None  # why the newest one could not be
        self._told = dict[str, str]()  # by kind: why it could not be, where it has not been since
        self._thread = ThreadPoolExecutor(1, "saver")
        self._waiting: dict[str, Job] = {}  # by the file's name
        self._writing: tuple[Job, Future[str | None]] | None = None
        self._turn = 0  # of SAVE_ORDER: which kind is next, if it waits
        self._epoch = 0  # the newest
        self._in_last: CheckpointInfo | None = None  # what is in last.safetensors, if we wrote it

    def begin(self, tensors: dict[str, Tensor], info: CheckpointInfo) -> None:
        """As last.safetensors, and as best.safetensors where no score was better; with a score, as
        the checkpoint of its epoch too.
        """
        copied = checkpoints.snapshot(tensors)
        if not self._waiting and not self._writing:
            self._turn = 0
        if score_of(info) > self._best:
            self._best = score_of(info)
            self._waiting[BEST] = Job(BEST, copied, info)
        if self._keep and info.test_loss is not None:
            self._epoch = info.epoch
            name = epoch_file(info.epoch)
            self._waiting[name] = Job(name, copied, info)
            self._pass_over(max(1, WAITING_BYTES // sum(each.nbytes for each in copied.values())))
        self._waiting[LAST] = Job(LAST, copied, info)
        self._write_next()

    def _pass_over(self, most: int) -> None:
        """The oldest of the epochs' that wait, but for so many."""
        epochs = sorted(
            (job for job in self._waiting.values() if job.kind == "epoch"),
            key=lambda job: job.info.step,
        )
        for job in epochs[: -min(most, self._keep)]:
            del self._waiting[job.name]

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
        self._waiting = {name: replace(job, not_before=0.0) for name, job in self._waiting.items()}
        self._write_next()
        while self._writing:
            wait([self._writing[1]])
            yield from self._tell(again=False)
            self._write_next()

    def _write_next(self) -> None:
        if self._writing:
            return
        due = [job for job in self._ready() if job.not_before <= monotonic()]
        if not due:
            return
        turns = SAVE_ORDER[self._turn :] + SAVE_ORDER[: self._turn]
        # Of the epochs' that of the last, which costs nothing, and then the oldest.
        there = self._in_last
        job = min(due, key=lambda j: (turns.index(j.kind), j.info is not there, j.info.step))
        del self._waiting[job.name]
        self._turn = (SAVE_ORDER.index(job.kind) + 1) % len(SAVE_ORDER)
        if job.kind == "epoch":
            linked = job.info is there
            write = partial(_write_epoch, self._run, job, linked, self._epoch - self._keep)
        else:
            write = partial(checkpoints.save, self._run.folder / job.name, job.tensors, job.info)
        self._writing = job, self._thread.submit(_try, self._run, self._run.write_error, write)

    def _ready(self) -> list[Job]:
        """Those that wait for nothing but their time: an epoch's checkpoint waits for the last, if
        that is to be the same, since it is no more than another name for it then.
        """
        last = self._waiting.get(LAST)
        return [
            job
            for job in self._waiting.values()
            if job.kind != "epoch" or last is None or job.info is not last.info
        ]

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
            self._waiting.setdefault(job.name, later)
        if error not in self._told.values():
            yield Notice(message=f"{path} could not be saved ({error}){hope}")
        self._told[job.kind] = error


def _try(run: RunWriter, behind: str | None, write: Callable[[], None]) -> str | None:
    """Why it could not be written, if so; it is not raised, since a run must not end for it.

    A record that is behind its checkpoint could not be made good, so the record goes first.
    """
    try:
        if behind:
            return behind
        run.sync()
        write()
    except OSError as error:
        return explain(error)
    except Exception as error:
        return first_line(error)
    return None


def _write_epoch(run: RunWriter, job: Job, linked: bool, behind_us: int) -> None:
    """`linked` where last.safetensors holds the same; epochs up to `behind_us` are kept no more.
    Raises OSError.
    """
    path = run.folder / job.name
    try:
        if not linked:
            raise OSError("there is nothing to link to")
        # The last is replaced and never written over, so its file can have a second name.
        link_file(run.folder / LAST, path)
    except OSError:
        checkpoints.save(path, job.tensors, job.info)
    for each in run.folder.iterdir():
        match = EPOCH.fullmatch(each.name)
        if match and int(match[1]) <= behind_us:
            with suppress(OSError):
                each.unlink()
