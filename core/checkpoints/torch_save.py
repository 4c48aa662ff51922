"""Read files of torch.save: tensors and plain values, without unpickling anything.

torch.load(weights_only=True) runs no code from a file either, but it allocates what the file claims
and unpacks any archive. Here the operations of the pickle are carried out on plain values, and
every claim is checked against the bytes that exist before a tensor is made of them.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pickletools import genops
from typing import TYPE_CHECKING, Any, BinaryIO

from core.checkpoints.header import MOST_DIMENSIONS, abbreviate

if TYPE_CHECKING:
    from torch import Tensor

ZIP, LEGACY = b"PK\x03\x04", b"\x80"
# The pickle of a state dict has 1 KB, that of a training script with all its losses some 100.
LONGEST_PICKLE = 4 * 2**20
MOST_OPERATIONS = 200_000
MOST_MEMBERS = 10_000
# The first two of the five pickles of a legacy file: its magic number and its version.
LEGACY_HEADER = (0x1950A86A20F9469CFC6C, 1001)

# The dtype of a storage by its name in a pickle, and the bytes of one number.
STORAGES = {
    "torch DoubleStorage": ("float64", 8), "torch FloatStorage": ("float32", 4),
    "torch HalfStorage": ("float16", 2), "torch BFloat16Storage": ("bfloat16", 2),
    "torch LongStorage": ("int64", 8), "torch IntStorage": ("int32", 4),
    "torch ShortStorage": ("int16", 2), "torch CharStorage": ("int8", 1),
    "torch ByteStorage": ("uint8", 1), "torch BoolStorage": ("bool", 1),
}  # fmt: skip
ORDERED, SIZE, DEVICE = "collections OrderedDict", "torch Size", "torch device"
TENSOR, PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
ALLOWED = {*STORAGES, ORDERED, SIZE, DEVICE, TENSOR, PARAMETER}
CONSTANTS = {
    "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE", "SHORT_BINSTRING",
}  # fmt: skip
NEW: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "NONE": lambda: None,
    "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
NOT_A_STATE_DICT = "is damaged, or is not a state dict"
OTHER_SIZE = "is damaged: it does not contain as much as it claims"
TOO_MUCH = "is not a state dict: it contains too much besides its tensors"


class _Refused(ValueError):
    """Its text continues the sentence that begins with the file's name."""


@dataclass
class _Storage:
    """The numbers of a file that its tensors are views of; a legacy file has `data` at its end."""

    dtype: str
    count: int
    bytes: int
    data: bytearray | None = None


@dataclass(frozen=True)
class SavedTensor:
    """A tensor of a file, within the bounds of its storage. Sizes and strides count numbers."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def load(self) -> Tensor:
        """Return the tensor, on the CPU. It may share memory with others of the file."""
        import torch

        dtype = getattr(torch, self.storage.dtype)
        data = self.storage.data
        flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return flat.as_strided(self.size, self.stride, self.offset)


def read_torch_save(content: bytes) -> Any:
    """Return what torch.save wrote to a file, with each tensor as a SavedTensor.

    Raises ValueError whose text continues the sentence that begins with the file's name.
    """
    try:
        return _read_archive(content) if content.startswith(ZIP) else _read_legacy(content)
    except _Refused:
        raise
    except (
        AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error,
        zipfile.BadZipFile, RuntimeError, EOFError, OSError,
    ):  # fmt: skip
        raise _Refused(NOT_A_STATE_DICT) from None


def _read_archive(content: bytes) -> Any:
    # zipfile makes an object for each entry before any of them can be checked.
    if content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise _Refused("is a zip archive of too many files")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = _read_members(archive, len(content))
    if members.get("byteorder", b"little") != b"little":
        raise _Refused("was saved on a big-endian machine")
    return _Pickles(lambda key: members.get(f"data/{key}", b"")).read(BytesIO(members["data.pkl"]))


def _read_members(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    """Return the files of a state dict, by their names in the archive's folder."""
    listed = archive.infolist()
    inside = [each.filename.partition("/")[2] for each in listed]
    if "constants.pkl" in inside:
        raise _Refused("is a TorchScript program, not a state dict")
    if "data.pkl" not in inside:
        raise _Refused("is a zip archive without a state dict in it")
    whole = all(each.compress_size == each.file_size and not each.compress_type for each in listed)
    if not whole or sum(each.file_size for each in listed) > size:
        raise _Refused("is a zip archive of compressed files, which torch.save does not write")
    if len(set(inside)) != len(inside):
        raise _Refused("is a zip archive with two files of one name")
    return {name: archive.read(each) for name, each in zip(inside, listed, strict=True)}


def _read_legacy(content: bytes) -> Any:
    """Read the pickles (magic number, version, machine, state, storage keys), then the storages."""
    file, pickles = BytesIO(content), _Pickles(None)
    *header, machine, state, keys = [pickles.read(file) for _ in range(5)]
    if tuple(header) != LEGACY_HEADER or machine["little_endian"] is not True:
        raise _Refused(NOT_A_STATE_DICT)
    for key in keys:
        storage = pickles.storages.pop(key)
        count = int.from_bytes(file.read(8), "little")
        storage.data = bytearray(file.read(storage.bytes))
        if (count, len(storage.data)) != (storage.count, storage.bytes):
            raise _Refused(OTHER_SIZE)
    if pickles.storages or file.read(1):
        raise _Refused(OTHER_SIZE)
    return state


