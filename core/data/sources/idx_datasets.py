"""Datasets in four IDX files, as MNIST's: Fashion-MNIST, KMNIST and QMNIST.

No SHA-256 of their unpacked files is published. So what is downloaded must have the MD5 that
torchvision states, and each file is checked for what its format can show.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.batches import SIDE
from core.data.dataset import Loading, Tensors
from core.data.sources import idx_files
from core.data.sources.file_set import FileSet
from core.data.sources.idx_checks import INTEGERS, IdxFile, check_idx, read_labels
from core.data.sources.mnist import MNIST_FILES
from core.data.sources.provide import Stamps, load_files

if TYPE_CHECKING:
    import torch

CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KANA = tuple("おきすつなはまやれを")
# The first labels of MNIST, whose images QMNIST has in the same order: both of its splits have
# 60,000 images, and each file of one could be that of the other.
MNIST_TRAIN, MNIST_TEST = (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)
QMNIST_NUMBERS = 8  # of each image, the first of which is its class


def make_files(
    names: tuple[str, ...], train: int, test: int, lowest: int = 0, highest: int = 9
) -> dict[str, IdxFile]:
    """Return the four files of a dataset with so many training and test images."""
    return dict(
        zip(
            names,
            (
                IdxFile((train, SIDE, SIDE), test),
                IdxFile((train,), test, lowest, highest),
                IdxFile((test, SIDE, SIDE), train),
                IdxFile((test,), train, lowest, highest),
            ),
            strict=True,
        )
    )


def make_set(title: str, name: str, files: dict[str, IdxFile], packed: int) -> FileSet:
    """Return the files of a dataset, which torchvision knows by that name."""
    check = partial(check_idx, files)
    unpack = partial(idx_files.unpack_gzip, check)
    unpacked = sum(each.bytes for each in files.values())
    return FileSet(title, name, tuple(files), check, unpack, packed, unpacked)


def make_loader(
    file_set: FileSet, files: dict[str, IdxFile], *, is_transposed: bool = False
) -> Callable[[str | None], Loading]:
    """Return the function that loads a dataset. `is_transposed` says that the rows and columns of
    its images are stored the other way round."""

    def read(paths: tuple[Path, ...], stamps: Stamps) -> Tensors:
        return _read(paths, stamps, tuple(files.values()), is_transposed)

    return partial(load_files, file_set, read)


@lru_cache(maxsize=1)
def _read(
    paths: tuple[Path, ...], stamps: Stamps, files: tuple[IdxFile, ...], is_transposed: bool
) -> Tensors:
    """Read the files once until they change. Raises ValueError that begins with the path."""
    import torch

    def read(path: Path, file: IdxFile) -> torch.Tensor:
        try:
            content = idx_files.read_file(path, file.bytes)
            if len(content) != file.bytes:
                raise ValueError("is truncated")
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None
        if not file.is_images:
            return torch.tensor(list(read_labels(content, file))) - file.lowest
        images = torch.frombuffer(bytearray(content), dtype=torch.uint8)[file.header :]
        images = images.view(file.sizes)
        return images.transpose(1, 2).contiguous() if is_transposed else images

    return Tensors(*map(read, paths, files))


def _label_file(images: int, not_first: tuple[int, ...]) -> IdxFile:
    """Return a file of QMNIST's labels."""
    return IdxFile((images, QMNIST_NUMBERS), 0, 0, 9, INTEGERS, not_first)


# Sizes of downloads are rounded: none could be made where this was written.
FASHION_FILES = make_files(tuple(MNIST_FILES), 60_000, 10_000)
FASHION = make_set("Fashion-MNIST", "FashionMNIST", FASHION_FILES, packed=31_000_000)
load_fashion = make_loader(FASHION, FASHION_FILES)

KMNIST_FILES = make_files(tuple(MNIST_FILES), 60_000, 10_000)
KMNIST = make_set("KMNIST", "KMNIST", KMNIST_FILES, packed=21_000_000)
load_kmnist = make_loader(KMNIST, KMNIST_FILES)

QMNIST_FILES = {
    "qmnist-train-images-idx3-ubyte": IdxFile((60_000, SIDE, SIDE), 0),
    "qmnist-train-labels-idx2-int": _label_file(60_000, not_first=MNIST_TEST),
    "qmnist-test-images-idx3-ubyte": IdxFile((60_000, SIDE, SIDE), 0),
    "qmnist-test-labels-idx2-int": _label_file(60_000, not_first=MNIST_TRAIN),
}
QMNIST = make_set("QMNIST", "QMNIST", QMNIST_FILES, packed=21_000_000)
load_qmnist = make_loader(QMNIST, QMNIST_FILES)
