"""The responses to requests for an evaluation, on images as they are or corrupted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.class_names import DIGITS, unpack_labels
from core.digit import Digit
from core.events import Event


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption of images, its strength, and the seed of its random numbers; see
    core/data/corruptions.py."""

    kind: str
    strength: float
    seed: int = 0


class CheckpointScored(Event, name="checkpoint_scored", recorded=False, serializable=False):
    """The response to ScoreCheckpoint, over the test set. `logits` are float32 (N, classes), in
    native byte order; `images` 784 bytes each, `labels` as `pack_labels` returns them. `unlike` is
    one byte for each image, 1 where it is unlike any digit; empty where that is not known.
    `corruption` is that of the images. `run`, `epoch`, `step` and `seed` are those of the
    checkpoint."""

    path: str
    arch: str
    dataset: str
    test_loss: float
    test_accuracy: float  # 0 to 1
    confusion: tuple[tuple[int, ...], ...]
    logits: bytes
    labels: bytes
    images: bytes = field(repr=False)
    unlike: bytes = field(default=b"", repr=False)
    corruption: Corruption | None = None
    class_names: tuple[str, ...] = DIGITS
    run: str = ""
    epoch: int | None = None
    step: int | None = None
    seed: int | None = None

    @property
    def classes(self) -> Sequence[int]:
        """The true class of each image."""
        return unpack_labels(self.labels, len(self.class_names))


@dataclass(frozen=True)
class CorruptionScore:
    """A network's predictions for test images with a corruption; None: for the images as they are.

    `counts` are the images of each class, `correct` how many of them are predicted correctly,
    `mistakes` the most confident of the others.
    """

    corruption: Corruption | None
    counts: tuple[int, ...] = ()
    correct: tuple[int, ...] = ()
    mistakes: tuple[Digit, ...] = field(default=(), repr=False)

    @property
    def samples(self) -> int:
        return sum(self.counts)

    @property
    def accuracy(self) -> float | None:
        """The share of correct predictions, 0 to 1; None before the first."""
        return sum(self.correct) / self.samples if self.samples else None

    @property
    def class_accuracy(self) -> tuple[float | None, ...]:
        """The accuracy of each class; None for a class without images."""
        pairs = zip(self.correct, self.counts, strict=True)
        return tuple(correct / count if count else None for correct, count in pairs)


class CorruptionsScored(Event, recorded=False, serializable=False):
    """The responses to ScoreCorruptions: the scores so far, that of the images as they are first.

    `done` is how much of the work that is, 0 to 1; the last response has 1.
    """

    path: str
    arch: str
    dataset: str
    epoch: int
    step: int
    samples: int  # in the test set
    class_names: tuple[str, ...]
    scores: tuple[CorruptionScore, ...] = field(repr=False)
    done: float
