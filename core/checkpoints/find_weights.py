"""Find the state dicts in what a program saved: alone, under keys, or inside a pickled network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.checkpoints.header import abbreviate
from core.checkpoints.pickle_reader import TOO_MUCH, Global, SavedObject, SavedTensor
from core.checkpoints.torch_save import SAVE_AGAIN

# Beginnings of what says nothing about the file: torch's, numpy's and Python's plain values.
PLAIN = (
    "torch._utils.", "torch.device", "torch.nn.modules.", "numpy.core.multiarray.",
    "numpy._core.multiarray.", "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer", "numpy.dtype", "collections.", "_codecs.encode",
)  # fmt: skip
# Below this depth of keys no network is looked for.
DEEPEST = 20
# More than a file needs; bounds the work on what a file claims, such as a network that is inside
# itself.
MOST_STATE_DICTS, MOST_LAYERS = 1_000, 10_000


@dataclass(frozen=True, eq=False)
class StateDict:
    """Tensors by name. `key` is where they are in the file, dotted, and empty for all of it."""

    key: str
    tensors: dict[str, Any]
    network: str = ""  # the class of a pickled network that they are part of
    others: tuple[str, ...] = ()  # names beside those of the tensors that are not of tensors
    repeated: tuple[str, ...] = ()  # names of tensors that are left out: the memory of another's
    layers: tuple[str, ...] = ()  # the classes of a pickled network's layers


@dataclass
class Found:
    """What a file contains; `classes` are those that its pickle names and that are not run.

    `network`, `class_names` and `dataset` are what a file of mnist-tui states of its network,
    empty where it states nothing or the default.
    """

    state_dicts: list[StateDict] = field(default_factory=list)
    classes: dict[str, None] = field(default_factory=dict)
    network: str = ""
    class_names: tuple[str, ...] = ()
    dataset: str = ""


def find_state_dicts(saved: Any) -> Found:
    """Return the state dicts of a file of torch.save. Those of optimizers are left out.

    Raises ValueError where there is none; its text continues the file's name.
    """
    found = Found()
    seen: set[int] = set()
    stack: list[tuple[tuple[str, ...], Any]] = [((), saved)]
    while stack:
        path, value = stack.pop()
        if id(value) in seen or len(path) > DEEPEST:
            continue
        seen.add(id(value))  # `saved` keeps all of them, so no other value gets this id
        if isinstance(value, SavedObject) or (isinstance(value, Global) and not path):
            found.classes[_dotted(value)] = None
        layers: list[str] = []
        if tensors := _network_tensors(value, layers):
            network = StateDict(".".join(path), tensors, _dotted(value), layers=tuple(layers))
            found.state_dicts.append(network)
            continue
        children = list(_children(value))
        if state_dict := _state_dict(".".join(path), children):
            found.state_dicts.append(state_dict)
        if len(found.state_dicts) > MOST_STATE_DICTS:
            raise ValueError(TOO_MUCH)
        below = ((path + ((str(key),) if key != "" else ()), each) for key, each in children)
        stack.extend(reversed(list(below)))
    if not found.state_dicts:
        raise ValueError("contains no tensors" if saved == {} else _explain(found))
    found.classes = {name: None for name in found.classes if not name.startswith(PLAIN)}
    return found


def select(found: list[StateDict], key: str) -> StateDict | None:
    """Return the tensors under a key, or under a prefix of names; None if there are none."""
    for each in found:
        if each.key == key:
            return each
    tensors = {}
    for each in found:
        for name, tensor in each.tensors.items():
            whole = f"{each.key}.{name}" if each.key else name
            if whole.startswith(f"{key}."):
                tensors[whole.removeprefix(f"{key}.")] = tensor
    return StateDict(key, tensors) if tensors else None


def split_by_prefix(names: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each prefix of several layers, and their tensors by the rest of their names; outer
    prefixes first."""
    groups: dict[str, dict[str, Any]] = {}
    for name, tensor in names.items():
        parts = name.split(".", DEEPEST)
        for end in range(1, len(parts) - 1):
            group = groups.setdefault(".".join(parts[:end]), {})
            group[".".join(parts[end:])] = tensor
    for prefix in sorted(groups, key=lambda each: each.count(".")):
        if len(groups[prefix]) < len(names):
            yield prefix, groups[prefix]


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the values inside a value, with their keys; of the attributes "" is the key."""
    if isinstance(value, dict):
        if not {"state", "param_groups"} <= value.keys():  # an optimizer's
            yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, SavedObject):
        yield from value.items.items()
        yield from enumerate(value.elements)
        yield from enumerate(value.arguments)
        yield "", value.state


def _state_dict(key: str, children: list[tuple[Any, Any]]) -> StateDict | None:
    tensors = {}
    others = []
    for name, value in children:
        if isinstance(name, str) and isinstance(value, SavedTensor):
            tensors[name] = value
        elif isinstance(name, str) and name:
            others.append(name)
    return StateDict(key, tensors, others=tuple(others)) if tensors else None


def _network_tensors(value: Any, layers: list[str]) -> dict[str, SavedTensor]:
    """Return the tensors of a pickled nn.Module by their names in its state dict, else nothing; add
    the classes of its modules to `layers`."""
    found: dict[str, SavedTensor] = {}
    stack = [("", value, 0)]
    count = 0
    while stack:
        prefix, module, depth = stack.pop()
        if (count := count + 1) > MOST_LAYERS:
            raise ValueError(TOO_MUCH)
        state = module.state if isinstance(module, SavedObject) else None
        if not isinstance(state, dict) or not isinstance(state.get("_modules"), dict):
            continue
        layers.append(_dotted(module))
        hidden = state.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            for name, tensor in _items(state.get(kind)):
                is_hidden = isinstance(hidden, list) and kind == "_buffers" and name in hidden
                if isinstance(tensor, SavedTensor) and not is_hidden:
                    found[f"{prefix}{name}"] = tensor
        if depth < DEEPEST:
            inside = [
                (f"{prefix}{name}.", each, depth + 1) for name, each in _items(state["_modules"])
            ]
            stack.extend(reversed(inside))
    return found


def _items(value: Any) -> list[tuple[str, Any]]:
    found = value.items() if isinstance(value, dict) else ()
    return [(name, each) for name, each in found if isinstance(name, str)]


def _dotted(value: Global | SavedObject) -> str:
    return value.name.replace(" ", ".")


def _explain(found: Found) -> str:
    for name in found.classes:
        return (
            f"contains {abbreviate(name)}, which is more than weights and is not run; {SAVE_AGAIN}"
        )
    return f"is not a state dict; {SAVE_AGAIN}"
