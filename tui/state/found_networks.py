"""Networks on disk that a drawing can be shown to. These read files: call them in a thread."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from core.checkpoints.header import CheckpointInfo, read_info
from core.class_names import DIGITS
from core.errors import CheckpointError
from core.runs.catalog import scan_runs
from core.runs.layout import EPOCH
from tui.state.drawing_answers import AskedNetwork, KeptEpoch


def find_network(path: str | None, folder: Path, without: Collection[str]) -> AskedNetwork | None:
    """Return the network of the checkpoint at `path`; without one, that of the newest run in the
    folder that has a readable checkpoint which is not among `without`. None where there is none."""
    if path:
        try:
            info = read_info(Path(path))
        except CheckpointError:  # the answer to the first question says why
            return AskedNetwork(path, Path(path).parent.name, str(Path(path).parent), 0, 0, DIGITS)
        return _describe(path, info)
    with suppress(CheckpointError):  # the folder cannot be read
        for run in scan_runs(folder):
            for file in run.checkpoints:
                if file.info and str(file.path) not in without:
                    return _describe(str(file.path), file.info)
    return None


def _describe(path: str, info: CheckpointInfo) -> AskedNetwork:
    folder = Path(path).parent
    return AskedNetwork(path, folder.name, str(folder), info.epoch, info.step, info.class_names)


def list_epochs(folder: str) -> list[KeptEpoch]:
    """Return the epoch checkpoints in a run's folder, the first epoch first."""
    try:
        names = os.listdir(folder)
    except OSError:  # it was deleted
        return []
    found = [(match, name) for name in names if (match := EPOCH.fullmatch(name))]
    return sorted(KeptEpoch(int(match[1]), os.path.join(folder, name)) for match, name in found)
