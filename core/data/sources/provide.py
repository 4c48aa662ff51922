"""Provide the files of a dataset: those that are on this machine, after downloading the others.

What downloads is imported only for that: every command imports the list of datasets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.dataset import Files, Loading, Tensors
from core.data.sources import idx_files
from core.data.sources.file_set import (
    FileSet,
    find_fault,
    find_file,
    find_file_fault,
    find_folder,
    find_other,
    find_root,
)
from core.data.sources.remotes import list_remotes
from core.errors import DataError, explain
from core.events import Event, Notice, Preparing

if TYPE_CHECKING:
    from core.data.download import Remote

Stamps = tuple[tuple[int, int], ...]  # time of change and size of each file


def as_files(files: FileSet) -> Files:
    """Return the functions of a Dataset for its files."""
    return Files(
        partial(find_folder, files),
        partial(find_fault, files),
        partial(find_problem, files),
        files.size,
    )


def find_problem(files: FileSet, data: str | None) -> str | None:
    """Return why `provide` would fail, without downloading or writing anything; or None."""
    from core.data.download import check_space, find_download_problem

    remotes: dict[str, Remote] = {}
    for name in files.files:
        if fault := find_file_fault(files, name, data):
            try:
                folder = _download_folder(files, name, data)
            except DataError as error:
                return str(error)
            try:
                check_space(folder, _needed(files, [name], folder), files.title)
                remotes = remotes or list_remotes(files.name, files.files, files.packed)
            except DataError as error:
                return f"{fault}, and {error}"
            if why := find_download_problem(remotes[files.remote(name)]):
                return f"{fault}, and {why}"
            if files.archive:
                return None
    return None


def provide(files: FileSet, data: str | None) -> Generator[Event, None, tuple[Path, ...]]:
    """Return where the files are, in their order, after downloading what is missing or damaged.

    Raises DataError.
    """
    faults = {name: find_file_fault(files, name, data) for name in files.files}
    wanted = [name for name, fault in faults.items() if fault]
    if wanted:
        yield from _download(files, wanted, data)
    found = (find_file(files, name, data) for name in files.files)
    paths = tuple(filter(None, found))
    if len(paths) < len(files.files):
        raise DataError(
            f"the files of {files.title} in {find_folder(files, data)} changed while they were "
            "downloaded: try again"
        )
    return paths


def stamp(paths: tuple[Path, ...]) -> Stamps:
    """Return the time of change and the size of each file."""
    found = [path.stat() for path in paths]
    return tuple((each.st_mtime_ns, each.st_size) for each in found)


def load_files(
    files: FileSet, read: Callable[[tuple[Path, ...], Stamps], Tensors], data: str | None
) -> Loading:
    """Load a dataset, after downloading what is missing or damaged. Raises DataError.

    `read` reads the files, once until they change; it raises ValueError with a text that begins
    with the path of a damaged file.
    """
    paths = yield from provide(files, data)
    yield Preparing(message=f"reading {files.title}")
    try:
        return read(paths, stamp(paths))
    except ValueError as error:
        raise DataError(f"{error}: delete it, and it is downloaded again") from None


def _download(files: FileSet, wanted: list[str], data: str | None) -> Generator[Event, None, None]:
    from core.data.download import check_space

    is_announced = False
    for name in wanted:
        if not (fault := find_file_fault(files, name, data)):
            continue  # it came with another one
        folder = _download_folder(files, name, data)
        try:
            if name == wanted[0]:
                check_space(folder, _needed(files, wanted, folder), files.title)
            if files.archive and (yield from _use_archive(files, name, folder)):
                continue
            for event in _fetch(files, name, folder, data):
                if event.done and not is_announced:  # a server has it; nothing is written yet
                    yield Notice(message=describe_download(files, wanted, folder))
                    is_announced = True
                yield event
        except DataError as error:
            raise DataError(f"{fault}, and {error}") from None


def _fetch(
    files: FileSet, name: str, folder: Path, data: str | None
) -> Generator[Preparing, None, None]:
    """Download a file and unpack it in the folder. Raises DataError."""
    from core.data.download import fetch_file

    remote = list_remotes(files.name, files.files, files.packed)[files.remote(name)]

    def unpack(packed: Path) -> Iterator[Preparing]:
        return files.unpack(packed, folder / name)

    def is_done() -> bool:
        return find_file(files, name, data) is not None

    yield from fetch_file(remote, folder, files.title, unpack, is_done)


def _use_archive(files: FileSet, name: str, folder: Path) -> Generator[Preparing, None, bool]:
    """Unpack the archive if the user has put it in the folder, and return whether it is there and
    undamaged. Raises DataError."""
    from core.data.download import check_md5

    if not (archive := folder / files.archive).is_file():
        return False
    md5 = list_remotes(files.name, files.files, files.packed)[files.archive].md5
    try:
        yield from check_md5(archive, md5 or "", files.title)
        yield from files.unpack(archive, folder / name)
    except ValueError:
        return False
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked ({explain(error)})") from None
    return True


def describe_download(files: FileSet, names: list[str], folder: Path) -> str:
    """Return what is about to be downloaded, and to where."""
    if len(names) == len(files.files) or files.archive:
        return f"downloading {files.title} to {folder} ({files.size})"
    return f"downloading the missing part of {files.title} to {folder}: {', '.join(names)}"


def _needed(files: FileSet, names: list[str], folder: Path) -> int:
    """Return about how many bytes downloading the files takes, less an incomplete download."""
    from core.data.partial_file import PartialFile

    images = any("label" not in name for name in names)
    all_bytes = files.packed + files.unpacked if images else 2 * 10**6
    return max(0, all_bytes - PartialFile(folder, files.remote(names[0])).size)


def _download_folder(files: FileSet, name: str, data: str | None) -> Path:
    """Return the folder to download a file to.

    Raises DataError for a file, and where that would replace a file in a folder that is not
    torchvision's for this dataset: other datasets have files of the same names.
    """
    root = find_root(files, data)
    if data is not None and idx_files.is_file(root):
        raise DataError(f"{root} is not a folder")
    if not files.has_digests and (other := find_other(files, root)):
        raise DataError(f"the folder {root} is that of {other}")
    folder = find_folder(files, data)
    ours = (files.name, *files.below)
    is_ours = Path(os.path.abspath(folder)).parts[-len(ours) :] == ours
    if not is_ours and os.path.lexists(folder / name):
        if not files.has_digests:
            raise DataError(f"{find_file_fault(files, name, data)}, and is not replaced")
        why = "it is damaged, or of another dataset, and is not replaced"
        raise DataError(f"{folder / name} is not the file of {files.title}: {why}")
    return folder
