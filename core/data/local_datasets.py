"""Load a dataset if its files are on this machine: nothing is downloaded."""

import math
import time

from core.data.datasets import Tensors, find_dataset, is_folder, load_dataset
from core.data.folder.source import is_in_memory
from core.errors import UserError

# A folder of images that takes longer is not tried again for a while.
FOLDER_SECONDS, RETRY_SECONDS = 3.0, 60.0
_slow_until: dict[str, float] = {}


def load_local(name: str, data: str | None) -> Tensors | None:
    """Return a dataset's tensors from the folder `data`, by default from its own one.

    None where there is no such dataset, or its files are not there or cannot be read; and for a
    folder of images that is not cached and takes long, which a run reads with progress.
    """
    try:
        known = find_dataset(name)
        if known.missing(data) is not None or not known.is_complete(data):
            return None  # loading would download it
        if time.monotonic() < _slow_until.get(name, 0.0) and not is_in_memory(name):
            return None
        loading = load_dataset(name, data)
        until = time.monotonic() + (FOLDER_SECONDS if is_folder(name) else math.inf)
        while time.monotonic() < until:
            next(loading)
        loading.close()
        _slow_until[name] = time.monotonic() + RETRY_SECONDS
        return None
    except StopIteration as done:
        tensors: Tensors = done.value[1]
        return tensors
    except (UserError, OSError):
        return None
