"""The dataset `drawn`: the user's own drawings, every fifth of a class a test image.

The listing and what it reads are imported only for that: every command imports this module.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.class_names import DIGITS, find_names_problem
from core.data.dataset import Dataset, Loading
from core.data.folder.source import to_tensors
from core.errors import DataError, printable
from core.events import Event, Notice, Preparing

if TYPE_CHECKING:
    import torch

    from core.data.drawn.listing import Drawings
    from core.data.drawn.store import KeptDrawing
    from core.data.folder.content import Content

DRAWN = "drawn"
LEAST = 10
MORE = "draw and keep more in the view Draw (keys 6 and K)"
DESCRIPTION = "your own drawings, kept in the view Draw; every fifth of a class is a test image"


@dataclass(frozen=True)
class PlacedDrawing:
    """A drawing with its class, its place in the order of keeping within it, counted from 0, and
    whether it is a test image."""

    drawing: KeptDrawing
    label: int
    rank: int
    is_test: bool


def find_drawn_dataset() -> Dataset:
    """Return the dataset of the drawings that are kept now. Nothing is raised: `missing` says why
    they cannot be read."""
    from core.data.drawn.listing import list_recent_drawings

    try:
        listed = list_recent_drawings()
    except DataError as error:
        return _dataset(str(error), 0, DIGITS)
    samples = sum(not each.is_test for each in place_drawings(listed))
    return _dataset(find_problem(listed), samples, listed.class_names)


def _dataset(problem: str | None, samples: int, names: tuple[str, ...]) -> Dataset:
    return Dataset(
        DESCRIPTION,
        missing=lambda data: problem,
        load=load_drawn,
        train_samples=samples,
        class_names=names,
    )


def find_problem(listed: Drawings) -> str | None:
    """Return why the drawings are not enough to train on, and what to do; or None."""
    count = len(listed.drawings)
    if count < LEAST:
        has = "no drawing is" if not count else "1 drawing is" if count == 1 else f"{count} are"
        return f"{has} kept, and training needs at least {LEAST} drawings: {MORE}"
    if why := find_names_problem(listed.class_names):
        return f"the drawings have the labels {_list_names(listed.class_names)}: {why}"
    return _find_missing_split(listed)


def _find_missing_split(listed: Drawings) -> str | None:
    """Return that there is no image to train on, or none to test on; or None."""
    from core.data.folder.listing import TEST_SHARE

    if not listed.drawings:
        return f"no drawing is kept: {MORE}"
    count = Counter(each.label for each in listed.drawings).most_common(1)[0][1]
    if count < TEST_SHARE:
        return (
            "no drawing is a test image: that is every fifth of a class, and no class has more "
            f"than {count}: {MORE}"
        )
    return None


def _list_names(names: tuple[str, ...], most: int = 5) -> str:
    more = ", …" * (len(names) > most)
    return printable(", ".join(names[:most])) + more


def place_drawings(listed: Drawings) -> list[PlacedDrawing]:
    """Return the drawings in the order of a dataset, in which the classes alternate."""
    from core.data.folder.listing import TEST_SHARE

    numbers = {name: number for number, name in enumerate(listed.class_names)}
    ranks, placed = Counter[str](), []
    for each in listed.drawings:  # those of a label in the order of keeping
        rank = ranks[each.label]
        ranks[each.label] += 1
        is_test = rank % TEST_SHARE == TEST_SHARE - 1
        placed.append(PlacedDrawing(each, numbers[each.label], rank, is_test))
    return sorted(placed, key=lambda each: (each.rank, each.label))


def to_content(listed: Drawings) -> Content:
    """Return the images of the dataset, without torch."""
    from core.data.folder.content import LABELS, Content

    placed = place_drawings(listed)
    return Content(
        images=b"".join(each.drawing.pixels for each in placed),
        labels=array(LABELS, (each.label for each in placed)),
        tests=bytes(each.is_test for each in placed),
        report=listed.report,
    )


def digest_files(listed: Drawings) -> dict[str, str]:
    """Return a short digest of each drawing by its path."""
    return {each.path: f"{zlib.crc32(each.pixels):08x}" for each in listed.drawings}


def find_missing(data: str | None) -> str | None:
    """Return why the drawings that are kept now are not enough to train on, or None."""
    return find_drawn_dataset().missing(data)


def load_split(
    split: str,
) -> Generator[Event, None, tuple[tuple[str, ...], torch.Tensor, torch.Tensor]]:
    """Return the names of the classes, and the images and labels of the split "test" or "train".

    Raises DataError where it has none: a few drawings have no test image.
    """
    listed = yield from _list()
    count = len(listed.drawings)
    if count:  # of no pixels torch makes no tensor
        images, labels = to_tensors(to_content(listed)).of_split(split)
        if len(labels):
            return listed.class_names, images, labels
    rest = f"; --split train has {count}" if count else ""
    raise DataError(f"{_find_missing_split(listed)}{rest}")


def load_drawn(data: str | None) -> Loading:
    """Load the drawings. `data` is of other datasets. Raises DataError where there is no test
    image, and so nothing to evaluate on."""
    listed = yield from _list()
    if _find_missing_split(listed):
        raise DataError(find_problem(listed))
    return to_tensors(to_content(listed))


def _list() -> Generator[Event, None, Drawings]:
    from core.data.drawn.listing import list_drawings

    yield Preparing(message="reading your drawings")
    listed = list_drawings()
    if listed.report:
        yield Notice(message=listed.report)
    return listed


def drawn_key() -> str:
    """Return a digest of the drawings that are kept now. Raises DataError."""
    from core.data.drawn.listing import list_recent_drawings

    found = repr(sorted(digest_files(list_recent_drawings()).items()))
    return hashlib.sha256(found.encode(errors="surrogatepass")).hexdigest()
