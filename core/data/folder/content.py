"""The images of a folder as 28×28 pixels, read by several processes where that pays."""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from core.data import image_formats
from core.data.folder.listing import ListedImage, Listing, changed_meanwhile, list_folder
from core.data.folder.reader import ReadImage, read_here, start_readers
from core.errors import DataError, printable
from core.events import Event, Preparing

LABELS = "H"  # the type of an array: 16 bits
PROGRESS_SECONDS = 0.2
# A process takes a third of a second to start: none is for what one can read in a few seconds.
ALONE_SECONDS, PAYS_SECONDS = 1.5, 4.0
PROCESSES = 4  # where there are fewer cores, more processes than cores are no slower
MOST_REASONS = 4  # in a report

# The reason that a file is left out, by words of its error.
REASONS = {
    "damaged": "damaged",
    "empty": "empty",
    "no ink": "without ink",
    "pixels": "too large",
    "that can be read": "not an image",
    "which needs": "of a format that cannot be read here",
}
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Content:
    """Images of N × 784 bytes, 0 background and 255 ink; N labels; and N bytes, 1 for a test image.
    `report` says what was left out, "" where nothing was."""

    images: bytes
    labels: array[int]
    tests: bytes
    report: str


def read_content(listing: Listing) -> Generator[Event, None, Content]:
    """Read all images of a folder, those of the classes in turn. Yields progress.

    Raises DataError where a class has no image that can be read, or where the folder changes.
    """
    files = sorted(listing.images, key=lambda each: (each.rank, each.label, each.is_test))
    found = yield from _read_all(listing, files)
    if list_folder(listing.root).key != listing.key:
        raise changed_meanwhile(listing.root)
    read = [(file, image) for file, image in zip(files, found, strict=True) if image.pixels]
    _check_classes(listing, files, found)
    return Content(
        images=b"".join(image.pixels for _, image in read),
        labels=array(LABELS, (file.label for file, _ in read)),
        tests=bytes(file.is_test for file, _ in read),
        report=_report(listing, files, found),
    )


def _read_all(
    listing: Listing, files: Sequence[ListedImage]
) -> Generator[Event, None, list[ReadImage]]:
    paths = [os.path.join(listing.root, each.path) for each in files]
    found: list[ReadImage] = []
    with ExitStack() as stack:
        source = read_here(paths)
        start = shown = time.monotonic()
        is_alone = True
        while (image := next(source, None)) is not None:
            found.append(image)
            now = time.monotonic()
            if now - shown > PROGRESS_SECONDS or len(found) == 1:
                shown = now
                message = f"reading the images in {printable(str(listing.root))}"
                yield Preparing(message=message, done=len(found), total=len(paths), unit="images")
            if is_alone and now - start > ALONE_SECONDS:
                is_alone = False
                rest = paths[len(found) :]
                if len(rest) * (now - start) / len(found) > PAYS_SECONDS:
                    source = start_readers(rest, PROCESSES, stack)
    return found


def _check_classes(
    listing: Listing, files: Sequence[ListedImage], found: Sequence[ReadImage]
) -> None:
    """Raise DataError where a class has no image to train on, or none has one to test on."""
    name = printable(str(listing.root))
    read = [file for file, image in zip(files, found, strict=True) if image.pixels]
    first = {
        (file.label, file.is_test): f"{printable(file.path)} {image.problem}"
        for file, image in zip(reversed(files), reversed(found), strict=True)
        if image.problem
    }
    trained = {file.label for file in read if not file.is_test}
    for label, shown in enumerate(listing.class_names):
        if label not in trained:
            why = first[label, False]
            raise DataError(f"{name}: no training image of the class {shown} can be read: {why}")
    if not any(file.is_test for file in read):
        why = next(text for (_, is_test), text in reversed(first.items()) if is_test)
        raise DataError(f"{name}: none of the test images can be read: {why}")


def _report(listing: Listing, files: Sequence[ListedImage], found: Sequence[ReadImage]) -> str:
    """Return which files were left out, by reason, and which are in doubt; "" for none."""
    examples: dict[str, str] = {}
    reasons, several = Counter[str](), list[str]()
    for file, image in zip(files, found, strict=True):
        if image.problem:
            reason = _classify(image.problem)
            reasons[reason] += 1
            examples.setdefault(reason, printable(file.path))
        elif image.count > 1:
            several.append(printable(file.path))
    parts = [
        f"{count:,} {reason} (such as {examples[reason]})"
        for reason, count in reasons.most_common(MOST_REASONS)
    ]
    total = reasons.total()
    all_of_them = "1 image file" if total == 1 else f"{total:,} image files"
    texts = [f"left out {all_of_them}: {', '.join(parts)}"] if parts else []
    if rest := image_formats.describe_left_out(listing.left_out):
        texts.append(rest)
    if several:
        is_one = len(several) == 1
        what = "1 image shows" if is_one else f"{len(several):,} images show"
        texts.append(f"{what} several characters, read as one (such as {several[0]})")
    return f"{printable(str(listing.root))}: {'; '.join(texts)}" if texts else ""


def _classify(problem: str) -> str:
    found = (reason for word, reason in REASONS.items() if word in problem)
    return next(found, UNREADABLE)
