"""Evaluations of checkpoints on twenty made-up test digits."""

import numpy

from core.responses.scores import CheckpointScored
from tests.support.fakes import fake_digit

LABELS = bytes(index % 10 for index in range(20))
IMAGES = b"".join(fake_digit(index, 1.0).pixels for index in range(20))


def logits_of(predicted: list[int], highest: list[float]) -> bytes:
    logits = numpy.zeros((len(predicted), 10), numpy.float32)
    logits[range(len(predicted)), predicted] = highest
    return logits.tobytes()


def fake_evaluation(path: str, wrong: dict[int, int], images: bytes = IMAGES) -> CheckpointScored:
    """Return an evaluation that is correct except for `wrong`: index to prediction. The higher the
    index, the higher the probability of the prediction."""
    predictions = [wrong.get(index, label) for index, label in enumerate(LABELS)]
    confusion = [[0] * 10 for _ in range(10)]
    for label, prediction in zip(LABELS, predictions, strict=True):
        confusion[label][prediction] += 1
    return CheckpointScored(
        path=path,
        arch="linear",
        dataset="fake",
        test_loss=0.5,
        test_accuracy=1 - len(wrong) / 20,
        confusion=tuple(map(tuple, confusion)),
        logits=logits_of(predictions, [1 + index / 5 for index in range(20)]),
        labels=LABELS,
        images=images,
    )
