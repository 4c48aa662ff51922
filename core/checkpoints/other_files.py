"""Recognize files that are no checkpoints: weights of other programs, and what has none."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from core.checkpoints.header import METADATA, read_header
from core.errors import CheckpointError
from core.files import open_regular_file

ZIP, LEGACY = b"PK\x03\x04", b"\x80"
LOOKED_AT = 512  # bytes at the beginning of a file
BEGINNINGS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a numpy array (.npy)",
    b"\x89HDF": "an HDF5 file, such as of Keras",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
}
NEITHER = "is neither a file of torch.save nor safetensors"


def describe_file(begin: bytes) -> str:
    """Return what a file is by its first bytes; the text continues the file's name."""
    for beginning, name in BEGINNINGS.items():
        if begin.startswith(beginning):
            return f"is {name}, not a file of torch.save or safetensors"
    # The version of ONNX, then the program that wrote it. Protocol buffers have no other sign.
    if begin[:1] == b"\x08" and begin[2:3] == b"\x12" and begin[3:4] < b"\x40":
        return "looks like an ONNX program, which is not read: import the weights it was made of"
    return f"is text; it {NEITHER}" if _is_text(begin) else NEITHER


def _is_text(begin: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        text = begin[: len(begin) - 3].decode()  # without a character that may be cut
        return bool(text) and all(each.isprintable() or each.isspace() for each in text)
    return False


def is_foreign(path: Path) -> bool:
    """Return whether a file has weights that mnist-tui has not saved, so that they can be imported:
    it was written by torch.save, or is safetensors without the header's description."""
    with suppress(CheckpointError), open_regular_file(path) as file:
        begin = file.read(LOOKED_AT)
        # torch.save writes the pickle first; safetensors of ours can begin as a pickle does, but
        # not with zeros after it.
        is_archive = begin.startswith(ZIP) and b"/data.pkl" in begin
        if is_archive or (begin.startswith(LEGACY) and begin[4:8] != bytes(4)):
            return True
        file.seek(0)
        metadata = read_header(file, os.fstat(file.fileno()).st_size).get(METADATA)
        return not isinstance(metadata, dict) or "mnist_tui" not in metadata
    return False
