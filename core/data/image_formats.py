"""Which image formats can be read here, by content, and what a folder has beside images.

HEIC is what iPhones and many Android phones save, AVIF a newer one; both are ISO base media files
(ISO/IEC 14496-12, 23008-12), as videos are. HEIC needs the package pillow-heif, the extra `photos`.
AVIF needs a Pillow whose wheel has it, 11.3 or newer.
"""

from __future__ import annotations

import os
from collections import Counter
from importlib.util import find_spec

from core.packages import install_command

# Other formats that Pillow knows start programs (EPS) or have no reliable signature (TGA).
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
}
NEEDS = {
    "HEIC": "the package pillow-heif (extra photos)",
    "AVIF": "Pillow 11.3 or newer, with AVIF",
}
HEAD = 256  # bytes that identify the format
BRANDS = {
    "AVIF": (b"avif", b"avis"),
    # The last two are of any HEIF image, and are looked for after AVIF's own.
    "HEIC": (*(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), b"mif1", b"msf1"),
}
# What a file is whose name may be that of an image, by its first bytes.
OTHER_HEADS = {
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop file",
    b"<svg": "an SVG drawing",
    b"\x1aE\xdf\xa3": "a video",
    b"\xff\x0a": "a JPEG XL image",
    b"\0\0\0\x0cJXL ": "a JPEG XL image",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
}
# What a folder may have beside the images that can be read, by suffix, in the order of a report.
KINDS = {
    "HEIC": (".heic", ".heif", ".hif", ".heics"),
    "AVIF": (".avif", ".avifs"),
    "JPEG XL": (".jxl",),
    "JPEG 2000": (".jp2", ".j2k", ".jpx"),
    "camera raw": (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".raw"),
    "PDF": (".pdf",),
    "SVG": (".svg", ".svgz"),
    "Photoshop": (".psd", ".psb"),
    "video": (".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".mpg", ".mpeg"),
}
KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}
OTHER, DEEPER, LINK = "other file", "deeper folder", "link"
COUNTED = ("video", OTHER, DEEPER, LINK)  # of which there are "2 videos", but "2 HEIC"


def detect_format(head: bytes) -> str | None:
    """Return "HEIC" or "AVIF" for the first HEAD bytes of such an image, whatever its suffix."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, end, 4))}
    return next((name for name, own in BRANDS.items() if brands.intersection(own)), None)


def describe_other(head: bytes) -> str | None:
    """Return what a file is that is no image which Pillow reads; None where that is unknown."""
    if head[4:12] == b"ftypcrx ":  # Canon's CR3 has the container of a video
        return "a camera raw file"
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:11] == b"AVI"):
        return "a video"
    found = (text for start, text in OTHER_HEADS.items() if head.startswith(start))
    return next(found, None)


def can_read(name: str) -> bool:
    """Return whether images of the format "HEIC" or "AVIF" can be read here."""
    if name == "HEIC":
        return find_spec("pillow_heif") is not None
    from PIL import features

    # Older versions of Pillow do not know the feature, and warn.
    return "avif" in features.modules and bool(features.check_module("avif"))


def open_formats(name: str | None) -> tuple[str, ...]:
    """Return Pillow's names of the formats to open a file with, whose `detect_format` is `name`.

    Raises ImportError where that one cannot be read here.
    """
    if name is None:
        return FORMATS
    if not can_read(name):
        raise ImportError(name)
    if name == "AVIF":
        return ("AVIF",)
    # It applies the turns and mirrors that a HEIC stores, and sets its EXIF orientation to 1.
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return ("HEIF",)


def explain_missing(name: str) -> str:
    """Return how to make images of a format readable; continues a sentence about the file."""
    article = "an" if name == "AVIF" else "a"
    return f"is {article} {name} image, which needs {NEEDS[name]}: {_install(name)}"


def _install(name: str) -> str:
    if name == "HEIC":
        return install_command("pillow-heif")
    return install_command("pillow", upgrade=True)


def has_image_name(name: str) -> bool:
    """Return whether a file has the suffix of an image or video, whether it can be read or not."""
    suffix = os.path.splitext(name)[1].casefold()
    return suffix in SUFFIXES or suffix in KIND_OF


def kind_by_suffix(suffix: str) -> str | None:
    """Return the kind of a file in a folder that is left out, or None for one that is read."""
    if suffix in SUFFIXES:
        return None
    kind = KIND_OF.get(suffix, OTHER)
    return None if kind in NEEDS and can_read(kind) else kind


def describe_left_out(left_out: Counter[str]) -> str:
    """Return "left out 3 HEIC (pip install pillow-heif), 2 videos", or "" where nothing was."""
    parts = []
    for kind in (*KINDS, OTHER, DEEPER, LINK):
        if count := left_out[kind]:
            plural = "s" if kind in COUNTED and count > 1 else ""
            install = f" ({_install(kind)})" if kind in NEEDS else ""
            parts.append(f"{count:,} {kind}{plural}{install}")
    return f"left out {', '.join(parts)}" if parts else ""
