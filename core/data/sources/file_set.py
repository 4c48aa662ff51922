"""The files of a dataset in a folder: find them and check them.

They are looked for where torchvision keeps them, below the folder of --data or the user's cache
folder, and in that folder itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.data.sources import idx_files
from core.errors import explain
from core.events import Preparing
from core.files import open_no_wait
from core.user import cache_folder, expand

# torchvision's names of the datasets with files of the same names as MNIST's: the folder of one is
# not searched for another's.
FAMILY = frozenset({"MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "USPS"})


@dataclass(frozen=True)
class FileSet:
    """The files that a dataset consists of.

    `title` is what it is called in a sentence, `name` what torchvision calls it and its folder.
    `check` returns why a file at a path cannot be the one of a name, or None; the text
    continues the path. `remote` returns the file to download for one of the files, and `unpack`
    makes the latter of it, at a path. The sizes are in bytes: of all that is downloaded, and of
    what that becomes.
    """

    title: str
    name: str
    files: tuple[str, ...]
    check: Callable[[str, Path], str | None]
    unpack: Callable[[Path, Path], Iterator[Preparing]]
    packed: int
    unpacked: int
    remote: Callable[[str], str] = "{}.gz".format
    below: tuple[str, ...] = ("raw",)  # of the folder `name`
    spell: Callable[[str], tuple[str, ...]] = idx_files.list_spellings
    has_digests: bool = False  # files are identified by their content, in any folder
    archive: str = ""  # the remote file where it holds all files, of other datasets too

    @property
    def size(self) -> str:
        packed, unpacked = (f"{each / 1e6:,.0f} MB" for each in (self.packed, self.unpacked))
        what = "kept" if self.archive else "unpacked"
        return packed + f", {unpacked} {what}" * (self.packed != self.unpacked)


def find_root(files: FileSet, data: str | None) -> Path:
    return cache_folder("/".join((files.name, *files.below))) if data is None else expand(data)


def list_folders(files: FileSet, root: Path) -> list[Path]:
    """Return the folders in which the files may be, without those of other datasets."""
    folders = idx_files.list_folders(root, files.name)
    if files.has_digests:
        return list(folders)
    return [each for each in folders if not find_other(files, each)]


def find_other(files: FileSet, folder: Path) -> str | None:
    """Return the other dataset that a folder is called after, or None."""
    parts = Path(os.path.abspath(folder)).parts
    last = parts[-2] if parts[-1] == "raw" and len(parts) > 1 else parts[-1]
    return last if last in FAMILY and last != files.name else None


def find_candidates(files: FileSet, name: str, data: str | None) -> Iterator[Path]:
    """Yield the existing files that may be that file of the dataset, torchvision's first."""
    for folder in list_folders(files, find_root(files, data)):
        for spelling in files.spell(name):
            if os.path.isfile(folder / spelling):
                yield folder / spelling


def find_file(files: FileSet, name: str, data: str | None) -> Path | None:
    """Return the path of a file; None where none can be used."""
    candidates = find_candidates(files, name, data)
    return next((each for each in candidates if files.check(name, each) is None), None)


def find_folder(files: FileSet, data: str | None) -> Path:
    """Return the folder with files of the dataset, or the one that they are downloaded to."""
    found = (next(find_candidates(files, name, data), None) for name in files.files)
    default = find_root(files, data).joinpath(files.name, *files.below)
    return next((path.parent for path in found if path), default)


def find_fault(files: FileSet, data: str | None) -> str | None:
    """Return why the files as they are cannot be used, or None."""
    faults = (find_file_fault(files, name, data) for name in files.files)
    return next(filter(None, faults), None)


def find_file_fault(files: FileSet, name: str, data: str | None) -> str | None:
    """Return why one of the files cannot be used: missing, unreadable, damaged; or None."""
    if find_file(files, name, data):
        return None
    root = find_root(files, data)
    path = next(find_candidates(files, name, data), None)
    try:
        if path is not None:
            os.close(open_no_wait(path, os.O_RDONLY))
            return f"{path} {files.check(name, path)}"
        os.listdir(root)
    except FileNotFoundError:
        if data is not None:
            return f"{files.title} is not in {root}, which does not exist"
    except (NotADirectoryError, ValueError):  # ValueError: a null character in the name
        return f"{root} is not a folder"
    except OSError as error:
        return f"{path or root} cannot be read ({explain(error)})"
    folder = find_folder(files, data)
    if folder.exists():
        return f"{folder / name} is missing"
    return f"{files.title} is not in {folder if data is None else describe_places(files, root)}"


def describe_places(files: FileSet, root: Path) -> str:
    """Return where the files are looked for, and under which names."""
    names = files.spell(files.files[0])
    plain = [each for each in names if not each.endswith(".gz")]
    packed = ", also .gz," if len(plain) < len(names) else ","
    below = [os.path.relpath(each, root) for each in idx_files.list_folders(root, files.name)[:-1]]
    return f"{root} (looked for {' or '.join(plain)}{packed} there and in {', '.join(below)})"


def find_missing(files: FileSet, data: str | None) -> str | None:
    """Return why the dataset is not on this machine, or None where all files exist."""
    root = find_root(files, data)
    if all(next(find_candidates(files, name, data), None) for name in files.files):
        return None
    first_use = "downloaded on first use"
    if files.packed > 10**8:
        first_use += f" ({files.packed / 1e6:,.0f} MB)"
    if data is None:
        return f"not in {find_folder(files, data)} yet; {first_use}"
    if idx_files.is_file(root):
        return f"{root} is not a folder"
    if not os.path.isdir(root):
        return f"the folder {root} does not exist; training with it downloads {files.title} there"
    return f"not in {describe_places(files, root)}; {first_use}"
