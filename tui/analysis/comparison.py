"""Runs and checkpoints beside one another: where their settings, figures and guesses differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.events import CheckpointScored, Digit
from core.models.softmax import softmax
from tui.analysis.confusion import Confusion, class_scores
from tui.state.app_state import MOST_COMPARED
from tui.state.run_state import RunState

if TYPE_CHECKING:
    from numpy import ndarray

    from core.runs.catalog import RunListed

LEAST_COMPARED = 2
LETTERS = "abcd"[:MOST_COMPARED]
# Where runs lie is no setting of theirs.
NO_SETTINGS = ("checkpoints",)
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Difference:
    """One setting: its value in each of those that are compared; None where it is not known."""

    name: str
    values: tuple[Any, ...]


def config_differences(configs: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """The settings that are not the same in all, in the order in which a config has them."""
    names = dict.fromkeys(name for config in configs for name in config if name not in NO_SETTINGS)
    found = [Difference(name, tuple(config.get(name) for config in configs)) for name in names]
    # As texts: to Python True and 1 are the same.
    return [each for each in found if len({repr(value) for value in each.values}) > 1]


def value_text(value: Any) -> str:
    """A setting's value in words; there may be anything in a file."""
    text = "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


@dataclass(frozen=True)
class Figures:
    """What a run has come to. Accuracies 0 to 1; None where nothing was told of it."""

    best_accuracy: float | None
    final_accuracy: float | None
    best_test_loss: float | None
    final_test_loss: float | None
    training_loss: float | None  # the mean of its last epoch's steps
    epochs: float | None  # done
    planned: int | None
    samples_per_second: float | None  # the mean of what was told
    train_seconds: float | None
    by_class: tuple[float | None, ...]  # accuracy of each class at the last evaluation


def figures_of(state: RunState, listed: RunListed | None = None) -> Figures:
    """What its record tells, and beside it what its checkpoints say."""
    infos = [each.info for each in listed.checkpoints if each.info] if listed else []
    headers = [each.test_accuracy for each in infos if each.test_accuracy is not None]
    # The scores are the newest alone; the curves have all of them, thinned out.
    tested = [value for _, value in state.curves.accuracies.points]
    losses = [value for _, value in state.curves.test_losses.points]
    speeds = [value for _, value in state.curves.speeds.points]
    run, score = state.started, state.score
    return Figures(
        best_accuracy=max(
            (*headers, *tested, *(each.accuracy for each in state.scores)), default=None
        ),
        final_accuracy=score.accuracy if score else None,
        best_test_loss=min((*losses, *(each.loss for each in state.scores)), default=None),
        final_test_loss=score.loss if score else None,
        training_loss=state.epoch_loss,
        epochs=round(state.step / run.steps_per_epoch, 2) if run else None,
        planned=run.epochs if run else None,
        samples_per_second=sum(speeds) / len(speeds) if speeds else None,
        train_seconds=infos[0].train_seconds if infos else state.seconds if run else None,
        by_class=class_accuracies(score.confusion if score else ()),
    )


def class_accuracies(confusion: Confusion) -> tuple[float | None, ...]:
    """Of the digits of each class the share that were found, 0 to 1; empty where that is not
    known."""
    return tuple(each.recall for each in class_scores(confusion)) if confusion else ()


def same_digits(scored: Sequence[CheckpointScored]) -> bool:
    """Whether they were scored on the very same test digits."""
    first = scored[0]
    return all(
        each is first or (each.labels == first.labels and each.images == first.images)
        for each in scored
    )


def disagreements(logits: Sequence[bytes]) -> tuple[int, ...]:
    """The indices of the digits that not all networks take for the same, the most contested first.
    `logits` are each network's, float32 (N, 10), of the same digits.

    How contested a digit is says the Jensen-Shannon divergence of what they say of it: most, where
    each is sure and means something else. https://doi.org/10.1109/18.61115
    """
    import numpy

    said = numpy.stack([_logits(each) for each in logits])
    guesses = said.argmax(axis=2)
    differ = numpy.flatnonzero((guesses != guesses[0]).any(axis=0))
    shares = softmax(said[:, differ])
    divergence = _entropy(shares.mean(axis=0)) - _entropy(shares).mean(axis=0)
    return tuple(differ[numpy.argsort(-divergence, kind="stable")].tolist())


def _logits(logits: bytes) -> ndarray:
    """A network that has diverged says the same of every digit."""
    import numpy

    found = numpy.frombuffer(logits, dtype=numpy.float32).reshape(-1, 10)
    return numpy.where(numpy.isfinite(found).all(axis=1, keepdims=True), found, 0.0)


def _entropy(shares: ndarray) -> ndarray:
    import numpy

    return -(shares * numpy.log(numpy.maximum(shares, 1e-12))).sum(axis=-1)


def digits_of(scored: CheckpointScored, indices: Sequence[int]) -> tuple[Digit, ...]:
    """Those test digits, and what the network makes of them."""
    import numpy

    logits = numpy.frombuffer(scored.logits, dtype=numpy.float32).reshape(-1, 10)
    return tuple(
        Digit(
            index,
            scored.images[index * 784 : (index + 1) * 784],
            scored.labels[index],
            tuple(logits[index].tolist()),
        )
        for index in indices
    )
