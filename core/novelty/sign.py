"""The sign "unlike any digit": whose images get it, and the detector behind it, made once.

The detector depends on the training images and not on a network's weights, so that it serves every
checkpoint of a dataset, whatever its architecture. It is trained at its first use, from training
images that are on this machine, and cached in the user's cache folder by the name of the dataset: a
checkpoint's digest would only make the same detector again for each checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.batches import SIDE
from core.data.local_datasets import load_local
from core.data.record import cache_name
from core.digit import Digit
from core.errors import UserError
from core.files import replace_file
from core.user import cache_folder

if TYPE_CHECKING:
    from core.novelty.detector import Detector

# To be raised with each change of the detector: an older file is then of no use.
VERSION = 1
LARGEST_FILE = 2**22
# Made by this process, by the path of their file, which may be impossible to write.
_made: dict[Path, Detector] = {}
MISSING = (
    "images unlike the training images are not marked: that takes 1,000 training images of {} on "
    "this machine"
)


def mark_unlike(digits: Sequence[Digit], detector: Detector | None) -> tuple[Digit, ...]:
    """Return the digits with `is_unlike` set; as they are where there is no detector."""
    if detector is None or not digits:
        return tuple(digits)
    import torch

    values = bytearray(b"".join(each.pixels for each in digits))
    images = torch.frombuffer(values, dtype=torch.uint8).view(len(digits), SIDE, SIDE)
    found = detector.find_unlike(images)
    return tuple(
        replace(digit, is_unlike=unlike) for digit, unlike in zip(digits, found, strict=True)
    )


def find_detector(dataset: str, data: str | None) -> Detector | None:
    """Return the detector for a dataset, from the cache or made of its training images.

    `data` is the folder of the dataset. Making it takes a second or two. Returns None where it is
    not cached and the training images are not on this machine: nothing is downloaded.
    """
    if detector := find_cached_detector(dataset):
        return detector
    tensors = load_local(dataset, data)
    if tensors is None:
        return None
    from core.novelty.detector import train_detector

    detector = train_detector(tensors.train_images, tensors.train_labels)
    if detector:
        path = cache_folder() / _file_name(dataset)
        _made[path] = detector
        # Where the folder cannot be written, the next process makes it again.
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, _encode(detector))
    return detector


def find_cached_detector(dataset: str) -> Detector | None:
    """Return the detector for a dataset if it has been made before, on this machine."""
    try:
        name = _file_name(dataset)
    except UserError:  # a folder of images that is gone
        return None
    path = cache_folder(name) / name
    if path in _made:
        return _made[path]
    try:
        status = path.stat()
    except OSError:
        return None
    return _read(path, status.st_mtime_ns) if status.st_size <= LARGEST_FILE else None


def _file_name(dataset: str) -> str:
    return f"unlike-{cache_name(dataset)}-{VERSION}.safetensors"


def _encode(detector: Detector) -> bytes:
    import torch
    from safetensors.torch import save

    threshold = torch.tensor(detector.threshold, dtype=torch.float64)
    return save({**detector.weights, "threshold": threshold})


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> Detector | None:
    """Return the detector in a file; None where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    from core.novelty.detector import Detector

    try:
        weights = load(path.read_bytes())
        detector = Detector(weights, weights.pop("threshold").item())
        detector.check()
    except (SafetensorError, OSError, LookupError, ValueError, RuntimeError, TypeError):
        return None
    return detector
