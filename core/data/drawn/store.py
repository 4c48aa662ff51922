"""Keep drawings in the user's data folder, and delete and restore them.

A drawing is a file of its own, `drawn/7/000012.png`: the folder names its label, and the numbers
rise in the order of keeping. A file is written under another name first and is never replaced, so
that several programs can keep drawings at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import get_native_id

from core.class_names import LONGEST_NAME
from core.data.drawn.images import PIXELS, SUFFIX, encode_drawing
from core.data.drawn.labels import LABEL_FILE, encode_label, folder_name, is_cut
from core.errors import DataError, explain, printable
from core.files import PARTIAL
from core.user import data_folder

FOLDER = "drawn"
NUMBER_DIGITS = 6
# Numbers of files that a person has named: those that count, and those after which one is kept.
MOST_NUMBER_DIGITS, HIGHEST = 15, 10**12
TRIES = 5


@dataclass(frozen=True)
class KeptDrawing:
    """A drawing that is kept: its file below the folder of drawings, its label, the number in the
    order of keeping (0 where the name has none), and 784 bytes, 0 background and 255 ink."""

    path: str
    label: str
    number: int
    pixels: bytes


def drawings_folder() -> Path:
    """Return the folder of drawings, which need not exist."""
    return data_folder(FOLDER) / FOLDER


def keep_drawing(pixels: bytes, label: str) -> KeptDrawing:
    """Keep a drawing, 784 bytes, and return it with its place. Raises DataError."""
    if len(pixels) != PIXELS or not any(pixels):
        raise DataError("there is no ink to keep")
    if not 0 < len(label) <= LONGEST_NAME:
        raise DataError(f"a label must have 1 to {LONGEST_NAME} characters")
    root = drawings_folder()
    try:
        return _write(root, pixels, label, 1 + _highest_number(root))
    except OSError as error:
        raise DataError(_describe(root, "the drawing cannot be kept", error)) from None


def delete_drawing(drawing: KeptDrawing) -> None:
    """Delete the file of a drawing; `restore_drawing` brings it back. Raises DataError."""
    root = drawings_folder()
    path = root / drawing.path
    try:
        if path.parent.is_symlink():  # its files are not of this folder
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # other drawings, or a long label
            path.parent.rmdir()
    except OSError as error:
        raise DataError(_describe(root, f"{drawing.path} cannot be deleted", error)) from None


def restore_drawing(drawing: KeptDrawing) -> KeptDrawing:
    """Keep a deleted drawing again, in its old place if that is still free. Raises DataError."""
    root = drawings_folder()
    try:
        return _write(root, drawing.pixels, drawing.label, drawing.number or 1)
    except OSError as error:
        what = f"{drawing.path} cannot be restored"
        raise DataError(_describe(root, what, error)) from None


def number_of(name: str) -> int:
    """Return the number in the name of a drawing's file, 0 where it has none."""
    stem = name.removesuffix(SUFFIX)
    is_number = stem.isascii() and stem.isdigit() and len(stem) <= MOST_NUMBER_DIGITS
    return int(stem) if is_number else 0


def _describe(root: Path, what: str, error: OSError) -> str:
    return f"{printable(what)} in {printable(str(root))} ({explain(error)})"


def _highest_number(root: Path) -> int:
    """Return the highest number of a drawing, 0 without one. Raises OSError."""
    highest = 0
    with suppress(FileNotFoundError), os.scandir(root) as folders:
        for folder in folders:
            if folder.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    numbers = map(number_of, os.listdir(folder.path))
                    highest = max(highest, *(each for each in numbers if each < HIGHEST), 0)
    return highest


def _write(root: Path, pixels: bytes, label: str, first: int) -> KeptDrawing:
    """Write a drawing under the first free number. Raises OSError."""
    content = encode_drawing(pixels)
    for tries in count(1):
        folder = _make_folder(root, label)
        try:
            number = _write_new(folder, content, first)
        except FileNotFoundError:  # its last drawing was deleted just now, by another program
            if tries == TRIES:
                raise
            continue
        return KeptDrawing(f"{folder.name}/{_file_name(number)}", label, number, pixels)
    raise AssertionError


def _make_folder(root: Path, label: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    name = folder_name(label)
    if os.path.lexists(root / name) and name not in os.listdir(root):
        name = folder_name(label, escaped=True)  # there is "a", and the label is "A"
    folder = root / name
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise OSError(0, f"{name} is a link, and links are not followed here")
    if is_cut(name) and not (folder / LABEL_FILE).exists():
        _publish(folder, encode_label(label), iter([LABEL_FILE]))
    return folder


def _write_new(folder: Path, content: bytes, first: int) -> int:
    numbers = count(first)
    name = _publish(folder, content, map(_file_name, numbers))
    return number_of(name)


def _file_name(number: int) -> str:
    return f"{number:0{NUMBER_DIGITS}}{SUFFIX}"


def _publish(folder: Path, content: bytes, names: Iterator[str]) -> str:
    """Write a file under the first of the names that is free, whole or not at all, and return that
    name. Raises OSError."""
    temporary = folder / f".{os.getpid()}-{get_native_id()}{PARTIAL}"
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        for name in names:
            with suppress(FileExistsError):
                _move_new(temporary, folder / name)
                return name
        return ""  # another program has written the only one
    finally:
        temporary.unlink(missing_ok=True)


def _move_new(source: Path, target: Path) -> None:
    """Move a file to a name that is free. Raises FileExistsError, and other OSErrors."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name, then replace the claim
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            source.replace(target)
        except OSError:
            target.unlink()
            raise
