"""Writes checkpoints beside the training, which goes on meanwhile."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from core import checkpoints
from core.checkpoints import CheckpointInfo
from core.errors import explain

LAST, BEST = "last" + checkpoints.SUFFIX, "best" + checkpoints.SUFFIX


@dataclass(frozen=True)
class Written:
    """One file that has been written; or why it could not be, and then the old one is there."""

    path: Path
    step: int
    error: str | None


class Saver:
    """Writes to one folder, one file after the other. The tensors are copied first, so they may
    change at once. No thread but its own waits for the disk, and that one computes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "saver")
        self._begun: list[Future[Written]] = []

    def begin(self, tensors: dict[str, Tensor], info: CheckpointInfo, *, best: bool) -> None:
        """As last.safetensors, and as best.safetensors too where it is the best."""
        copied = checkpoints.snapshot(tensors)
        for name in (LAST, BEST) if best else (LAST,):
            path = self._folder / name
            self._begun.append(self._thread.submit(_write, path, copied, info))

    @property
    def busy(self) -> bool:
        return bool(self._begun)

    def written(self, seconds: float | None = 0.0) -> Iterator[Written]:
        """What has been written since, in order, after at most so long for all (None: however
        long it takes)."""
        wait(self._begun, seconds)
        while self._begun and self._begun[0].done():
            yield self._begun.pop(0).result()


def _write(path: Path, tensors: dict[str, Tensor], info: CheckpointInfo) -> Written:
    try:
        checkpoints.save(path, tensors, info)
    except OSError as error:
        return Written(path, info.step, explain(error))
    return Written(path, info.step, None)
