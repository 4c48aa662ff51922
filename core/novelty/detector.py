"""A classifier that tells digits from images that are no digits.

It is trained on the training images of a dataset, and on images made of them that are no digits, as
one more class (see core/novelty/counterexamples.py). The image is described by the directions of
its strokes, and not by a network in question: a network's logits and features lack what it did not
need to tell ten digits apart. `benchmarks/unlike.py` compares this with the energy of the logits
(Liu et al., "Energy-based Out-of-distribution Detection", 2020).

Also tried, on training digits, letters and scribbles that no measurement has: the largest
probability and logit, the distance to the nearest training digit in a network's features (Sun et
al., "Out-of-Distribution Detection with Deep Nearest Neighbors", 2022), in these features and in
pixels, and Gaussians per class in them. None found half of the letters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.compute import torch_private
from core.novelty.counterexamples import make_counterexamples, shift
from core.novelty.features import WIDTH, compute_features
from core.optim.optimizers import AdamW
from core.optim.schedules import onecycle

DIGITS = 10_000  # trained with, at most
CALIBRATION = 5000  # other digits, which set the threshold
SHIFT = 2  # pixels that these are shifted by, at most
FLAGGED = 0.01  # the share of them that is beyond the threshold
LEAST = 1000  # images of a dataset; fewer do not show what digits look like
HIDDEN, EPOCHS, BATCH, RATE, DECAY = 192, 6, 512, 0.01, 1e-4
SEED = 1


@dataclass(frozen=True)
class Detector:
    """`weights` are the tensors of the classifier by name; an image whose score is larger than the
    threshold is unlike any digit."""

    weights: dict[str, Tensor]
    threshold: float

    def score(self, images: Tensor) -> Tensor:
        """Return the logarithms (N,) of the odds that uint8 images (N, 28, 28) are no digits."""
        if not len(images):
            return torch.empty(0)
        with torch.inference_mode():
            return _score(_classify(self.weights, compute_features(images)))

    def check(self) -> None:
        """Raise an exception if the tensors, which a file may hold, are not those of a detector."""
        logits = _classify(self.weights, torch.zeros(1, WIDTH))
        if logits.ndim != 2 or not logits.isfinite().all() or self.threshold != self.threshold:
            raise ValueError("the weights are not finite")

    def find_unlike(self, images: Tensor) -> list[bool]:
        """Return which of the uint8 images (N, 28, 28) are unlike any digit."""
        return (self.score(images) > self.threshold).tolist()


def train_detector(images: Tensor, labels: Tensor) -> Detector | None:
    """Train a classifier on digits (N, 28, 28) of a training set, and set its threshold.

    The result is always the same for the same images and threads. Returns None where there are
    fewer than LEAST.
    """
    if len(images) < LEAST:
        return None
    generator = torch.Generator().manual_seed(SEED)  # training in progress has the global one
    order = torch.randperm(len(images), generator=generator)
    calibration = order[: min(CALIBRATION, len(images) // 3)]
    chosen = order[len(calibration) :][:DIGITS]
    digits, classes = images[chosen], labels[chosen]
    others = make_counterexamples(digits, classes, generator)
    count = int(classes.max()) + 1
    targets = torch.cat([classes, torch.full((len(others),), count)])
    features = compute_features(torch.cat([digits, others])).clone()
    detector = Detector(_fit(features, targets, count + 1, generator), 0.0)
    shifted = shift(images[calibration], SHIFT, generator)
    threshold = float(detector.score(shifted).quantile(1 - FLAGGED))
    return Detector(detector.weights, threshold)


def _fit(
    features: Tensor, targets: Tensor, classes: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the weights of a network with one hidden layer, after training it."""
    weights = {
        "mean": features.mean(0),
        "spread": features.std(0) + 1e-3,
        "hidden.weight": _draw(HIDDEN, WIDTH, generator),
        "hidden.bias": torch.zeros(HIDDEN),
        "output.weight": _draw(classes, HIDDEN, generator),
        "output.bias": torch.zeros(classes),
    }
    trained = {name: nn.Parameter(each) for name, each in weights.items() if "." in name}
    optimizer = AdamW(torch_private, trained, 0.9, 0.999, DECAY)
    features = (features - weights["mean"]) / weights["spread"]
    steps = EPOCHS * -(-len(features) // BATCH)
    step = 0
    with torch.enable_grad():
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(features), generator=generator).split(BATCH):
                logits = _run(trained, features[chosen])
                loss = functional.cross_entropy(logits, targets[chosen])
                for each in trained.values():
                    each.grad = None
                loss.backward()
                optimizer.step(RATE * onecycle(step, steps))
                step += 1
    return weights | {name: each.detach() for name, each in trained.items()}


def _draw(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Return initial weights: He et al., "Delving Deep into Rectifiers" (2015)."""
    return torch.randn(rows, columns, generator=generator) * (2 / columns) ** 0.5


def _classify(weights: dict[str, Tensor], features: Tensor) -> Tensor:
    return _run(weights, (features - weights["mean"]) / weights["spread"])


def _run(weights: dict[str, Tensor] | dict[str, nn.Parameter], features: Tensor) -> Tensor:
    """Return the logits (N, classes) of scaled features (N, WIDTH)."""
    hidden = functional.linear(features, weights["hidden.weight"], weights["hidden.bias"])
    return functional.linear(
        functional.relu(hidden), weights["output.weight"], weights["output.bias"]
    )


def _score(logits: Tensor) -> Tensor:
    """Return how much more likely the last class is than all others together."""
    return logits[:, -1] - logits[:, :-1].logsumexp(1)
