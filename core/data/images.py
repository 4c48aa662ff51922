"""Image files of handwritten digits, turned into what a network that learned from MNIST knows.

MNIST was made by http://yann.lecun.com/exdb/mnist/: the ink was scaled to fit a box of 20×20 with
its aspect ratio kept and with anti-aliasing, and then put into 28×28 so that its centre of mass is
in the middle. In the files that are handed out, that is the pixel at row and column 14.

Pillow and numpy are imported in the functions: names of files alone are told without them.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.errors import DataError, explain, first_line

if TYPE_CHECKING:
    from PIL.Image import Image

ORIGINAL = 112  # longest side of the original as it is kept to be drawn
MOST_PIXELS = 50_000_000  # a photograph has that many; more would take gigabytes to decode
LARGE = 2048  # longest side that is worked on: more has no more to tell
# What is decoded here. Others that Pillow knows start programs (EPS) or have no sure sign (TGA).
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
}


@dataclass(frozen=True)
class Picture:
    """An image file. `original` is grey, 0 black, `width` × `height` bytes row by row; `pixels` are
    784 bytes as MNIST has them, 0 paper. `label` is what it is, where its folder says so."""

    path: str
    original: bytes
    width: int
    height: int
    pixels: bytes
    label: int | None = None


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """The digit in an image file of any size and mode, dark on light or light on dark.

    Raises DataError: one line that names the file and what is wrong with it.
    """
    try:
        with _open(Path(path)) as file:
            grey = _grey(file)
    except _Fault as fault:
        raise DataError(f"{shown(path)}: {fault}") from None
    except OSError as error:
        # The system's errors have a number; Pillow's are of what is in the file.
        said = explain(error) if error.errno else f"is damaged ({first_line(error)})"
        raise DataError(f"{shown(path)}: {said}") from None
    except Exception as error:  # whatever a decoder trips over
        raise DataError(f"{shown(path)}: is damaged ({first_line(error)})") from None
    from core.data.preprocessing import as_mnist

    pixels = as_mnist(grey)
    if pixels is None:
        raise DataError(f"{shown(path)}: has no ink in it that stands out from its paper")
    small = grey.copy()
    small.thumbnail((ORIGINAL, ORIGINAL))
    return Picture(str(path), small.tobytes(), *small.size, pixels, label_of(path))


def label_of(path: str | os.PathLike[str]) -> int | None:
    """What a file is by its folder's name, 0 to 9, as torchvision's ImageFolder has it."""
    name = Path(os.path.abspath(path)).parent.name
    return int(name) if re.fullmatch("[0-9]", name) else None


def find_pictures(paths: Sequence[str | os.PathLike[str]]) -> Iterator[Path]:
    """The files as they are named, and in the place of a folder the image files in it and in its
    folders, each in natural order: 2.png before 10.png. Raises DataError."""
    for path in map(Path, paths):
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (OSError, ValueError):  # reading it will say why
            is_folder = False
        if not is_folder:
            yield path
            continue
        found = list(_in_folder(path, deeper=True))
        if not found:
            raise DataError(f"{shown(path)}: there are no image files in it")
        yield from found


def _in_folder(folder: Path, *, deeper: bool) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder), key=_natural)
    except OSError as error:
        raise DataError(f"{shown(folder)}: {explain(error)}") from None
    for name in names:
        path = folder / name
        if name.startswith("."):
            continue
        if path.is_dir():
            if deeper:
                yield from _in_folder(path, deeper=False)
        elif path.suffix.casefold() in SUFFIXES:
            yield path


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Numbers go by their value, and before letters."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]


def shown(path: str | os.PathLike[str]) -> str:
    """A path on one line, with what could move a terminal's cursor as an escape."""
    text = os.fspath(path)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class _Fault(Exception):
    """What is wrong with a file, after its name."""


