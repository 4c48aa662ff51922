"""How a network's accuracy falls with corruptions of the images, in small parts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from core.data.corruptions import blocks, corrupt_block
from core.digit import Digit
from core.models.inference import predict
from core.responses.scores import Corruption, CorruptionScore

MOST_MISTAKES = 40  # that are kept of each corruption: more than a screen has space for


def score_corruptions(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    corruptions: Sequence[Corruption],
    classes: int,
) -> Iterator[tuple[CorruptionScore, ...]]:
    """Yield the scores after each part, a block of images with one corruption; images are uint8
    (N, 28, 28), labels (N,). The first score is that of the images as they are.

    Every round adds a block, which is spread over all images, to every score, so that the whole
    table is known early and then becomes more precise.
    """
    zeros = (0,) * classes
    scores = [CorruptionScore(each, zeros, zeros) for each in (None, *corruptions)]
    for number, block in enumerate(blocks(len(images))):
        indices = range(len(images))[block]
        for place, score in enumerate(scores):
            part = images[block]
            if score.corruption:
                part = corrupt_block(part, number, score.corruption)
            scores[place] = _add(score, part, labels[block], indices, predict(model, part))
            yield tuple(scores)


def _add(
    score: CorruptionScore, images: Tensor, labels: Tensor, indices: range, logits: Tensor
) -> CorruptionScore:
    """Return the score with the predictions for more images, which have those indices."""
    classes, is_correct = len(score.counts), logits.argmax(1) == labels
    counted = torch.bincount(labels, minlength=classes).tolist()
    correct = torch.bincount(labels[is_correct], minlength=classes).tolist()
    confidence = logits.softmax(1).amax(1).masked_fill(is_correct, -1)
    confidence[confidence.isnan()] = 0  # of a network that has diverged
    most = min(MOST_MISTAKES, int((~is_correct).sum()))
    found = [
        Digit(indices[place], images[place].numpy().tobytes(), int(labels[place]), tuple(row))
        for place, row in ((each, logits[each].tolist()) for each in confidence.topk(most).indices)
    ]
    mistakes = sorted((*score.mistakes, *found), key=lambda each: -max(each.probabilities()))
    return replace(
        score,
        counts=tuple(map(sum, zip(score.counts, counted, strict=True))),
        correct=tuple(map(sum, zip(score.correct, correct, strict=True))),
        mistakes=tuple(mistakes[:MOST_MISTAKES]),
    )
