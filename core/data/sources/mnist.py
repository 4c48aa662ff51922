"""MNIST: 70,000 images of handwritten digits, in four IDX files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data import idx_files
from core.data.dataset import Files, Loading, Tensors
from core.errors import DataError, explain
from core.events import Notice, Preparing
from core.files import open_no_wait
from core.user import cache_folder, expand

if TYPE_CHECKING:
    import torch

Stamps = tuple[tuple[int, int], ...]  # time of change and size of each file of MNIST

# SHA-256 of the four unpacked files. The .gz files were checked against the published MD5 sums.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def _mnist_root(data: str | None) -> Path:
    return cache_folder("MNIST/raw") if data is None else expand(data)


def mnist_folder(data: str | None) -> Path:
    """Return the folder with files of MNIST, or the one that they are downloaded to: below a
    torchvision root or the user's cache folder."""
    root = _mnist_root(data)
    found = (next(idx_files.find_candidates(root, "MNIST", name), None) for name in MNIST_FILES)
    return next((path.parent for path in found if path), root / "MNIST" / "raw")


def load_mnist(data: str | None) -> Loading:
    """Load MNIST, after downloading what is missing or damaged. Raises DataError."""
    from core.data.download import describe_download, fetch_file

    wanted = [name for name in MNIST_FILES if find_file_fault(name, data)]
    for name, digest in MNIST_FILES.items():
        if fault := find_file_fault(name, data):
            folder = _download_folder(name, data)
            try:
                for event in fetch_file(name, folder, digest):
                    if event.done and wanted:  # a server has it, and nothing is written yet
                        yield Notice(message=describe_download(wanted, folder))
                        wanted = []
                    yield event
            except DataError as error:
                raise DataError(f"{fault}, and {error}") from None
    yield Preparing(message="reading MNIST")
    paths = _find_mnist(data)
    if len(paths) < len(MNIST_FILES):
        raise DataError(f"the files of MNIST in {mnist_folder(data)} have changed meanwhile")
    return _read_mnist(paths, _stamps(paths))


def _find_mnist(data: str | None) -> tuple[Path, ...]:
    """Return where the files of MNIST are, in their order, without those missing or damaged."""
    root, files = _mnist_root(data), MNIST_FILES.items()
    found = (idx_files.find_file(root, "MNIST", name, digest) for name, digest in files)
    return tuple(filter(None, found))


def find_file_fault(name: str, data: str | None) -> str | None:
    """Return why a file of MNIST cannot be used: missing, unreadable, damaged; or None."""
    root = _mnist_root(data)
    if idx_files.find_file(root, "MNIST", name, MNIST_FILES[name]):
        return None
    path = next(idx_files.find_candidates(root, "MNIST", name), None)
    try:
        if path is not None:
            os.close(open_no_wait(path, os.O_RDONLY))
            return f"{path} is damaged"
        os.listdir(root)
    except FileNotFoundError:
        if data is not None:
            return f"MNIST is not in {root}, which does not exist"
    except (NotADirectoryError, ValueError):  # ValueError: a null character in the name
        return f"{root} is not a folder"
    except OSError as error:
        return f"{path or root} cannot be read ({explain(error)})"
    folder = mnist_folder(data)
    if folder.exists():
        return f"{folder / name} is missing"
    return f"MNIST is not in {folder if data is None else _places(root)}"


def _places(root: Path) -> str:
    return idx_files.describe_places(root, "MNIST", next(iter(MNIST_FILES)))


def _download_folder(name: str, data: str | None) -> Path:
    """Return the folder to download a file of MNIST to.

    Raises DataError for a file, and where that would replace a file in a folder that is not
    torchvision's for MNIST: other datasets have files of the same names.
    """
    if data is not None and idx_files.is_file(_mnist_root(data)):
        raise DataError(f"{_mnist_root(data)} is not a folder")
    folder = mnist_folder(data)
    is_ours = Path(os.path.abspath(folder)).parts[-2:] == ("MNIST", "raw")
    if not is_ours and os.path.lexists(folder / name):
        what = f"{folder / name} is not the file of MNIST: it is damaged, or of another dataset"
        raise DataError(f"{what}, and is not replaced")
    return folder


def _stamps(paths: Iterable[Path]) -> Stamps:
    found = [path.stat() for path in paths]
    return tuple((each.st_mtime_ns, each.st_size) for each in found)


@lru_cache(maxsize=1)
def _read_mnist(paths: tuple[Path, ...], stamps: Stamps) -> Tensors:
    """Read the files, in the order of MNIST_FILES, once until they change.

    The IDX format is a header (four bytes each for the magic number and the sizes) and then the
    values. torchvision reads it too, but takes a second longer to import than this takes to read.
    """
    import torch

    def read(name: str, path: Path) -> torch.Tensor:
        values = torch.frombuffer(bytearray(idx_files.read_file(path)), dtype=torch.uint8)
        return values[16:].view(-1, 28, 28) if "images" in name else values[8:].long()

    return Tensors(*map(read, MNIST_FILES, paths))


def find_mnist_problem(data: str | None) -> str | None:
    """Return why `load_mnist` would fail, without downloading or writing anything; or None."""
    from core.data.download import find_download_problem

    for name, digest in MNIST_FILES.items():
        if fault := find_file_fault(name, data):
            try:
                _download_folder(name, data)
            except DataError as error:
                return str(error)
            if why := find_download_problem(name, digest):
                return f"{fault}, and {why}"
    return None


def mnist_missing(data: str | None) -> str | None:
    """Return why MNIST is not on this machine, or None where all four files exist."""
    root = _mnist_root(data)
    found = (next(idx_files.find_candidates(root, "MNIST", name), None) for name in MNIST_FILES)
    if all(found):
        return None
    if data is None:
        return f"not in {mnist_folder(data)} yet; downloaded on first use"
    if idx_files.is_file(_mnist_root(data)):
        return f"{root} is not a folder"
    if not os.path.isdir(root):
        return f"the folder {root} does not exist; training with it downloads MNIST there"
    return f"not in {_places(root)}; downloaded on first use"


def find_mnist_fault(data: str | None) -> str | None:
    """Return why the four files cannot be used as they are: one is missing or has another SHA-256;
    or None."""
    return next(filter(None, (find_file_fault(name, data) for name in MNIST_FILES)), None)


FILES = Files(mnist_folder, find_mnist_fault, find_mnist_problem)
