"""Images of any dataset for a network: those of its classes, matched by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.datasets import class_names_of, load_dataset, resolve_auto
from core.data.drawn.dataset import DRAWN, load_split
from core.errors import DataError, printable
from core.events import Event

if TYPE_CHECKING:
    from torch import Tensor

NAMED = 5  # labels and classes in a message


@dataclass(frozen=True)
class MatchedImages:
    """Images, uint8 (N, 28, 28), with labels (N,) that are the numbers of a network's classes.
    `left_out` counts the images of other labels."""

    images: Tensor
    labels: Tensor
    left_out: Counter[str]

    def describe_left_out(self) -> str:
        """Return how many images are left out, "" for none."""
        if not self.left_out:
            return ""
        count = self.left_out.total()
        images = "1 image" if count == 1 else f"{count:,} images"
        return f"left out {images} of labels that the network does not know: {_list(self.left_out)}"


def load_matching(
    dataset: str, data: str | None, names: Sequence[str], split: str
) -> Generator[Event, None, MatchedImages]:
    """Load the "test" or "train" images of a dataset whose labels are among the `names` of a
    network's classes. Raises DataError where there are none."""
    name = resolve_auto(dataset)
    if name == DRAWN:
        here, images, labels = yield from load_split(split)
    else:
        here = class_names_of(name)
        name, tensors = yield from load_dataset(name, data)
        images, labels = tensors.of_split(split)
    matched = _match(images, labels, here, names)
    if not len(matched.labels):
        theirs, ours = _list(matched.left_out), _list(names)
        raise DataError(
            f"no {split} image of {printable(name)} has a label that the network knows: they have "
            f"{theirs}, and the network's classes are {ours}"
        )
    return matched


def _match(
    images: Tensor, labels: Tensor, here: Sequence[str], names: Sequence[str]
) -> MatchedImages:
    import torch

    numbers = {name: number for number, name in enumerate(names)}
    theirs = torch.tensor([numbers.get(name, -1) for name in here])
    matched = theirs[labels]
    is_known = matched >= 0
    left_out = Counter(here[each] for each in labels[~is_known].tolist())
    return MatchedImages(images[is_known], matched[is_known], left_out)


def _list(labels: Sequence[str] | Counter[str]) -> str:
    shown = [printable(each) for each in labels][: NAMED + 1]
    return ", ".join([*shown[:NAMED], *(["…"] if len(shown) > NAMED else [])])
