"""Decode image files: the first frame, upright, within limits of memory and time.

A JPEG stores blocks of 8×8 pixels by frequency, so it can be decoded at 1/2, 1/4 or 1/8 of its size
without the finer ones: https://libjpeg-turbo.org (scaled IDCT), `draft` in Pillow. A photo of 200
megapixels then takes 50 MB instead of 800 MB. All other formats are decoded whole.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from core.data import image_formats
from core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_MEMORY = 1_000_000_000  # bytes for decoding one image
MOST_PIXELS = 500_000_000  # in the file; JPEGs of more fit into the memory, but take many seconds
# Bytes for each pixel, as measured with 108 megapixels. Pillow keeps four for each decoded pixel;
# many decoders and conversions have copies of their own, as of palettes and transparency.
DECODED, CONVERTED = 4, 8
CONVERTED_OF = {"WEBP": 16, "AVIF": 9, "LA": 12, "P": 9}  # by format and mode, where it is more
PROGRESSIVE = 4  # a progressive JPEG's frequencies are all kept, at any scale
JPEGS = (
    "JPEG",
    "MPO",
)  # MPO: a JPEG with a second image, such as the brightness map of an HDR photo
MORE = "only the first of {:,} {} was read"
ORIENTATION, SIDEWAYS = 0x0112, range(5, 9)  # EXIF; 5 to 8 exchange width and height


@dataclass(frozen=True)
class DecodedImage:
    """An upright image in the mode of the file, perhaps reduced; `size` is that of the file.

    `warnings` name what else the file has.
    """

    image: Image
    size: tuple[int, int]
    warnings: tuple[str, ...] = ()


def decode_image(file: BinaryIO) -> DecodedImage:
    """Return the first frame of an image file.

    Raises DataError whose text continues the sentence that begins with the file's name, and what
    Pillow raises for a damaged file.
    """
    from PIL import ImageOps

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # its log would appear on the screen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(file)
        size = image.size
        _reduce_jpeg(image)
        _check_memory(image, size)
        image.load()
        with suppress(Exception):  # broken EXIF data: the image is not rotated
            is_sideways = image.getexif().get(ORIENTATION) in SIDEWAYS
            ImageOps.exif_transpose(image, in_place=True)
            size = size[::-1] if is_sideways else size
        return DecodedImage(image, size, _find_more(file, image.format))


def _open(file: BinaryIO) -> Image:
    """Return the image of a file, not decoded yet. Raises DataError."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many, any frame's too
    name = image_formats.detect_format(head := file.read(image_formats.HEAD))
    file.seek(0)
    try:
        return Image.open(file, formats=image_formats.open_formats(name))
    except ImportError:
        if name is None:
            raise
        raise DataError(image_formats.explain_missing(name)) from None
    except UnidentifiedImageError:
        if name:
            raise DataError(f"is damaged (not a valid {name} image)") from None
        kind = image_formats.describe_other(head)
        why = f"is {kind}, not an image" if kind else "is not an image"
        raise DataError(f"{why} that can be read" if head else "is empty") from None
    except Image.DecompressionBombError:
        raise DataError(f"has more than {MOST_PIXELS:,} pixels: make it smaller") from None


def _reduce_jpeg(image: Image) -> None:
    """Let a large JPEG be decoded at the part of its size to which it would be reduced anyway."""
    from core.data.preprocessing import LARGE

    most = -(-max(image.size) // LARGE)
    scale = max(each for each in (1, 2, 4, 8) if each <= most)
    if scale > 1:  # other formats ignore it
        image.draft(None, (max(1, image.size[0] // scale), max(1, image.size[1] // scale)))


def _check_memory(image: Image, size: tuple[int, int]) -> None:
    """Raise DataError for an image of that size whose decoding needs more than MOST_MEMORY."""
    pixels, decoded = size[0] * size[1], image.size[0] * image.size[1]
    most = max(CONVERTED_OF.get(each or "", CONVERTED) for each in (image.format, image.mode))
    needed = decoded * (DECODED if image.format in JPEGS else most)
    if image.info.get("progressive"):
        needed += pixels * PROGRESSIVE
    if needed > MOST_MEMORY:
        raise DataError(
            f"has {size[0]:,}×{size[1]:,} pixels, which take {needed / 1e9:.1f} GB of memory to "
            f"decode, more than {MOST_MEMORY / 1e9:.0f} GB: make it smaller"
        )


def _find_more(file: BinaryIO, format: str | None) -> tuple[str, ...]:
    """Return a warning where the file has more frames or pages than the first."""
    from PIL import Image

    if format is None or format in JPEGS:
        return ()
    with suppress(Exception):  # the first frame is whole, whatever follows it
        file.seek(0)
        # Counting moves to the last frame, so it has an image of its own.
        with Image.open(file, formats=(format,)) as image:
            count = getattr(image, "n_frames", 1)
        if count > 1:
            return (MORE.format(count, "pages" if format == "TIFF" else "frames"),)
    return ()
