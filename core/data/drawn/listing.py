"""List the drawings that are kept: those of every label in the order of keeping.

Links are not followed. What is no drawing is left out, counted and named in one line. The pixels of
files that have not changed are read once by a process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.class_names import DIGITS
from core.data.drawn.images import SUFFIX, read_drawing
from core.data.drawn.labels import LABEL_FILE, LARGEST_FILE, is_cut, read_label, read_name
from core.data.drawn.store import KeptDrawing, drawings_folder, number_of
from core.data.images import natural_key
from core.errors import DataError, explain, printable
from core.files import open_no_follow

MOST_FILES = 20_000
# For how long a listing counts: a dataset is looked up many times, also for each frame.
RECENT_SECONDS = 2.0
FOREIGN, A_LINK, A_FOLDER = "is not a drawing", "is a link", "is a folder"


@dataclass(frozen=True)
class Drawings:
    """The drawings of a folder, by label and then in the order of keeping. `left_out` has the path
    of each file that is no drawing below the folder, with the reason."""

    root: Path
    drawings: tuple[KeptDrawing, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The ten digits where all labels are digits, else the labels that there are."""
        labels = {each.label for each in self.drawings}
        if labels.issubset(DIGITS):
            return DIGITS
        return tuple(sorted(labels, key=lambda each: (each not in DIGITS, natural_key(each), each)))

    @property
    def report(self) -> str:
        """What is left out, in one line; "" where nothing is."""
        if not self.left_out:
            return ""
        path, why = self.left_out[0]
        count = len(self.left_out)
        files = (
            "1 file that is no drawing" if count == 1 else f"{count:,} files that are no drawings"
        )
        example = f"{printable(path)} {why}"
        start = "" if count == 1 else "such as "
        return f"left out {files} in {printable(str(self.root))} ({start}{example})"


@dataclass(frozen=True)
class _Entry:
    """A file of a folder with a label, and the size and times of change that it had."""

    path: str
    label: str
    status: tuple[int, ...]


# The pixels of the files that were listed last, or the reason why there are none.
_read: dict[tuple[Path, _Entry], bytes | str] = {}
_recent: tuple[float, Drawings] | None = None


def list_drawings() -> Drawings:
    """Return the drawings that are kept now; none where there is no folder. Raises DataError."""
    global _read, _recent
    root = drawings_folder()
    left_out: list[tuple[str, str]] = []
    entries = list(_scan(root, left_out))
    known, _read = _read, {}
    drawings = []
    for entry in entries:
        found = known.get((root, entry)) or _read_pixels(root / entry.path)
        _read[root, entry] = found
        if isinstance(found, str):
            left_out.append((entry.path, found))
        else:
            number = number_of(os.path.basename(entry.path))
            drawings.append(KeptDrawing(entry.path, entry.label, number, found))
    drawings.sort(key=lambda each: (each.label, each.number, natural_key(each.path)))
    listed = Drawings(root, tuple(drawings), tuple(sorted(left_out)))
    _recent = time.monotonic() + RECENT_SECONDS, listed
    return listed


def list_recent_drawings() -> Drawings:
    """Return the drawings as they were listed at most RECENT_SECONDS ago. Raises DataError."""
    if recent := _recent:
        until, listed = recent
        if time.monotonic() < until and listed.root == drawings_folder():
            return listed
    return list_drawings()


def _read_pixels(path: Path) -> bytes | str:
    try:
        return read_drawing(path)
    except DataError as error:
        return str(error)


def _scan(root: Path, left_out: list[tuple[str, str]]) -> Iterator[_Entry]:
    """Yield the files that may be drawings, without opening them. Raises DataError."""
    seen = 0
    for folder in _list(root):
        if folder.is_symlink() or not folder.is_dir(follow_symlinks=False):
            left_out.append((folder.name, A_LINK if folder.is_symlink() else FOREIGN))
            continue
        label = _find_label(Path(folder.path))
        for file in _list(Path(folder.path)):
            seen += 1
            if seen > MOST_FILES:
                where = printable(str(root))
                raise DataError(f"{where} has more than {MOST_FILES:,} files, the limit")
            path = f"{folder.name}/{file.name}"
            if file.is_symlink():
                left_out.append((path, A_LINK))
            elif file.is_dir(follow_symlinks=False):
                left_out.append((path, A_FOLDER))
            elif label is None or not file.name.casefold().endswith(SUFFIX):
                left_out.append((path, FOREIGN))
            elif status := _status(file):
                yield _Entry(path, label, status)


def _list(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder and not hidden; nothing where it does not exist, or has just been
    deleted. Raises DataError."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    found.append(entry)
                if len(found) > MOST_FILES:
                    break
    except FileNotFoundError:
        return []
    except OSError as error:
        where = printable(str(folder))
        # The reason first: a line of the screen has no room for a long path.
        raise DataError(f"the drawings cannot be read ({explain(error)}): {where}") from None
    return found


def _status(file: os.DirEntry[str]) -> tuple[int, ...] | None:
    """Return the size and times of change of a file, None where it has just been deleted."""
    try:
        found = file.stat(follow_symlinks=False)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _find_label(folder: Path) -> str | None:
    if not is_cut(folder.name):
        return read_name(folder.name)
    try:
        with open(folder / LABEL_FILE, "rb", opener=open_no_follow) as file:
            return read_label(folder.name, file.read(LARGEST_FILE))
    except OSError:
        return None
