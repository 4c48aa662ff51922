"""Read files of torch.save: tensors and plain values, without unpickling anything.

torch.load(weights_only=True) runs no code from a file either, but it allocates what the file claims
and unpacks any archive. Here every claim is checked against the bytes that exist before a tensor is
made of them.
"""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from typing import Any

from core.checkpoints.other_files import ZIP
from core.checkpoints.pickle_reader import OTHER_SIZE, PickleReader, Refused

MOST_MEMBERS = 10_000
# The first two of the five pickles of a legacy file: its magic number and its version.
LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
SAVE_AGAIN = "save one with torch.save(model.state_dict(), …)"
NOT_BY_TORCH = f"is a pickle that torch.save did not write; {SAVE_AGAIN}"
NOT_A_STATE_DICT = "is damaged, or is not a state dict"
PROGRAM = (
    "is an exported program (.pt2), which holds layers and is not read: import the weights that it "
    "was exported from, a .pth or .safetensors"
)


def read_torch_save(content: bytes) -> Any:
    """Return what torch.save wrote to a file, with each tensor as a SavedTensor and each
    object of a class as a SavedObject.

    Raises ValueError whose text continues the sentence that begins with the file's name.
    """
    try:
        return _read_archive(content) if content.startswith(ZIP) else _read_legacy(content)
    except Refused:
        raise
    except (
        AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error,
        zipfile.BadZipFile, RuntimeError, EOFError, OSError,
    ):  # fmt: skip
        raise Refused(NOT_A_STATE_DICT) from None


def _read_archive(content: bytes) -> Any:
    # zipfile makes an object for each entry before any of them can be checked.
    if content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise Refused("is a zip archive of too many files")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = _read_members(archive, len(content))
    if members.get("byteorder", b"little") != b"little":
        raise Refused("was saved on a big-endian machine")
    pickles = PickleReader(lambda key: members.get(f"data/{key}", b""))
    return pickles.read(BytesIO(members["data.pkl"]))


def _read_members(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    """Return the files of a state dict, by their names in the archive's folder."""
    listed = archive.infolist()
    inside = [each.filename.partition("/")[2] for each in listed]
    if "constants.pkl" in inside:
        raise Refused(f"is a TorchScript program, not a state dict; {SAVE_AGAIN}")
    if any(each.endswith(("models/model.json", "exported_program.json")) for each in inside):
        raise Refused(PROGRAM)
    if inside and all(each.filename.endswith(".npy") for each in listed):
        raise Refused(f"contains numpy arrays (.npz), not a state dict; {SAVE_AGAIN}")
    if "data.pkl" not in inside:
        raise Refused("is a zip archive without a state dict in it")
    whole = all(each.compress_size == each.file_size and not each.compress_type for each in listed)
    if not whole or sum(each.file_size for each in listed) > size:
        raise Refused("is a zip archive of compressed files, which torch.save does not write")
    if len(set(inside)) != len(inside):
        raise Refused("is a zip archive with two files of one name")
    return {name: archive.read(each) for name, each in zip(inside, listed, strict=True)}


def _read_legacy(content: bytes) -> Any:
    """Read the pickles (magic number, version, machine, state, storage keys), then the storages."""
    file, pickles = BytesIO(content), PickleReader(None)
    if pickles.read(file) != LEGACY_MAGIC:
        raise Refused(NOT_BY_TORCH)
    version, machine, state, keys = [pickles.read(file) for _ in range(4)]
    if version != LEGACY_VERSION or machine["little_endian"] is not True:
        raise Refused(NOT_A_STATE_DICT)
    for key in keys:
        storage = pickles.storages.pop(key)
        count = int.from_bytes(file.read(8), "little")
        storage.data = bytearray(file.read(storage.bytes))
        if (count, len(storage.data)) != (storage.count, storage.bytes):
            raise Refused(OTHER_SIZE)
    if pickles.storages or file.read(1):
        raise Refused(OTHER_SIZE)
    return state
