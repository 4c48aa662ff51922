"""Runs that train in turn on one thread: when each lets the others train, and what they share."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch

from core.data.datasets import Tensors
from core.events import Event
from core.models.input_scaling import InputScaling
from core.runs.data_folder import check_unchanged, load_run_data
from core.training.learner import prepare_images


class TurnOver(Event, recorded=False, serializable=False):
    """The run lets the others train, and continues where the next event is taken.

    `samples` and `seconds` are those that it has trained so far, without evaluating and saving.
    """

    samples: int
    seconds: float
    is_waiting: bool  # for a command: it is paused


class SharedImages:
    """The images of several runs, each kept once: a run adds the memory of its network alone."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str | None], tuple[str, Tensors]] = {}
        self._prepared: dict[object, Tensors] = {}

    def load(
        self, dataset: str, stored: dict[str, Any], data: str | None
    ) -> Generator[Event, None, tuple[str, Tensors]]:
        """Load a run's dataset as `load_run_data` does, once for all. Raises DataError."""
        key = (dataset, data)
        if key in self._loaded:
            check_unchanged(dataset, stored, self._loaded[key])
        else:
            self._loaded[key] = yield from load_run_data(dataset, stored, data, exact=True)
        return self._loaded[key]

    def prepare(
        self, tensors: Tensors, scaling: InputScaling, shift: int, device: torch.device
    ) -> Tensors:
        """Return the images as `prepare_images` does. `tensors` are those that `load` returned."""
        key = (id(tensors), scaling, shift, device)
        if key not in self._prepared:
            self._prepared[key] = prepare_images(tensors, scaling, shift, device)
        return self._prepared[key]


@dataclass
class Turn:
    """How far a run trains before it lets the others train: set before each of its turns.

    `race` is the name of the race that the run belongs to.
    """

    images: SharedImages = field(default_factory=SharedImages)
    race: str = ""
    until_samples: float = math.inf
    until_seconds: float = math.inf

    def is_over(self, samples: int, seconds: float) -> bool:
        return samples >= self.until_samples or seconds >= self.until_seconds
