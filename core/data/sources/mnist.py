"""MNIST: 70,000 images of handwritten digits, in four IDX files."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.dataset import Loading, Tensors
from core.data.sources import idx_files
from core.data.sources.file_set import FileSet
from core.data.sources.provide import Stamps, load_files

if TYPE_CHECKING:
    import torch

# SHA-256 of the four unpacked files. The .gz files were checked against the published MD5 sums.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(data: str | None) -> Loading:
    """Load MNIST, after downloading what is missing or damaged. Raises DataError."""
    return load_files(MNIST, _read_mnist, data)


def check_mnist(name: str, path: Path) -> str | None:
    """Return why a file is not the one of MNIST, or None."""
    return None if idx_files.has_digest(path, MNIST_FILES[name]) else "is damaged"


MNIST = FileSet(
    "MNIST",
    "MNIST",
    tuple(MNIST_FILES),
    check_mnist,
    partial(idx_files.unpack_gzip, check_mnist),
    packed=11_594_722,
    unpacked=54_950_048,
    has_digests=True,
)


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
