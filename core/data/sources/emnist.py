"""EMNIST: handwritten digits and letters of NIST, in one archive of half a gigabyte.

Three of its six splits are here. Their twelve files are taken out of the archive as they are,
packed, and the archive is deleted: so another split needs no second download. Images are stored
with rows and columns the other way round.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.data.sources.file_set import FileSet
from core.data.sources.idx_checks import IdxFile
from core.data.sources.idx_datasets import make_files, make_loader, make_set
from core.events import Preparing
from core.files import replacing

ARCHIVE = "gzip.zip"
# Of the archive, and of the files of the three splits in it, as far as is known.
ARCHIVE_BYTES, KEPT_BYTES = 562_000_000, 150_000_000
PIECE = 2**20
SPLITS = "digits", "letters", "balanced"
# Lower-case letters that look like their upper-case ones are one class with them.
BALANCED_NAMES = tuple(string.digits + string.ascii_uppercase + "abdefghnqrt")


def make_names(split: str) -> tuple[str, ...]:
    """Return the names of a split's four files, unpacked."""
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return tuple(f"emnist-{split}-{part}-{kind}" for part in ("train", "test") for kind in kinds)


def extract(packed: Path, path: Path) -> Iterator[Preparing]:
    """Extract the files of all three splits from the archive to the folder of a path.

    Raises ValueError where it is damaged or lacks one, and OSError.
    """
    import zipfile
    import zlib

    names = [f"{name}.gz" for split in SPLITS for name in make_names(split)]
    try:
        with zipfile.ZipFile(packed) as archive:
            members = [archive.getinfo(f"gzip/{name}") for name in names]
            total, done = sum(each.file_size for each in members), 0
            if total > ARCHIVE_BYTES:
                raise ValueError("is too large")
            for name, member in zip(names, members, strict=True):
                with archive.open(member) as source, replacing(path.with_name(name)) as file:
                    while piece := source.read(PIECE):
                        done += file.write(piece)
                        yield Preparing(message=f"extracting {name}", done=done, total=total)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, zlib.error):
        raise ValueError("is damaged") from None


def _make_set(split: str, files: dict[str, IdxFile]) -> FileSet:
    made = make_set(f"EMNIST {split}", "EMNIST", files, packed=ARCHIVE_BYTES)
    return replace(
        made, unpack=extract, unpacked=KEPT_BYTES, remote=lambda name: ARCHIVE, archive=ARCHIVE
    )


DIGITS_FILES = make_files(make_names("digits"), 240_000, 40_000)
EMNIST_DIGITS = _make_set("digits", DIGITS_FILES)
load_digits = make_loader(EMNIST_DIGITS, DIGITS_FILES, is_transposed=True)

# The first letter has the label 1.
LETTERS_FILES = make_files(make_names("letters"), 124_800, 20_800, lowest=1, highest=26)
EMNIST_LETTERS = _make_set("letters", LETTERS_FILES)
load_letters = make_loader(EMNIST_LETTERS, LETTERS_FILES, is_transposed=True)

BALANCED_FILES = make_files(make_names("balanced"), 112_800, 18_800, highest=46)
EMNIST_BALANCED = _make_set("balanced", BALANCED_FILES)
load_balanced = make_loader(EMNIST_BALANCED, BALANCED_FILES, is_transposed=True)
