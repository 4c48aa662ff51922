"""The interface of a dataset: its tensors and how they are loaded. No torch is imported here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.class_names import DIGITS
from core.errors import UsageError
from core.events import Event

if TYPE_CHECKING:
    import torch


class Tensors(NamedTuple):
    """Images are uint8 (N, 28, 28), 0 background and 255 ink; labels are int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor

    def of_split(self, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the images and labels of the split "test" or "train"."""
        if split == "test":
            return self.test_images, self.test_labels
        return self.train_images, self.train_labels

    def without_training(self) -> Tensors:
        """Return these without the training images, whose memory this does not keep."""
        images, labels = self.train_images, self.train_labels
        none = images.new_empty((0, *images.shape[1:])), labels.new_empty(0)
        return Tensors(*none, self.test_images, self.test_labels)


Loading = Generator[Event, None, Tensors]


@dataclass(frozen=True)
class Files:
    """The files of a dataset: in the folder of --data, or in its own in the user's cache folder.

    Each function takes the folder of --data, None for the default one, and neither downloads nor
    writes anything. `find_folder` returns where the files are or are downloaded to, `find_fault`
    why they cannot be used as they are, and `find_problem` why `load` would fail, which asks a
    mirror for what is missing. `size` says how much is downloaded.
    """

    find_folder: Callable[[str | None], Path]
    find_fault: Callable[[str | None], str | None]
    find_problem: Callable[[str | None], str | None]
    size: str = ""


@dataclass(frozen=True)
class Dataset:
    """A dataset that can be trained on.

    `missing` returns why its images are not on this machine, or None; `load` returns the tensors
    and raises DataError. Both take the folder of --data, None for the dataset's default folder.
    `title` is what it is called outside of this program; `files` is None where it has none that
    --data could name.
    """

    description: str
    missing: Callable[[str | None], str | None]
    load: Callable[[str | None], Loading]
    train_samples: int
    class_names: tuple[str, ...] = DIGITS
    title: str = ""
    files: Files | None = None

    def find_folder(self, data: str | None) -> Path | None:
        """Return the folder of the files, or where they are downloaded to; None without files."""
        return self.files.find_folder(data) if self.files else None

    def find_fault(self, data: str | None) -> str | None:
        """Return why the images on this machine cannot be used: missing, damaged; or None."""
        return self.files.find_fault(data) if self.files else self.missing(data)

    def find_problem(self, data: str | None) -> str | None:
        """Return why `load` would fail, without downloading or writing anything; or None."""
        return self.files.find_problem(data) if self.files else self.missing(data)

    def is_complete(self, data: str | None) -> bool:
        """Return whether the images are here undamaged, so that nothing would be downloaded."""
        try:
            return self.find_fault(data) is None
        except UsageError:  # there is no such home folder
            return False

    def describe_place(self, data: str | None) -> str:
        """Return whether the images are on this machine, or how they are downloaded."""
        why = self.missing(data)
        if why and self.files and data is None:
            return f"downloaded on first use: {self.files.size}"
        return why or "on this machine"

    @property
    def hint(self) -> str:
        """What to do where the files cannot be downloaded, "" for a dataset without files."""
        return f"pass the folder of {self.title} as --data" if self.files else ""
