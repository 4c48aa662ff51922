"""The rows of the checkpoint browser: runs, and below each of them its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.checkpoints.header import CheckpointInfo
from core.runs.catalog import CheckpointFile, RunInfo
from tui.analysis.changed_settings import setting_text
from tui.text.formats import printable

LIVE_SIGNS = {"running": "●", "paused": "‖"}
STAR, UNKNOWN = "★", "–"


@dataclass(frozen=True, slots=True)
class Entry:
    """A run, or where `file` is given one of its checkpoints."""

    key: str
    run: RunInfo
    file: CheckpointFile | None
    name: str  # the run's, printable
    search_text: str
    search_below: tuple[str, ...] = ()  # of a run: what is found in each of its checkpoints

    @property
    def info(self) -> CheckpointInfo | None:
        """What the file's header says; None of a run, and of a broken file."""
        return self.file.info if self.file else None

    @property
    def best(self) -> CheckpointFile | None:
        """The file, or else the run's checkpoint with the highest test accuracy, the newest one if
        none was evaluated; a broken one where the run has no other."""
        best = None if self.file else self.run.best
        if best is None:
            return self.newest
        return next(each for each in self.run.checkpoints if each.info is best)

    @property
    def newest(self) -> CheckpointFile | None:
        """The file, or else the newest checkpoint of the run; a broken one if it has no other."""
        files = self.run.checkpoints  # the broken ones are last
        return self.file or (files[0] if files else None)

    @property
    def device(self) -> str:
        device = self.run.description.get("device")
        return device if isinstance(device, str) else UNKNOWN

    @property
    def epochs(self) -> int | None:
        epochs = self.run.config.get("epochs")
        return epochs if isinstance(epochs, int) else None

    def setting(self, name: str) -> str:
        """Return a setting of the run as text."""
        info = self.info or self.run.best
        known = getattr(info, name, None) or (info.config.get(name) if info else None)
        value = known or (self.run.arch if name == "arch" else self.run.config.get(name))
        return UNKNOWN if value is None else setting_text(value)


def run_entry(run: RunInfo) -> Entry:
    """Return the row of a run."""
    name = printable(run.name)
    entry = Entry(str(run.folder), run, None, name, "")
    words = (name, run.note, run.status, *map(entry.setting, ("arch", "dataset")), entry.device)
    below = tuple(map(_words, run.checkpoints))
    return replace(entry, search_text=" ".join(words).casefold(), search_below=below)


def checkpoint_entries(entry: Entry, words: Sequence[str] = ()) -> list[Entry]:
    """Return the rows below a run that match all words, one a checkpoint: the newest epoch first,
    broken ones last. At each key of the filter this is called for all runs."""
    run, text = entry.run, entry.search_text
    missing = [word for word in words if word not in text]
    return [
        Entry(str(file.path), run, file, entry.name, f"{text} {own}")
        for file, own in zip(run.checkpoints, entry.search_below, strict=True)
        if all(word in own for word in missing)
    ]


def _words(file: CheckpointFile) -> str:
    return f"{file.kind} {file.path.stem} {'broken' if file.error else ''}".casefold()


def kind_text(file: CheckpointFile) -> str:
    """Return a checkpoint's name: last, best, epoch 3, or that of its file."""
    if file.kind == "epoch" and file.info:
        return f"epoch {file.info.epoch}"
    return printable(file.path.stem) if file.kind in ("file", "epoch") else file.kind
