"""Load a dataset if its files are on this machine: nothing is downloaded."""

import math
import time

from core.data.datasets import Tensors, find_dataset, is_folder, load_dataset
from core.errors import UserError

FOLDER_SECONDS = 3.0


def load_local(name: str, data: str | None) -> Tensors | None:
    """Return a dataset's tensors from the folder `data`, by default from its own one.

    None where there is no such dataset, or its files are not there or cannot be read; and for a
    folder of images that is not cached and takes long, which a run reads with progress.
    """
    try:
        known = find_dataset(name)
        if known.missing(data) is not None or not known.is_complete(data):
            return None  # loading would download it
        loading = load_dataset(name, data)
        until = time.monotonic() + (FOLDER_SECONDS if is_folder(name) else math.inf)
        while time.monotonic() < until:
            next(loading)
        loading.close()
        return None
    except StopIteration as done:
        tensors: Tensors = done.value[1]
        return tensors
    except (UserError, OSError):
        return None
