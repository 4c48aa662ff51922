"""Read pickles as plain values, without running anything that they name.

Python's unpickler imports and calls what a pickle names. Here its operations are carried out on
plain values: a function or class is a name (Global), and what it would return is a record of the
call (SavedObject). Only tensors are rebuilt, and every claim about them is checked against the
bytes that exist.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pickletools import genops
from typing import TYPE_CHECKING, Any, BinaryIO

from core.checkpoints.header import MOST_DIMENSIONS

if TYPE_CHECKING:
    from torch import Tensor

# The pickle of a state dict has 1 KB, that of a training script with all its losses some 100.
LONGEST_PICKLE = 4 * 2**20
MOST_OPERATIONS = 200_000

# The dtype of a storage by its name in a pickle, and the bytes of one number.
STORAGES = {
    "torch DoubleStorage": ("float64", 8), "torch FloatStorage": ("float32", 4),
    "torch HalfStorage": ("float16", 2), "torch BFloat16Storage": ("bfloat16", 2),
    "torch LongStorage": ("int64", 8), "torch IntStorage": ("int32", 4),
    "torch ShortStorage": ("int16", 2), "torch CharStorage": ("int8", 1),
    "torch ByteStorage": ("uint8", 1), "torch BoolStorage": ("bool", 1),
    "torch ComplexFloatStorage": ("complex64", 8), "torch ComplexDoubleStorage": ("complex128", 16),
    "torch.storage UntypedStorage": ("uint8", 1),
}  # fmt: skip
TENSOR, WITH_ATTRIBUTES = "torch._utils _rebuild_tensor_v2", "torch._tensor _rebuild_from_type_v2"
PARAMETERS = ("torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state")
ORDERED, SIZE = "collections OrderedDict", "torch Size"
SETS = ("__builtin__ set", "builtins set", "__builtin__ frozenset", "builtins frozenset")
CONSTANTS = {
    "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "SHORT_BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
NEW: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_TUPLE": tuple,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
WITHOUT_EFFECT = ("PROTO", "FRAME", "STOP")
OTHER_SIZE = "is damaged: it does not contain as much as it claims"
TOO_MUCH = "is not a state dict: it contains too much besides its tensors"


class Refused(ValueError):
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


@dataclass(frozen=True)
class Global:
    """A function or class that a pickle names: its module, a space and its name."""

    name: str


@dataclass(slots=True, eq=False)
class SavedObject:
    """What a pickle would make by a call of `name`, which is never called. `state` are its
    attributes, `items` and `elements` those of a class that is a dict or a list."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


