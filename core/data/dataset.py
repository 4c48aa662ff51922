"""What a dataset is: its tensors, and how they come to be. No torch is imported here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core.class_names import DIGITS
from core.events import Event

if TYPE_CHECKING:
    import torch


class Tensors(NamedTuple):
    """Images are uint8 (N, 28, 28), 0 background and 255 ink; labels are int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


Loading = Generator[Event, None, Tensors]


@dataclass(frozen=True)
class Dataset:
    """A dataset that can be trained on.

    `missing` returns why the files are not on this machine, or None; `load` returns the tensors
    and raises DataError. Both take the folder of --data, None for the dataset's default folder.
    """

    description: str
    missing: Callable[[str | None], str | None]
    load: Callable[[str | None], Loading]
    train_samples: int
    class_names: tuple[str, ...] = DIGITS
