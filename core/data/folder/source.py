"""The dataset `folder:DIR` and its four tensors.

What lists and reads the files is imported only for that: every command imports this module.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.batches import SIDE
from core.data.dataset import Dataset, Loading, Tensors
from core.errors import DataError, printable
from core.events import Event, Notice, Preparing
from core.user import expand

if TYPE_CHECKING:
    from core.data.folder.content import Content
    from core.data.folder.listing import Listing

PREFIX = "folder:"
LONGEST_NAME = 500  # a checkpoint's header has no longer names
# The folders that were listed last, and until when that counts: a dataset is looked up many times,
# also for each frame, and 10,000 files take 40 ms. Loading always lists them.
RECENT_SECONDS, RECENT_TIMES = 10.0, 100  # at least, and how many times as long as listing took
MOST_RECENT = 4
_listed: dict[Path, tuple[float, Listing]] = {}
# The content that was read last, by the key of its folder: a run and its evaluations share it.
_newest: dict[tuple[Path, str], Content] = {}


def is_folder(name: object) -> bool:
    """Return whether the name of a dataset is that of a folder: "folder:DIR"."""
    is_named = isinstance(name, str) and name.startswith(PREFIX) and name != PREFIX
    return is_named and "\0" not in str(name)


def folder_of(name: str) -> Path:
    """Return the absolute path of a dataset "folder:DIR". Raises UsageError and DataError."""
    path = os.path.abspath(expand(name.removeprefix(PREFIX)))
    if len(PREFIX + path) > LONGEST_NAME:
        raise DataError(f"the path of the folder is longer than {LONGEST_NAME} characters: {path}")
    return Path(path)


def absolute_name(name: str) -> str:
    """Return the name of a dataset as it is valid in any working directory. Raises as folder_of."""
    return f"{PREFIX}{folder_of(name)}" if is_folder(name) else name


def find_folder_dataset(name: str) -> Dataset:
    """Return the dataset of a folder, without opening an image. Raises UsageError and DataError."""
    listing = _list_recent(name)
    images, classes = len(listing.images), len(listing.class_names)
    return Dataset(
        f"{images:,} images of {classes:,} classes in {printable(str(listing.root))}",
        missing=lambda data: None,
        load=partial(_load, listing.root),
        train_samples=listing.train_samples,
        class_names=listing.class_names,
    )


def folder_key(name: str) -> str:
    """Return a digest of the files of a folder. Raises UsageError and DataError."""
    return _list_recent(name).key


def is_in_memory(name: str) -> bool:
    """Return whether the images of a folder are in memory. Raises UsageError and DataError."""
    listing = _list_recent(name)
    return (listing.root, listing.key) in _newest


def _list_recent(name: str) -> Listing:
    root = folder_of(name)
    until, listing = _listed.get(root, (0.0, None))
    if listing is None or time.monotonic() > until:
        listing = _list(root)
    return listing


def _list(root: Path) -> Listing:
    from core.data.folder.listing import list_folder

    start = time.monotonic()
    listing = list_folder(root)
    _remember(root, listing, time.monotonic() - start)
    return listing


def _remember(root: Path, listing: Listing, seconds: float = 0.0) -> None:
    """Remember a listing, which took so long."""
    _listed.pop(root, None)
    _listed[root] = time.monotonic() + max(RECENT_SECONDS, RECENT_TIMES * seconds), listing
    for oldest in [*_listed][:-MOST_RECENT]:
        _listed.pop(oldest, None)


def _load(root: Path, data: str | None) -> Loading:
    """Load the images of a folder. `data` is of other datasets. Raises DataError."""
    yield Preparing(message=f"reading {printable(str(root))}")
    return to_tensors((yield from _load_content(root)))


def find_content(name: str) -> Content:
    """Return the images of a folder, without torch. Raises UsageError and DataError."""
    loading = _load_content(folder_of(name))
    while True:
        try:
            next(loading)
        except StopIteration as done:
            content: Content = done.value
            return content


def _load_content(root: Path) -> Generator[Event, None, Content]:
    """Return the images of a folder: those in memory or in the cache where no file has changed."""
    from core.data.folder.cache import read_cache, write_cache
    from core.data.folder.content import read_content

    listing = _list(root)
    if content := _newest.get((root, listing.key)):
        return content
    content = read_cache(listing)
    if content is None:
        content = yield from read_content(listing)
        _remember(root, listing)  # read_content has listed it again
        write_cache(listing, content)
    _newest.clear()
    _newest[root, listing.key] = content
    if content.report:
        yield Notice(message=content.report)
    return content


def to_tensors(content: Content) -> Tensors:
    """Return the training and test images of a content."""
    import torch

    images = torch.frombuffer(bytearray(content.images), dtype=torch.uint8).view(-1, SIDE, SIDE)
    labels = torch.tensor(content.labels)
    is_test = torch.frombuffer(bytearray(content.tests), dtype=torch.bool)
    return Tensors(images[~is_test], labels[~is_test], images[is_test], labels[is_test])
