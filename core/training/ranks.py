"""This process's place among those that torchrun started, its part of a batch and its device.

torch is imported only where a device is chosen: the command line reads the place at its start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import DeviceError, UsageError

if TYPE_CHECKING:
    import torch

# The environment variables that torchrun sets for each process.
TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """`rank` of `world` processes; `local_rank` of the `local_world` on this machine."""

    rank: int
    world: int
    local_rank: int
    local_world: int


def launched() -> Place | None:
    """Return this process's place; None where it trains alone. Raises UsageError."""
    if not all(name in os.environ for name in TORCHRUN_VARIABLES):
        return None
    local = os.environ.get("LOCAL_WORLD_SIZE", "1")
    try:
        numbers = [int(os.environ[name]) for name in TORCHRUN_VARIABLES[:3]] + [int(local)]
    except ValueError:
        message = f"{', '.join(TORCHRUN_VARIABLES[:3])} in the environment must be numbers"
        raise UsageError(f"{message}, as torchrun sets them") from None
    place = Place(*numbers)
    return place if place.world > 1 else None


def part(count: int, rank: int, world: int) -> slice:
    """Return that rank's part of a batch of `count` samples, which may be empty.

    No two parts differ by more than one sample.
    """
    return slice(count * rank // world, count * (rank + 1) // world)


def choose_rank_device(name: str, place: Place) -> torch.device:
    """Return this rank's device of that name; several on a machine get a GPU each.

    Raises DeviceError and UsageError.
    """
    import torch

    from core.compute.devices import choose_device

    processes = place.local_world
    if name == "mps" or (name.startswith("cuda:") and processes > 1):
        raise UsageError(
            f"--device {name} cannot be shared by several processes: with torchrun, use cuda or cpu"
        )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not gpus):
        return torch.device("cpu")
    if processes == 1 or not gpus:
        return choose_device(name)
    if gpus < processes:
        raise DeviceError(
            f"torchrun started {processes} processes for {gpus} GPU{'s' * (gpus > 1)}: start "
            f"{gpus}, or train with --device cpu"
        )
    return torch.device("cuda", place.local_rank)
