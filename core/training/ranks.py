"""This process's place among those that torchrun started, and its part of each batch.

No torch here: the command line reads the place before anything is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from core.errors import UsageError

# The environment variables that torchrun sets for each process.
TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """Of this process among all (`rank` of `world`), and among those of its machine."""

    rank: int
    world: int
    local_rank: int
    local_world: int


def launched() -> Place | None:
    """This process's place; None where it trains on its own. Raises UsageError."""
    if not all(name in os.environ for name in TORCHRUN_VARIABLES):
        return None
    local = os.environ.get("LOCAL_WORLD_SIZE", "1")
    try:
        numbers = [int(os.environ[name]) for name in TORCHRUN_VARIABLES[:3]] + [int(local)]
    except ValueError:
        names = ", ".join(TORCHRUN_VARIABLES[:3])
        raise UsageError(
            f"{names} in the environment must be numbers, as torchrun sets them"
        ) from None
    place = Place(*numbers)
    return place if place.world > 1 else None


def part(count: int, rank: int, world: int) -> slice:
    """That rank's of so many digits. No two parts differ by more than one; it may be empty."""
    return slice(count * rank // world, count * (rank + 1) // world)


def check_shared(batch_size: int, world: int) -> None:
    """Raises UsageError where a batch has no digit for one of so many processes."""
    if batch_size < world:
        raise UsageError(
            f"--batch-size {batch_size} is less than one digit for each of the {world} processes "
            "that share it"
        )
