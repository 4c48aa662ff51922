"""Whether a network is dead: whatever the image, its output is the same."""

from functools import lru_cache

from tui.analysis.loss_trends import guessing_loss, training_loss_before
from tui.state.run_state import RunState

FEWEST_DIGITS = 3
# Between the outputs for two images; those of untrained networks differ by about 0.1.
SAME = 1e-3


def is_dead(state: RunState) -> bool:
    """Return whether the network gives every image the same output, as where all ReLUs of a layer
    output 0.

    That is seen in the newest of the predictions for the digits on the screen and those of the last
    evaluation. Where neither was kept, as in the record of a run, in that evaluation's counts: all
    images are predicted as one class, and the loss is that of guessing.
    """
    evaluation, digits = state.evaluation, state.digits
    evaluated = evaluation.step if evaluation else -1
    if len(digits) >= FEWEST_DIGITS and state.digits_step > evaluated:
        return _are_same(tuple(each.logits for each in digits))
    if evaluation and state.started:
        return _is_constant(evaluation.logits, state.started.classes)
    return _predicts_one_class(state)


def _are_same(outputs: tuple[tuple[float, ...], ...]) -> bool:
    return all(max(column) - min(column) < SAME for column in zip(*outputs, strict=True))


@lru_cache(maxsize=2)
def _is_constant(logits: bytes, classes: int) -> bool:
    """`logits` are float32 (N, classes)."""
    import numpy

    values = numpy.frombuffer(logits, numpy.float32)
    if not values.size or values.size % classes:
        return False
    return bool(numpy.ptp(values.reshape(-1, classes), axis=0).max() < SAME)


def _predicts_one_class(state: RunState) -> bool:
    score = state.score
    if not score or not state.started or not score.confusion:
        return False
    predicted = [any(column) for column in zip(*score.confusion, strict=True)]
    loss, guessing = training_loss_before(state, score), guessing_loss(state)
    is_stuck = loss is not None and abs(loss - guessing) < 0.03 * guessing
    return sum(predicted) == 1 and is_stuck
