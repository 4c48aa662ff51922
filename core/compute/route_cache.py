"""Keeps the routes that were measured on this machine, a file each in the user's cache folder.

A file is found by what its measuring depended on: another processor, version of PyTorch, network,
batch size or number of cores has another file. Files are replaced whole, so several processes can
write them, and one that is damaged is measured again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.compute.cores import cpu_cores
from core.compute.routes import parse_parts
from core.compute.usage import cpu_model
from core.errors import CheckpointError, UsageError, explain
from core.files import open_regular_file, replace_file
from core.user import cache_folder

if TYPE_CHECKING:
    import torch

FOLDER = "routes"
VERSION = 2  # raised when others are measured, or in another way
LARGEST_FILE = 2**16


@dataclass(frozen=True)
class RouteKey:
    """What measured routes depend on. `device` is the name of a GPU, else cpu or mps."""

    processor: str
    cores: int
    device: str
    torch: str
    network: str
    batch_size: int
    optimizer: str
    precision: str  # as set: what may be chosen from depends on it
    threads: str
    version: int = VERSION


@dataclass(frozen=True)
class CachedRoute:
    """The routes chosen, and by how much they are faster than the `default`: 1.25 is a quarter.

    `notes` are what to tell with them, `failed` the routes that raised an error, and that error.
    """

    key: RouteKey
    routes: str
    default: str
    speedup: float
    notes: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


def key_here(
    network: str,
    batch_size: int,
    optimizer: str,
    precision: str,
    threads: int | str,
    device: torch.device,
) -> RouteKey:
    """Return the key of these settings on this machine."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return RouteKey(
        processor=cpu_model(),
        cores=cpu_cores(),
        device=name,
        torch=str(torch.__version__),
        network=network,
        batch_size=batch_size,
        optimizer=optimizer,
        precision=precision,
        threads=str(threads),
    )


def read_cached(key: RouteKey) -> CachedRoute | None:
    """Return what was measured before; None where it was not, or its file cannot be read."""
    name = _file_name(key)
    found = _read(cache_folder(name) / name)
    return found if found and found.key == key else None


def write_cached(entry: CachedRoute) -> str | None:
    """Keep what was measured. Return why that is not possible, None where it was."""
    name = _file_name(entry.key)
    path = cache_folder() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(asdict(entry), indent=2).encode() + b"\n")
    except OSError as error:
        return f"{path.parent} cannot be written ({explain(error)})"
    return None


def list_cached() -> Iterator[CachedRoute]:
    """Yield what was measured on this processor with this number of cores, by network and batch."""
    folder = cache_folder(FOLDER) / FOLDER
    found = [each for path in folder.glob("*.json") if (each := _read(path))]
    here = [e for e in found if (e.key.processor, e.key.cores) == (cpu_model(), cpu_cores())]
    yield from sorted(here, key=lambda each: (each.key.network, each.key.batch_size, str(each.key)))


def _file_name(key: RouteKey) -> str:
    text = json.dumps(asdict(key), sort_keys=True)
    return f"{FOLDER}/{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"


def _read(path: Path) -> CachedRoute | None:
    """Return the entry in a file, None where there is none or it is damaged."""
    damaged = (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError)
    with suppress(CheckpointError, *damaged):
        with open_regular_file(path) as file:
            row: dict[str, Any] = json.loads(file.read(LARGEST_FILE))
        key = RouteKey(**{each.name: row["key"][each.name] for each in fields(RouteKey)})
        for text in (row["routes"], row["default"]):
            parse_parts(text)
        return CachedRoute(
            key=key,
            routes=row["routes"],
            default=row["default"],
            speedup=float(row["speedup"]),
            notes=tuple(map(str, row["notes"])),
            failed={str(name): str(why) for name, why in row["failed"].items()},
        )
    return None
