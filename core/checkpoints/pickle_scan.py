"""What other programs saved with torch.save: looked through first, then loaded as weights alone.

torch.load(weights_only=True) runs no code of a file's, but allocates what the file claims, and
takes apart whatever archive it is given. So each claim is held against the bytes that are there, by
going through the pickle's operations without carrying one out, and the archive is made anew.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pickletools import genops
from typing import Any, BinaryIO

from core.checkpoints.header import MOST_DIMENSIONS, plain
from core.errors import first_line

ZIP, LEGACY = b"PK\x03\x04", b"\x80"
# A state dict's pickle is 1 KB, that of a whole training's state with all its losses some 100.
LONGEST_PICKLE = 4 * 2**20
MOST_OPERATIONS = 200_000
MOST_MEMBERS = 10_000
# In a legacy file: a magic number, a version, the machine, the state, and its storages' keys.
LEGACY_PICKLES = 5

# Bytes of one number, by what a pickle calls its storage.
STORAGES = {
    "torch DoubleStorage": 8,
    "torch FloatStorage": 4,
    "torch HalfStorage": 2,
    "torch BFloat16Storage": 2,
    "torch LongStorage": 8,
    "torch IntStorage": 4,
    "torch ShortStorage": 2,
    "torch CharStorage": 1,
    "torch ByteStorage": 1,
    "torch BoolStorage": 1,
}
ORDERED, SIZE = "collections OrderedDict", "torch Size"
TENSOR, PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
ALLOWED = {*STORAGES, ORDERED, SIZE, TENSOR, PARAMETER, "torch device"}
CONSTANTS = {
    "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE", "SHORT_BINSTRING",
}  # fmt: skip


class _Refused(ValueError):
    """Its text goes after the file's name."""


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    count: int


@dataclass(frozen=True)
class _Made:
    """What a pickle would have made, of which nothing else matters."""

    kind: str


def load_pickled(content: bytes) -> Any:
    """What was saved in a file of torch.save's, tensors on the CPU. Raises ValueError whose text
    goes after the file's name.
    """
    checked = _checked_archive(content) if content.startswith(ZIP) else _checked_legacy(content)
    import torch

    try:
        return torch.load(BytesIO(checked), weights_only=True, map_location="cpu")
    except Exception as error:  # what its loader may raise is not told, and is all kinds
        raise ValueError(f"cannot be read ({plain(first_line(error))})") from None


def _checked_archive(content: bytes) -> bytes:
    """The archive, made anew of the members that a state dict has."""
    # zipfile makes an object of each entry that there is before anything can be asked of it.
    if content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise ValueError("is a zip archive of too many files")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            found = _members(archive, len(content))
    except (
        zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError,
        OverflowError, KeyError, struct.error,
    ) as error:  # fmt: skip
        raise ValueError(f"is damaged ({plain(first_line(error))})") from None
    if isinstance(found, str):
        raise ValueError(found)
    _Claims(lambda key: len(found.get(f"data/{key}", b""))).check(BytesIO(found["data.pkl"]))
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, member in found.items():
            archive.writestr(f"archive/{name}", member)
    return made.getvalue()


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, bytes] | str:
    """Those that torch.load needs, by their names in the archive's folder; or why none are."""
    listed = archive.infolist()
    inside = [each.filename.partition("/")[2] for each in listed]
    if "constants.pkl" in inside:
        return "is a TorchScript program, not a state dict"
    if "data.pkl" not in inside:
        return "is a zip archive without a state dict in it"
    whole = all(each.compress_size == each.file_size and not each.compress_type for each in listed)
    if not whole or sum(each.file_size for each in listed) > size:
        return "is a zip archive of compressed files, of which torch.save makes none"
    if len(set(inside)) != len(inside):
        return "is a zip archive that has two files of one name"
    needed = [
        (name, each)
        for name, each in zip(inside, listed, strict=True)
        if name in ("data.pkl", "version", "byteorder") or name.startswith("data/")
    ]
    return {name: archive.read(each) for name, each in needed}


def _checked_legacy(content: bytes) -> bytes:
    file, claims = BytesIO(content), _Claims(None)
    for _ in range(LEGACY_PICKLES):
        claims.check(file)
    # Before each storage is its length.
    if claims.bytes + 8 * claims.storages != len(content) - file.tell():
        raise ValueError("is damaged: it does not hold as much as it claims")
    return content


