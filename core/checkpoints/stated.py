"""What an exported safetensors file states of its network beside the weights: text, not code."""

from __future__ import annotations

import json
from typing import Any

from core.checkpoints.header import LONGEST_TEXT, CheckpointInfo
from core.class_names import DIGITS, find_names_problem

LONGEST_NAMES = 2**17  # characters of all names of classes


def state_network(info: CheckpointInfo) -> dict[str, str]:
    """Return the metadata that `read_stated` reads; empty for a network of the program's."""
    stated = {"arch": info.arch, "network": info.network} if info.network else {}
    if info.class_names != DIGITS:
        stated |= {"class_names": json.dumps(info.class_names), "dataset": info.dataset}
    return stated


def read_stated(metadata: object) -> tuple[str, tuple[str, ...], str]:
    """Return the text of the network, the names of its classes and its dataset, each empty where
    the metadata of a file states nothing that is one."""
    table: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    network, names, dataset = (table.get(key) for key in ("network", "class_names", "dataset"))
    return (
        network if isinstance(network, str) else "",
        _read_names(names),
        dataset if isinstance(dataset, str) and len(dataset) <= LONGEST_TEXT else "",
    )


def _read_names(text: object) -> tuple[str, ...]:
    if not isinstance(text, str) or len(text) > LONGEST_NAMES:
        return ()
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    is_named = isinstance(names, list) and not find_names_problem(names)
    return tuple(names) if is_named else ()
