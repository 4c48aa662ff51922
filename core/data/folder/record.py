"""What a run stores of the content of its folder, to notice later that it has changed."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.data.batches import SIDE
from core.data.folder.source import find_content, find_folder_dataset, folder_of, is_folder
from core.errors import printable

if TYPE_CHECKING:
    from core.data.dataset import Tensors
    from core.data.folder.content import Content

DIGEST, IMAGES, CLASSES = "dataset_digest", "dataset_images", "dataset_classes"
Record = dict[str, str | int]


def record_content(dataset: str, tensors: Tensors) -> Record:
    """Return what to store of the images that were loaded, a digest and counts; nothing for a
    dataset that is no folder. Raises UsageError and DataError."""
    if not is_folder(dataset):
        return {}
    parts = (each.contiguous().numpy().data for each in tensors)
    count = len(tensors.train_labels) + len(tensors.test_labels)
    return _record(find_folder_dataset(dataset).class_names, count, parts)


def find_change(dataset: str, stored: Mapping[str, Any]) -> str | None:
    """Return that a folder is no longer as a run's config says, without torch; None where it is.

    Images that are not cached are read. Raises UsageError and DataError.
    """
    if not is_folder(dataset) or DIGEST not in stored:
        return None
    names = find_folder_dataset(dataset).class_names
    content = find_content(dataset)
    return describe_change(dataset, stored, _record(names, len(content.tests), _parts(content)))


def describe_change(dataset: str, stored: Mapping[str, Any], now: Record) -> str | None:
    """Return that a folder is no longer as a run's config says, and what has changed; None where it
    is, or where the config says nothing."""
    before = stored.get(DIGEST)
    if not now or not isinstance(before, str) or before == now[DIGEST]:
        return None
    was, here = (_count(each.get(IMAGES), each.get(CLASSES)) for each in (stored, now))
    what = f"it had {was}, now {here}" if was != here else f"it still has {here}, but not the same"
    folder = printable(str(folder_of(dataset)))
    return f"the folder {folder} has changed since the run was trained on it: {what}"


def stored_record(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's config says of the content of its folder."""
    return {key: stored[key] for key in (DIGEST, IMAGES, CLASSES) if key in stored}


def _count(images: object, classes: object) -> str:
    return f"{images:,} images of {classes} classes" if isinstance(images, int) else "other images"


def _parts(content: Content) -> Iterable[bytes]:
    """Yield the bytes of the four tensors of a content, in their order."""
    for wanted in (0, 1):
        chosen = [place for place, is_test in enumerate(content.tests) if is_test == wanted]
        starts = (place * SIDE**2 for place in chosen)
        yield b"".join(content.images[start : start + SIDE**2] for start in starts)
        yield array("q", (content.labels[place] for place in chosen)).tobytes()


def _record(names: Sequence[str], count: int, parts: Iterable[bytes | memoryview]) -> Record:
    found = hashlib.sha256(json.dumps([count, *names]).encode())
    for part in parts:
        found.update(part)
    return {DIGEST: found.hexdigest(), IMAGES: count, CLASSES: len(names)}