class _Claims:
    """What pickles claim of storages, `bytes` in all. `held` says how many bytes the one of a key
    has, where that can be known."""

    def __init__(self, held: Callable[[str], int] | None) -> None:
        self.held, self.bytes = held, 0
        self._storages: dict[str, tuple[str, int]] = {}

    @property
    def storages(self) -> int:
        return len(self._storages)

    def check(self, file: BinaryIO) -> None:
        """Goes through one pickle, to its end. Raises ValueError whose text goes after the file's
        name: for what is no state dict, or would need more than the file holds.
        """
        begin = file.tell()
        try:
            self._go_through(file)
        except _Refused:
            raise
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error):
            raise _Refused("is damaged, or is not a state dict") from None
        if file.tell() - begin > LONGEST_PICKLE:
            raise _Refused("is not a state dict: it holds too much beside its tensors")

    def _go_through(self, file: BinaryIO) -> None:
        """As torch's own loader of weights does, with what is here in place of the real things."""
        stack: list[Any] = []
        marks: list[list[Any]] = []
        memo: dict[Any, Any] = {}
        for number, (opcode, argument, _) in enumerate(genops(file)):
            if number == MOST_OPERATIONS:
                raise _Refused("is not a state dict: it holds too much beside its tensors")
            operation = opcode.name
            match operation:
                case "PROTO" | "STOP":
                    pass
                case "MARK":
                    marks.append(stack)
                    stack = []
                case "GLOBAL":
                    stack.append(_allowed(argument))
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "NONE" | "NEWTRUE" | "NEWFALSE":
                    stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[operation])
                case "EMPTY_DICT" | "EMPTY_LIST":
                    stack.append(_Made(operation))
                case "EMPTY_TUPLE":
                    stack.append(())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    count = int(operation[-1])
                    stack[-count:] = [tuple(stack[-count:])]
                case "TUPLE":
                    items, stack = stack, marks.pop()
                    stack.append(tuple(items))
                case "APPEND":
                    stack.pop()
                case "APPENDS":
                    stack = marks.pop()
                case "SETITEM":
                    _check_keys([stack[-2]])
                    del stack[-2:]
                case "SETITEMS":
                    _check_keys(stack[::2])
                    stack = marks.pop()
                case "BUILD":
                    stack.pop()
                    if stack[-1] != _Made(ORDERED):
                        raise TypeError
                case "BINPERSID":
                    stack.append(self._storage(stack.pop()))
                case "REDUCE":
                    arguments, function = stack.pop(), stack.pop()
                    stack.append(_made(function.name, arguments))
                case _ if operation in CONSTANTS:
                    stack.append(argument)
                case _:
                    raise _Refused(f"is not a state dict: its pickle has {operation} in it")

    def _storage(self, claimed: tuple[Any, ...]) -> _Storage:
        _, kind, key, _, count = claimed[:5]  # a legacy file has a sixth
        key = key.decode("ascii") if isinstance(key, bytes) else key
        if not isinstance(key, str) or not _are_counts(count):
            raise TypeError
        size = count * STORAGES[kind.name]
        if key not in self._storages:
            self._storages[key] = (kind.name, count)
            self.bytes += size
        if self._storages[key] != (kind.name, count):
            raise _Refused("is damaged: it says two things of one tensor")
        if self.held and self.held(key) != size:
            has = f"{size:,} bytes for a tensor and has {self.held(key):,}"
            raise _Refused(f"is damaged: it claims {has}")
        return _Storage(count)


def _allowed(name: Any) -> _Global:
    if name not in ALLOWED:
        dotted = plain(name.replace(" ", "."))
        raise _Refused(
            f"holds {dotted}, which is more than weights, and is not run; save it again with "
            "torch.save(model.state_dict(), …)"
        )
    return _Global(name)


def _check_keys(keys: list[Any]) -> None:
    if not all(isinstance(each, str | int | bytes | float | None) for each in keys):
        raise TypeError


def _made(function: str, arguments: tuple[Any, ...]) -> Any:
    """What a function that is allowed would make, where it may be called so."""
    if function == TENSOR:
        _check_tensor(*arguments[:4])
    elif function == SIZE:
        (size,) = arguments
        if not _are_counts(*size):
            raise TypeError
        return size
    elif function == PARAMETER:
        if arguments[0] != _Made(TENSOR):
            raise TypeError
        return arguments[0]
    elif function in STORAGES or (function == ORDERED and arguments):
        raise TypeError
    return _Made(function)


def _check_tensor(
    storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    """torch makes a storage larger that is too small for its tensor."""
    if not _are_counts(offset, *size, *stride) or len(size) > MOST_DIMENSIONS:
        raise TypeError
    steps = [(length - 1) * step for length, step in zip(size, stride, strict=True)]
    end = offset + sum(steps) + 1 if all(size) else offset
    if end > storage.count or math.prod(size) > storage.count:
        raise _Refused("is damaged: it claims a tensor that is larger than what it holds of it")


def _are_counts(*numbers: Any) -> bool:
    return all(type(each) is int and each >= 0 for each in numbers)
