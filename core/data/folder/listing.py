"""List a folder of images: its classes, their image files and what is left out.

One subfolder is one class, as in torchvision's ImageFolder. Links are not followed, so that nothing
outside the folder is read and no walk is endless. No image is opened here.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.class_names import MOST_CLASSES, find_names_problem
from core.data import image_formats
from core.data.images import natural_key
from core.errors import DataError, explain, printable

MOST_FILES = 100_000
# To be increased when the same files give other pixels, so that no old cache is used.
VERSION = 1
TEST_SHARE = 5  # every fifth image of a class is a test image
TRAIN, TESTS = "train", ("test", "val")  # subfolders of a split that the user has made


@dataclass(frozen=True)
class ListedImage:
    """A file of a class: its path below the folder, the class and the place within its class."""

    path: str
    label: int
    rank: int
    is_test: bool


@dataclass(frozen=True)
class Listing:
    """The classes of a folder, in natural order, and its image files, by class and then name.

    `left_out` counts other files by kind. `key` is a digest of names, sizes and times of change.
    """

    root: Path
    class_names: tuple[str, ...]
    images: tuple[ListedImage, ...]
    left_out: Counter[str]
    key: str

    @property
    def train_samples(self) -> int:
        return sum(not each.is_test for each in self.images)


@dataclass
class _Walk:
    """The state of a walk through the folder."""

    root: Path
    entries: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    hash: hashlib._Hash = field(default_factory=lambda: hashlib.sha256(f"{VERSION}\n".encode()))

    def scan(self, folder: str) -> list[os.DirEntry[str]]:
        """Return what is in a folder below the root, in natural order, without links and hidden
        files. Raises DataError."""
        try:
            with os.scandir(self.root / folder) as found:
                entries = list(self._count(found))
        except OSError as error:
            where = printable(str(self.root / folder))
            if not folder and isinstance(error, FileNotFoundError):
                raise DataError(f"the folder {where} does not exist") from None
            if not folder and isinstance(error, NotADirectoryError):
                raise DataError(f"{where} is not a folder") from None
            raise DataError(f"the folder {where} cannot be read ({explain(error)})") from None
        return sorted(entries, key=lambda each: (natural_key(each.name), each.name))

    def _count(self, found: Iterable[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        """Yield the entries that are neither hidden nor links. Raises DataError where the folder
        has too many."""
        for entry in found:
            self.entries += not entry.is_dir(follow_symlinks=False)
            if self.entries > MOST_FILES:
                raise DataError(f"{self.name} has more than {MOST_FILES:,} files, the limit")
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                self.left_out[image_formats.LINK] += 1
            else:
                yield entry

    def folders(self, folder: str = "") -> list[str]:
        """Return the names of the subfolders; files beside them are left out."""
        found = self.scan(folder)
        names = [each.name for each in found if each.is_dir(follow_symlinks=False)]
        self.left_out[image_formats.OTHER] += len(found) - len(names)
        return names

    def images(self, folder: str) -> Iterator[str]:
        """Yield the names of the image files in a folder. Raises DataError."""
        for entry in self.scan(folder):
            if entry.is_dir(follow_symlinks=False):
                self.left_out[image_formats.DEEPER] += 1
                continue
            suffix = os.path.splitext(entry.name)[1].casefold()
            kind = image_formats.kind_by_suffix(suffix)
            if kind or not entry.is_file(follow_symlinks=False):
                self.left_out[kind or image_formats.OTHER] += 1
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                raise changed_meanwhile(self.root) from None
            line = f"{folder}/{entry.name}\0{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
            self.hash.update(os.fsencode(line) + b"\n")
            yield entry.name

    def describe_empty(self) -> str:
        """Return what a class without image files has, as the end of a sentence."""
        rest = image_formats.describe_left_out(self.left_out)
        return "has no image files" + (f" ({rest})" if rest else "")

    @property
    def name(self) -> str:
        return printable(str(self.root))


def list_folder(root: Path) -> Listing:
    """Return the classes and image files below a folder. Raises DataError."""
    walk = _Walk(root)
    folders = walk.folders()
    tests = [each for each in folders if each in TESTS]
    if len(folders) == 2 and TRAIN in folders and tests:
        names, images = _list_split(walk, tests[0])
    else:
        _check_names(walk, folders)
        names, images = folders, _list_classes(walk, folders)
    return Listing(
        root,
        tuple(map(printable, names)),
        tuple(images),
        +walk.left_out,
        walk.hash.hexdigest(),
    )


def changed_meanwhile(root: Path) -> DataError:
    return DataError(f"{printable(str(root))} has changed while it was read: try again")


def _list_classes(walk: _Walk, names: Sequence[str]) -> list[ListedImage]:
    """Return the images of all classes; every fifth of a class is a test image, or its last."""
    images = []
    for label, name in enumerate(names):
        files = list(walk.images(name))
        if len(files) < 2:
            has = "has one image" if files else walk.describe_empty()
            raise DataError(
                f"{walk.name}: the class {printable(name)} {has}; it needs at least two, one to "
                "train on and one to test on"
            )
        for rank, file in enumerate(files):
            is_test = rank % TEST_SHARE == TEST_SHARE - 1 or rank == len(files) - 1 < TEST_SHARE
            images.append(ListedImage(os.path.join(name, file), label, rank, is_test))
    return images


def _list_split(walk: _Walk, test: str) -> tuple[list[str], list[ListedImage]]:
    """Return the classes and images of a folder with its own split. Raises DataError."""
    names = walk.folders(TRAIN)
    _check_names(walk, names)
    numbers = {name: label for label, name in enumerate(names)}
    images = []
    for part in (TRAIN, test):
        for name in names if part == TRAIN else walk.folders(test):
            if name not in numbers:
                where = printable(f"{part}/{name}")
                raise DataError(f"{walk.name}: {where} is not a class of {TRAIN}/")
            folder = os.path.join(part, name)
            files = list(walk.images(folder))
            if not files and part == TRAIN:
                raise DataError(f"{walk.name}: {printable(folder)} {walk.describe_empty()}")
            images += [
                ListedImage(os.path.join(folder, file), numbers[name], rank, part == test)
                for rank, file in enumerate(files)
            ]
    if not any(each.is_test for each in images):
        raise DataError(f"{walk.name}: {test}/ has no image files")
    return names, images


def _check_names(walk: _Walk, names: Sequence[str]) -> None:
    """Raise DataError where subfolders cannot be the classes of a dataset."""
    shown = [printable(name) for name in names]
    if len(names) < 2:
        has = f"has one subfolder, {shown[0]}" if names else "has no subfolders"
        raise DataError(
            f"{walk.name} {has}: put the images of each class, of two or more, in a subfolder that "
            "is named after the class"
        )
    if len(names) > MOST_CLASSES:
        raise DataError(f"{walk.name} has more than {MOST_CLASSES:,} subfolders, the limit")
    seen = Counter(unicodedata.normalize("NFC", name) for name in shown)
    if twice := next((name for name, count in seen.items() if count > 1), None):
        raise DataError(f"{walk.name}: two classes have names that are both shown as {twice}")
    if problem := find_names_problem(shown):
        raise DataError(f"{walk.name}: {problem}")
