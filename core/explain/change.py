"""A small change of an image that turns its prediction into another class.

Sources: Goodfellow et al., "Explaining and Harnessing Adversarial Examples" (2014): steps along the
gradient with respect to the image; Madry et al., "Towards Deep Learning Models Resistant to
Adversarial Attacks" (2017): projected gradient steps within a radius. Theirs begins at a random
place within it; this one begins at the image, so that the answer is always the same.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from core.digit import Digit
from core.explain.gradients import (
    LARGEST_PIXEL,
    SMALLEST,
    find_gradient,
    predict_finite,
    to_grey_levels,
)
from core.explain.slices import as_pixels, in_slices
from core.responses.explanations import ChangeExplained

FIRST_RADIUS = 0.5  # doubled until a change is found
LARGEST_RADIUS = 16.0  # that is tried; from a white image to a black one it is 28
STEPS = 20  # within a radius
STEP_SHARE = 2.5  # as Madry et al.: the steps together are so many times the radius long
BISECTIONS = 6
PRECISE = 0.02  # where the radius is known to this share of it, the search ends


@dataclass
class _Search:
    """What is known of the distance to another class."""

    radius: float = FIRST_RADIUS  # that is tried
    failed: float = 0.0  # the largest radius without a change
    best: Digit | None = None
    distance: float = 0.0  # of the best
    bisections: int = 0

    def note(self, found: tuple[Digit, float] | None) -> None:
        """Take what was found within the radius, and choose the next."""
        self.bisections += self.best is not None
        if found:
            self.best, self.distance = found
        else:
            self.failed = self.radius
        self.radius = (self.failed + self.distance) / 2 if self.best else self.radius * 2

    @property
    def done(self) -> float:
        """The share of the work, as far as known: 1 at the end."""
        if not self.best:
            return float(self.radius > LARGEST_RADIUS)
        is_precise = self.distance - self.failed <= PRECISE * self.distance
        return 1.0 if is_precise else self.bisections / BISECTIONS


def explain_change(model: nn.Module, image: bytes, target: int) -> Iterator[ChangeExplained]:
    """Yield the smallest change found so far of an image of 784 bytes that makes its prediction the
    target.

    The Euclidean norm of the change is bisected: gradient steps look for a change within a radius,
    projected on the ball of that radius and on the pixels' range. What they find is rounded to
    whole grey levels, and counts only if its prediction is the target then. There may be smaller
    ones. Raises UserError.
    """
    last = yield from in_slices(_bisect(model, image, target))
    yield last


def _bisect(
    model: nn.Module, image: bytes, target: int
) -> Generator[ChangeExplained, None, ChangeExplained]:
    """Yield the answer so far after each gradient step, and return the last."""
    digit = predict_finite(model, image)
    explained = ChangeExplained(
        digit=digit, target=target, changed=None, distance=0.0, step=0, done=0.0
    )
    if digit.predicted == target:
        return replace(explained, changed=digit, done=1.0)
    search = _Search()
    while search.done < 1:
        explained = replace(explained, done=max(explained.done, search.done))
        found = None
        for outcome in _step_within(model, image, target, search.radius):
            found = outcome
            yield explained
        search.note(found)
        explained = replace(explained, changed=search.best, distance=search.distance)
    return replace(explained, done=1.0)


def _step_within(
    model: nn.Module, image: bytes, target: int, radius: float
) -> Iterator[tuple[Digit, float] | None]:
    """Yield None after each step within the radius, or what it found and its distance at last."""
    device = next(model.parameters()).device
    start = as_pixels((image,))[0].to(device).float() / LARGEST_PIXEL
    pixels, length = start, STEP_SHARE * radius / STEPS
    for _ in range(STEPS + 1):
        logits, gradient = find_gradient(model, pixels, target)
        if int(logits.argmax()) == target and (found := _round(model, start, pixels, target)):
            yield found
            return
        # A pixel at the end of its range cannot move further: the others get its part of the step.
        is_stuck = ((pixels <= 0) & (gradient < 0)) | ((pixels >= 1) & (gradient > 0))
        direction = gradient.masked_fill(is_stuck, 0.0)
        step = direction * (length / max(float(direction.norm()), SMALLEST))
        change = (pixels + step).clamp(0, 1) - start
        pixels = start + change * min(1.0, radius / max(float(change.norm()), SMALLEST))
        yield None


def _round(
    model: nn.Module, start: Tensor, pixels: Tensor, target: int
) -> tuple[Digit, float] | None:
    """Return the image in whole grey levels and its distance, None if that is not the target."""
    levels = to_grey_levels(pixels)
    digit = predict_finite(model, levels)
    change = as_pixels((levels,))[0].float() / LARGEST_PIXEL - start.cpu()
    return (digit, float(change.norm())) if digit.predicted == target else None