class _Pickles:
    """Reads the pickles of one file. `find_data` returns the bytes of a storage by its key, and is
    None where they come after the pickles."""

    def __init__(self, find_data: Callable[[str], bytes] | None) -> None:
        self._find_data = find_data
        self.storages: dict[str, _Storage] = {}

    def read(self, file: BinaryIO) -> Any:
        """Carry out one pickle, to its end, as torch's own loader of weights does.

        Raises _Refused, and what operations on values of wrong types raise.
        """
        begin = file.tell()
        stack: list[Any] = []
        marks: list[list[Any]] = []
        memo: dict[Any, Any] = {}
        for number, (opcode, argument, _) in enumerate(genops(file)):
            if number == MOST_OPERATIONS:
                raise _Refused(TOO_MUCH)
            operation = opcode.name
            match operation:
                case "PROTO" | "STOP":
                    pass
                case "MARK":
                    marks.append(stack)
                    stack = []
                case "GLOBAL":
                    stack.append(_check_allowed(argument))
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    count = int(operation[-1])
                    stack[-count:] = [tuple(stack[-count:])]
                case "TUPLE":
                    items, stack = stack, marks.pop()
                    stack.append(tuple(items))
                case "APPEND":
                    item = stack.pop()
                    stack[-1].append(item)
                case "APPENDS":
                    items, stack = stack, marks.pop()
                    stack[-1].extend(items)
                case "SETITEM":
                    items = stack[-2:]
                    del stack[-2:]
                    _set_items(stack[-1], items)
                case "SETITEMS":
                    items, stack = stack, marks.pop()
                    _set_items(stack[-1], items)
                case "BUILD":  # attributes of an OrderedDict, such as _metadata
                    stack.pop()
                    if type(stack[-1]) is not OrderedDict:
                        raise TypeError
                case "BINPERSID":
                    stack.append(self._find_storage(stack.pop()))
                case "REDUCE":
                    arguments, function = stack.pop(), stack.pop()
                    stack.append(_call(function, arguments))
                case _ if operation in NEW:
                    stack.append(NEW[operation]())
                case _ if operation in CONSTANTS:
                    stack.append(argument)
                case _:
                    raise _Refused(f"is not a state dict: its pickle contains {operation}")
        if file.tell() - begin > LONGEST_PICKLE:
            raise _Refused(TOO_MUCH)
        return stack.pop()

    def _find_storage(self, claimed: tuple[Any, ...]) -> _Storage:
        _, kind, key, _, count = claimed[:5]  # a legacy file has a sixth, which is None
        key = key.decode("ascii") if isinstance(key, bytes) else key
        if not isinstance(key, str) or not _are_counts(count) or any(claimed[5:]):
            raise TypeError
        dtype, size = STORAGES[kind]
        found = self.storages.setdefault(key, _Storage(dtype, count, count * size))
        if (found.dtype, found.count) != (dtype, count):
            raise _Refused("is damaged: it describes one tensor in two ways")
        if found.data is None and self._find_data:
            found.data = bytearray(self._find_data(key))
            if len(found.data) != found.bytes:
                raise _Refused(OTHER_SIZE)
        return found


def _check_allowed(name: Any) -> str:
    if name not in ALLOWED:
        dotted = abbreviate(name.replace(" ", "."))
        raise _Refused(
            f"contains {dotted}, which is more than weights and is not run; save it again with "
            "torch.save(model.state_dict(), …)"
        )
    return str(name)


def _set_items(target: Any, items: list[Any]) -> None:
    """Keys are plain values: hashing deeply nested tuples would overflow the stack."""
    keys = items[::2]
    if not isinstance(target, dict) or not all(
        isinstance(each, str | int | bytes | float | None) for each in keys
    ):
        raise TypeError
    target.update(zip(keys, items[1::2], strict=True))


def _call(function: str, arguments: tuple[Any, ...]) -> Any:
    """Return what an allowed function returns. Raises TypeError for arguments it does not take."""
    if function == TENSOR:
        return _check_tensor(*arguments[:4])
    if function == SIZE and _are_counts(*arguments[0]):
        return arguments[0]
    if function == PARAMETER and isinstance(arguments[0], SavedTensor):
        return arguments[0]
    if function == ORDERED and not arguments:
        return OrderedDict()
    if function == DEVICE:
        return None
    raise TypeError


def _check_tensor(
    storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> SavedTensor:
    """Refuse a tensor that is larger than its storage, which torch would enlarge."""
    if not _are_counts(offset, *size, *stride) or len(size) > MOST_DIMENSIONS:
        raise TypeError
    steps = [(length - 1) * step for length, step in zip(size, stride, strict=True)]
    end = offset + sum(steps) + 1 if all(size) else offset
    if end > storage.count or math.prod(size) > storage.count:
        raise _Refused("is damaged: it claims a tensor that is larger than its data")
    return SavedTensor(storage, offset, size, stride)


def _are_counts(*numbers: Any) -> bool:
    return all(type(each) is int and each >= 0 for each in numbers)