class PickleReader:
    """Reads the pickles of one file. `find_data` returns the bytes of a storage by its key, and is
    None where they come after the pickles."""

    def __init__(self, find_data: Callable[[str], bytes] | None) -> None:
        self._find_data = find_data
        self.storages: dict[str, _Storage] = {}
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[Any, Any] = {}

    def read(self, file: BinaryIO) -> Any:
        """Return the value of one pickle, with sets as lists.

        Raises Refused, and what operations on values of wrong types raise.
        """
        begin = file.tell()
        self._stack, self._marks, self._memo = [], [], {}
        for number, (opcode, argument, _) in enumerate(genops(file)):
            if number == MOST_OPERATIONS:
                raise Refused(TOO_MUCH)
            if opcode.name in CONSTANTS:
                self._stack.append(argument)
            elif opcode.name in NEW:
                self._stack.append(NEW[opcode.name]())
            elif not (
                opcode.name in WITHOUT_EFFECT
                or self._use_memo(opcode.name, argument)
                or self._collect(opcode.name)
                or self._make_object(opcode.name, argument)
            ):
                raise Refused(f"is not a state dict: its pickle contains {opcode.name}")
        if file.tell() - begin > LONGEST_PICKLE:
            raise Refused(TOO_MUCH)
        return self._stack.pop()

    def _use_memo(self, operation: str, argument: Any) -> bool:
        """Store or repeat a value; return whether the operation does."""
        match operation:
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            case "BINGET" | "LONG_BINGET":
                self._stack.append(self._memo[argument])
            case _:
                return False
        return True

    def _collect(self, operation: str) -> bool:
        """Put values into a tuple, list, set or dict; return whether the operation does."""
        match operation:
            case "MARK":
                self._marks.append(self._stack)
                self._stack = []
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(operation[-1])
                self._stack[-count:] = [tuple(self._stack[-count:])]
            case "TUPLE":
                items = self._pop_mark()
                self._stack.append(tuple(items))
            case "FROZENSET":
                items = self._pop_mark()
                self._stack.append(items)
            case "APPEND":
                item = self._stack.pop()
                _elements_of(self._stack[-1]).append(item)
            case "APPENDS" | "ADDITEMS":
                items = self._pop_mark()
                _elements_of(self._stack[-1]).extend(items)
            case "SETITEM":
                items = self._stack[-2:]
                del self._stack[-2:]
                _set_items(self._stack[-1], items)
            case "SETITEMS":
                items = self._pop_mark()
                _set_items(self._stack[-1], items)
            case _:
                return False
        return True

    def _pop_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _make_object(self, operation: str, argument: Any) -> bool:
        """Name, call or fill a function or class; return whether the operation does."""
        stack = self._stack
        match operation:
            case "GLOBAL":
                stack.append(Global(argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(Global(f"{module:s} {name:s}"))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_call(function, arguments))
            case "NEWOBJ":
                arguments, made = stack.pop(), stack.pop()
                stack.append(SavedObject(made.name, arguments))
            case "NEWOBJ_EX":
                named, arguments, made = stack.pop(), stack.pop(), stack.pop()
                stack.append(SavedObject(made.name, (*arguments, named)))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], SavedObject):
                    stack[-1].state = state
                elif type(stack[-1]) is not OrderedDict:  # it has attributes, such as _metadata
                    raise TypeError
            case "BINPERSID":
                stack.append(self._find_storage(stack.pop()))
            case _:
                return False
        return True

    def _find_storage(self, claimed: tuple[Any, ...]) -> _Storage | Global:
        """Return a storage; a legacy file names the classes of layers in this way too."""
        if claimed[0] == "module" and isinstance(claimed[1], Global):
            return claimed[1]
        _, kind, key, _, count = claimed[:5]  # a legacy file has a sixth, which is None
        key = key.decode("ascii") if isinstance(key, bytes) else key
        if not isinstance(key, str) or not _are_counts(count) or any(claimed[5:]):
            raise TypeError
        dtype, size = STORAGES[kind.name]
        found = self.storages.setdefault(key, _Storage(dtype, count, count * size))
        if (found.dtype, found.count) != (dtype, count):
            raise Refused("is damaged: it describes one tensor in two ways")
        if found.data is None and self._find_data:
            found.data = bytearray(self._find_data(key))
            if len(found.data) != found.bytes:
                raise Refused(OTHER_SIZE)
        return found


def _elements_of(target: Any) -> list[Any]:
    found = target.elements if isinstance(target, SavedObject) else target
    if not isinstance(found, list):
        raise TypeError
    return found


def _set_items(target: Any, items: list[Any]) -> None:
    """Set keys and values in turn. A key that is no plain value becomes one of its own: hashing
    deeply nested tuples would overflow the stack."""
    found = target.items if isinstance(target, SavedObject) else target
    if not isinstance(found, dict):
        raise TypeError
    plain = (str, int, bytes, float, type(None))
    keys = [each if isinstance(each, plain) else SavedObject("a key") for each in items[::2]]
    found.update(zip(keys, items[1::2], strict=True))


def _call(function: Any, arguments: tuple[Any, ...]) -> Any:
    """Return the tensor, dict, set or size that a call returns, and a SavedObject of any other."""
    name = function.name
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        return SavedObject(name, (arguments,))
    first = arguments[0] if arguments else None
    if name == TENSOR and isinstance(first, _Storage):
        return _check_tensor(*arguments[:4])
    if name in PARAMETERS and isinstance(first, SavedTensor):
        return first
    if name == WITH_ATTRIBUTES and isinstance(first, Global) and first.name == TENSOR:
        return _check_tensor(*arguments[2][:4])
    if name == SIZE and isinstance(first, tuple) and _are_counts(*first):
        return first
    if name == ORDERED and not arguments:
        return OrderedDict()
    if name in SETS and (first is None or isinstance(first, list)):
        return first or []
    return SavedObject(name, arguments)


def _check_tensor(
    storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> SavedTensor:
    """Refuse a tensor that is larger than its storage, which torch would enlarge."""
    if not _are_counts(offset, *size, *stride) or len(size) > MOST_DIMENSIONS:
        raise TypeError
    steps = [(length - 1) * step for length, step in zip(size, stride, strict=True)]
    end = offset + sum(steps) + 1 if all(size) else offset
    if end > storage.count or math.prod(size) > storage.count:
        raise Refused("is damaged: it claims a tensor that is larger than its data")
    return SavedTensor(storage, offset, size, stride)


def _are_counts(*numbers: Any) -> bool:
    return all(type(each) is int and each >= 0 for each in numbers)