def _open(path: Path) -> BinaryIO:
    """A plain file. Others, as a pipe, would keep one waiting for ever."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError:  # a zero byte in its name
        raise _Fault("is no name of a file") from None
    except OSError:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise _Fault("is not a file") from None
        raise
    file = None
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise _Fault("is a folder")
        if not stat.S_ISREG(mode):
            raise _Fault("is not a file")
        file = os.fdopen(number, "rb")
    finally:
        if file is None:
            os.close(number)
    return file


def _grey(file: BinaryIO) -> Image:
    """The first frame, upright, in mode L. Raises _Fault, and what Pillow raises of a damaged
    file."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it would write over the screen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image: Image.Image
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            raise _Fault(_no_image(file)) from None
        except Image.DecompressionBombError:
            raise _Fault(f"has more than {MOST_PIXELS:,} pixels") from None
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise _Fault(f"has {width:,}×{height:,} pixels, more than {MOST_PIXELS:,}")
        image.load()
        with suppress(Exception):  # a broken EXIF: it stays as it is
            ImageOps.exif_transpose(image, in_place=True)
        return _in_grey(image)


def _no_image(file: BinaryIO) -> str:
    file.seek(0)
    return "is not an image that can be read" if file.read(1) else "is empty"


def _in_grey(image: Image) -> Image:
    from PIL.Image import Resampling

    numbers = image.mode.startswith(("I", "F"))
    transparent = not numbers and image.has_transparency_data
    if numbers:
        image = _in_mode(image, "F" if image.mode == "F" else "I")
    elif transparent:
        image = _in_mode(image, "RGBA")
    else:
        image = _in_mode(image, "L" if image.mode in ("1", "L") else "RGB")
    if max(image.size) > LARGE:
        image.thumbnail((LARGE, LARGE), Resampling.BOX, reducing_gap=None)
    if numbers:
        return _from_numbers(image)
    if transparent:
        return _from_transparent(image)
    return image if image.mode == "L" else _most_contrast(image)


def _in_mode(image: Image, mode: str) -> Image:
    """Not a copy where it is so already: a large one takes 200 MB."""
    return image if image.mode == mode else image.convert(mode)


def _from_numbers(image: Image) -> Image:
    """Of 16-bit, 32-bit and float values, whose range is the file's own."""
    import numpy
    from PIL import Image

    values = numpy.asarray(image, dtype=numpy.float64)
    finite = numpy.isfinite(values)
    if not finite.any():
        raise _Fault("has no pixel that is a number")
    low, high = values[finite].min(), values[finite].max()
    # Halved, since the range of a float's values need not be a float.
    span = high / 2 - low / 2
    scaled = numpy.where(finite, values, low) / 2 - low / 2
    scaled = scaled / span * 255 if span > 0 else scaled * 0
    return Image.fromarray(scaled.round().astype(numpy.uint8))


def _from_transparent(image: Image) -> Image:
    """What is drawn may be in the colours or in what is transparent alone, and then black and white
    strokes look the same."""
    import numpy
    from PIL import Image

    grey = numpy.asarray(_most_contrast(image.convert("RGB")))
    alpha = numpy.asarray(image.getchannel("A"))
    solid = grey[alpha >= 128]
    if not solid.size:
        return Image.fromarray(alpha)
    low, paper, high = numpy.percentile(solid, (2, 50, 98))
    if alpha.min() < 128 and (high - low < 32 or solid.size < 0.5 * alpha.size):
        return Image.fromarray(alpha)
    share = alpha / 255.0
    return Image.fromarray((grey * share + paper * (1 - share)).round().astype(numpy.uint8))


def _most_contrast(image: Image) -> Image:
    """Of an RGB image: its lightness, or a colour that tells ink from paper far better, as blue
    does yellow from white."""
    import numpy

    bands = [image.convert("L"), *image.split()]
    spreads = [int(numpy.ptp(numpy.asarray(band))) for band in bands]
    best = max(range(4), key=spreads.__getitem__)
    return bands[best if spreads[best] > 2 * spreads[0] else 0]
