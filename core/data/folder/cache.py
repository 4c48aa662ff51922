"""The cache of a folder's images, in the user's cache folder: a header of JSON, then the bytes.

It is used only where the files in the folder have the names, sizes and times of change that it was
written for, and where its digest is right; else the images are read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data.folder.content import LABELS, Content
from core.data.folder.listing import MOST_FILES, Listing
from core.data.folder.reader import PIXELS
from core.files import open_no_follow, replacing
from core.user import cache_folder

FOLDER, SUFFIX = "folders", ".images"
MOST_KEPT = 20  # folders, those that were read last
LABEL, TEST = 2, 1  # bytes an image
LONGEST_HEADER = 2**20


def read_cache(listing: Listing) -> Content | None:
    """Return the images of a folder; None where they are not cached, or the cache is damaged."""
    try:
        with open(_path(listing.root), "rb", opener=open_no_follow) as file:
            header: dict[str, Any] = json.loads(file.readline(LONGEST_HEADER))
            if header["key"] != listing.key:
                return None
            count = header["count"]
            if not isinstance(count, int) or not 0 < count <= MOST_FILES:
                return None
            images, labels, tests = (file.read(count * size) for size in (PIXELS, LABEL, TEST))
            is_longer = bool(file.read(1))
        content = Content(images, array(LABELS, labels), tests, header["report"])
        is_whole = not is_longer and header["digest"] == _digest(listing, content)
        return content if is_whole else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_cache(listing: Listing, content: Content) -> None:
    """Keep the images of a folder; nothing where the cache cannot be written."""
    header = {
        "key": listing.key,
        "count": len(content.tests),
        "report": content.report,
        "digest": _digest(listing, content),
    }
    path = _path(listing.root)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(json.dumps(header).encode() + b"\n")
            for part in _parts(content):
                file.write(part)
        _drop_oldest(path.parent)


def _path(root: Path) -> Path:
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    wanted = os.path.join(FOLDER, name + SUFFIX)
    return cache_folder(wanted) / wanted


def _parts(content: Content) -> tuple[bytes, ...]:
    return content.images, content.labels.tobytes(), content.tests


def _digest(listing: Listing, content: Content) -> str:
    """Return the SHA-256 of all that is cached, and of the byte order of the labels."""
    text = json.dumps([listing.key, len(content.tests), content.report, sys.byteorder])
    found = hashlib.sha256(text.encode())
    for part in _parts(content):
        found.update(part)
    return found.hexdigest()


def _drop_oldest(folder: Path) -> None:
    """Delete all but the newest caches. Raises OSError."""
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: -path.stat().st_mtime)
    for path in files[MOST_KEPT:]:
        path.unlink(missing_ok=True)
