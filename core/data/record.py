"""What a run stores of images of the user's own, to notice later that they have changed.

They are those of a folder and the drawings: the files of any other dataset stay as they are.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.data.batches import SIDE
from core.data.datasets import find_dataset
from core.data.drawn.dataset import DRAWN, digest_files, drawn_key, to_content
from core.data.folder.source import find_content, folder_key, folder_of, is_folder
from core.errors import printable

if TYPE_CHECKING:
    from core.data.dataset import Tensors
    from core.data.folder.content import Content

DIGEST, IMAGES, CLASSES = "dataset_digest", "dataset_images", "dataset_classes"
# The drawings as JSON, a digest by the path of each, where they are not very many.
FILES = "dataset_files"
KEYS = DIGEST, IMAGES, CLASSES, FILES
MOST_DRAWINGS, NAMED_CHANGES = 500, 3
Record = dict[str, str | int]


def record_content(dataset: str, tensors: Tensors) -> Record:
    """Return what to store of the images that were loaded, a digest and counts; nothing for a
    dataset that is not the user's own. Raises UsageError and DataError."""
    if not _is_own(dataset):
        return {}
    parts = (each.contiguous().numpy().data for each in tensors)
    count = len(tensors.train_labels) + len(tensors.test_labels)
    record = _record(find_dataset(dataset).class_names, count, parts)
    if dataset == DRAWN and (now := _record_drawings())[DIGEST] == record[DIGEST]:
        return now
    return record


def find_change(dataset: str, stored: Mapping[str, Any]) -> str | None:
    """Return that images are no longer as a run's config says, without torch; None where they are.

    Images of a folder that are not cached are read. Raises UsageError and DataError.
    """
    if not _is_own(dataset) or DIGEST not in stored:
        return None
    if dataset == DRAWN:
        return describe_change(dataset, stored, _record_drawings())
    names, content = find_dataset(dataset).class_names, find_content(dataset)
    return describe_change(dataset, stored, _record(names, len(content.tests), _parts(content)))


def describe_change(dataset: str, stored: Mapping[str, Any], now: Record) -> str | None:
    """Return that images are no longer as a run's config says, and what has changed; None where
    they are, or where the config says nothing."""
    before = stored.get(DIGEST)
    if not now or not isinstance(before, str) or before == now[DIGEST]:
        return None
    what = _name_changes(_files_in(stored), _files_in(now))
    if not what:
        was, here = (_count(each.get(IMAGES), each.get(CLASSES)) for each in (stored, now))
        is_same = was == here
        what = f"it still has {here}, but not the same" if is_same else f"it had {was}, now {here}"
    return f"{_describe(dataset)} has changed since the run was trained on it: {what}"


def stored_record(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's config says of the content of its dataset."""
    return {key: stored[key] for key in KEYS if key in stored}


def cache_name(dataset: str) -> str:
    """Return the name of a dataset for files computed from its images: that of the user's own
    changes with them. Raises UsageError and DataError."""
    if is_folder(dataset):
        return f"folder-{folder_key(dataset)[:32]}"
    return f"{DRAWN}-{drawn_key()[:32]}" if dataset == DRAWN else dataset


def _is_own(dataset: str) -> bool:
    return is_folder(dataset) or dataset == DRAWN


def _describe(dataset: str) -> str:
    if is_folder(dataset):
        return f"the folder {printable(str(folder_of(dataset)))}"
    from core.data.drawn.store import drawings_folder

    return f"the dataset {dataset} in {printable(str(drawings_folder()))}"


def _count(images: object, classes: object) -> str:
    return f"{images:,} images of {classes} classes" if isinstance(images, int) else "other images"


def _files_in(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the digests of drawings by their paths, as a file has them; none where it has none."""
    with suppress(ValueError, TypeError, RecursionError):
        found = json.loads(stored.get(FILES, ""))
        return found if isinstance(found, dict) else {}
    return {}


def _name_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return which drawings have changed, "" where either is not known."""
    if not before or not now:
        return ""
    changes = [f"drawing {path} was removed" for path in before if path not in now]
    changes += [f"drawing {path} was added" for path in now if path not in before]
    changes += [
        f"drawing {path} was changed"
        for path in now
        if before.get(path) != now[path]
        if path in before
    ]
    named, more = map(printable, changes[:NAMED_CHANGES]), len(changes) - NAMED_CHANGES
    return ", ".join(named) + (f" and {more:,} more changes" if more > 0 else "")


def _record_drawings() -> Record:
    """Return the record of the drawings that are kept now. Raises DataError."""
    from core.data.drawn.listing import list_drawings

    listed = list_drawings()
    content = to_content(listed)
    record = _record(listed.class_names, len(content.tests), _parts(content))
    if 0 < len(listed.drawings) <= MOST_DRAWINGS:
        record[FILES] = json.dumps(digest_files(listed))
    return record


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
