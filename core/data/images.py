"""Read image files of handwritten digits, and convert each to a 28×28 image as in MNIST.

MNIST was made by http://yann.lecun.com/exdb/mnist/: the ink was scaled to fit a box of 20×20 with
its aspect ratio kept and with anti-aliasing, and then put into 28×28 so that its centre of mass is
in the middle. In the published files, that is the pixel at row and column 14.

Pillow and numpy are imported in the functions, so that finding files does not load them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.data import image_formats
from core.data.image_decoding import decode_image
from core.errors import DataError, explain, first_line, printable
from core.files import open_no_wait

ADDRESS = re.compile(r"(https?|ftps?|s3|gs|file):/+(.+)", re.IGNORECASE)
NO_INK = "no ink stands out from the background"
ORIGINAL = 112  # longest side of the original as it is kept to be drawn


@dataclass(frozen=True)
class ImageDigit:
    """A digit that was found in an image file.

    `original` is the whole image, `width` × `height` bytes, row by row, 0 black and 255 white;
    `pixels` are 784 bytes as in MNIST, 0 background and 255 ink. `box` is the part of the image
    that `pixels` were made of: left, top, right and bottom in pixels of the upright image, whose
    width and height is `size`. `position` is the place in reading order, counted from 0, among the
    `count` digits of the image. `warnings` are reasons to doubt that the right part was taken, and
    that all of the file was read.
    """

    path: str
    original: bytes
    width: int
    height: int
    pixels: bytes
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    position: int = 0
    count: int = 1
    warnings: tuple[str, ...] = ()

    def find_label(self, names: Sequence[str]) -> int | None:
        """Return the class that the name of the file's folder gives, or None; it is no label for an
        image with several digits."""
        return read_label(self.path, names) if self.count == 1 else None

    @property
    def share(self) -> tuple[float, float, float, float]:
        """The box as shares of the image's width and height, 0 to 1."""
        (left, top, right, bottom), (width, height) = self.box, self.size
        return left / width, top / height, right / width, bottom / height


def read_image(path: str | os.PathLike[str]) -> tuple[ImageDigit, ...]:
    """Read the digits in an image file, in reading order: lines, then left to right.

    The image may have any size and mode, dark on light or light on dark. Raises DataError: one line
    that names the file and what is wrong with it.
    """
    from core.data.segmentation.search import find_digits

    name = printable(os.fspath(path))
    try:
        with _explain(path), open(path, "rb", opener=open_no_wait) as file:
            decoded = decode_image(file)
            size = decoded.size
            grey, found = find_digits(decoded.image)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    if not found:
        raise DataError(f"{name}: {NO_INK}")
    scale = max(size) / max(grey.size)
    small = grey.copy()
    small.thumbnail((ORIGINAL, ORIGINAL))
    return tuple(
        ImageDigit(
            path=str(path),
            original=small.tobytes(),
            width=small.width,
            height=small.height,
            pixels=digit.pixels,
            size=size,
            box=_enlarge(digit.box, scale, size),
            position=position,
            count=len(found),
            warnings=(*digit.warnings, *decoded.warnings),
        )
        for position, digit in enumerate(found)
    )


def read_character(path: str | os.PathLike[str]) -> tuple[bytes, int]:
    """Return the one character that an image file shows, as 784 bytes as in MNIST, and of how many
    marks it was made.

    Raises DataError, whose text continues the sentence that begins with the file's name.
    """
    from core.data.segmentation.search import find_character

    with _explain(path), open(path, "rb", opener=open_no_wait) as file:
        pixels, count = find_character(decode_image(file).image)
    if not pixels:
        raise DataError(NO_INK)
    return pixels, count


@contextmanager
def _explain(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise DataError for what goes wrong with a file: the rest of a sentence that begins with its
    name."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        # Errors of the system have a number, those of Pillow do not.
        why = explain(error) if error.errno else f"is damaged ({first_line(error)})"
        raise DataError(why) from None
    except Exception as error:  # decoders raise exceptions of any type on damaged files
        has_null = "\0" in os.fspath(path)
        why = "is not a file name" if has_null else f"is damaged ({first_line(error)})"
        raise DataError(why) from None


def _enlarge(
    place: tuple[float, float, float, float], scale: float, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return a rectangle of a reduced image in pixels of the image, which it stays within."""
    left, top, right, bottom = (round(each * scale) for each in place)
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def read_label(path: str | os.PathLike[str], names: Sequence[str]) -> int | None:
    """Return the class that the file's folder is named after, as in torchvision's ImageFolder, or
    None. A slash in the name of a class is an underscore in that of its folder."""
    folder = Path(os.path.abspath(path)).parent.name
    found = [place for place, name in enumerate(names) if folder == name]
    found += [place for place, name in enumerate(names) if folder == name.replace("/", "_")]
    return found[0] if found else None


def find_images(
    paths: Sequence[str | os.PathLike[str]], report: Callable[[str], None] | None = None
) -> Iterator[Path]:
    """Yield the files, and for each folder the image files in it and in its subfolders.

    Files of a folder are in natural order: 2.png before 10.png. `report` gets a line for a folder
    that has other files too: how many were left out, by kind. Raises DataError.
    """
    for path in map(Path, paths):
        _refuse_address(path)
        if not os.path.isdir(path):
            yield path  # read_image reports it where it does not exist
            continue
        left_out = Counter[str]()
        found = list(_find_in_folder(path, left_out, deeper=True))
        name, rest = printable(str(path)), image_formats.describe_left_out(left_out)
        if not found:
            raise DataError(f"{name}: contains no image files" + (f"; {rest}" if rest else ""))
        if rest and report:
            report(f"{name}: {rest}")
        yield from found


def _refuse_address(path: Path) -> None:
    """Raise DataError for the address of a web page. A path has lost one of its slashes."""
    found = ADDRESS.fullmatch(str(path))
    if not found or os.path.lexists(path):
        return
    scheme, rest = found[1], found[2]
    if scheme.casefold() == "file":
        rest = printable(f"/{rest}")
        raise DataError(f"file://{rest} is the address of a file: give its path alone, {rest}")
    name = printable(f"{scheme}://{rest}")
    raise DataError(f"{name} is a web address, not a file: download it first")


def _find_in_folder(folder: Path, left_out: Counter[str], *, deeper: bool) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder), key=natural_key)
    except OSError as error:
        raise DataError(f"{printable(str(folder))}: {explain(error)}") from None
    for name in names:
        path = folder / name
        if name.startswith("."):
            continue
        if path.is_dir():
            if deeper:
                yield from _find_in_folder(path, left_out, deeper=False)
            else:
                left_out[image_formats.DEEPER] += 1
        elif kind := image_formats.kind_by_suffix(path.suffix.casefold()):
            left_out[kind] += 1
        else:
            yield path


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Numbers sort by their value, and before letters."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]
