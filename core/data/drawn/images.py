"""A drawing as a file: a grey PNG of 28×28 pixels, ink bright on black."""

from __future__ import annotations

import io
import logging
import warnings
from pathlib import Path

from core.data.batches import SIDE
from core.errors import DataError, explain
from core.files import open_no_follow

PIXELS = SIDE**2
SUFFIX = ".png"
LARGEST = 2**16  # bytes; 28×28 grey pixels take less than 1 KB
GREY = "L"  # as Pillow calls one byte a pixel


def encode_drawing(pixels: bytes) -> bytes:
    """Return the file of a drawing of 784 bytes, 0 background and 255 ink."""
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes(GREY, (SIDE, SIDE), pixels).save(file, "PNG")
    return file.getvalue()


def read_drawing(path: Path) -> bytes:
    """Return the pixels of a drawing, 784 bytes.

    Raises DataError, whose text continues the sentence that begins with the file's name.
    """
    try:
        with open(path, "rb", opener=open_no_follow) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"cannot be read ({explain(error)})") from None
    if len(content) > LARGEST:
        raise DataError("is too large for a drawing")
    pixels = _decode(content)
    if not any(pixels):
        raise DataError("has no ink")
    return pixels


def _decode(content: bytes) -> bytes:
    from PIL import Image

    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # its log would appear on the screen
    if not content:
        raise DataError("is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=("PNG",))
            # Before its pixels are decoded, of which a small file can have very many.
            if image.size != (SIDE, SIDE) or image.mode != GREY:
                raise DataError(f"is not a grey image of {SIDE}×{SIDE} pixels")
            return image.tobytes()
    except DataError:
        raise
    except Exception:  # Pillow raises exceptions of any type on damaged files
        raise DataError("is not a PNG that can be read") from None
