"""Networks of one layer, whose costs can be computed by hand."""

from dataclasses import replace

import pytest
import torch

from core.errors import UsageError
from core.explain.occlusion import explain_occlusion
from core.models.inspection import to_bytes
from tests.support.networks import build_linear

CORNERS = torch.zeros(28, 28, dtype=torch.uint8)
CORNERS[:3, :2], CORNERS[12:20, 9:15], CORNERS[27, 27] = 90, 255, 31


def costs_by_hand(weights: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return the costs (28, 28) for a score that is the sum of weighted pixels (28, 28).

    Of the 16 patches that cover a pixel, (4 - dy)(4 - dx) cover one at the distance dy, dx too.
    """
    places = torch.arange(28)
    overlap = (4 - (places[:, None] - places).abs()).clamp(min=0).double() / 4
    return overlap @ (weights.double() * image.double() / 255) @ overlap


@pytest.mark.parametrize(("target", "other"), [(0, None), (1, None), (1, 0), (0, 1)])
def test_costs_are_exact_for_one_layer(target, other):
    """Of two classes, the log-odds of one is the difference of their logits."""
    model = build_linear(classes=2)
    weights = model.fc1.weight.view(2, 28, 28)
    expected = costs_by_hand((weights[target] - weights[1 - target]) * 2, CORNERS)  # scaled to ±1
    image = bytes(CORNERS.flatten().tolist())
    *before, last = explain_occlusion(model, image, target, other)
    costs, largest = to_bytes(expected, float(expected.abs().amax()))
    assert last.largest == largest
    differences = [abs(one - two) for one, two in zip(last.costs, costs, strict=True)]
    assert max(differences) <= 1, "float32 is not exact"
    assert (last.digit.pixels, last.target, last.other, last.done) == (image, target, other, 1)
    difference = last.digit.logits[target] - last.digit.logits[1 - target]
    assert last.score == pytest.approx(difference)
    assert all(answer.done < 1 for answer in before)


def test_predicted_class_is_explained_by_default():
    model = build_linear(classes=10)
    image = bytes(CORNERS.flatten().tolist())
    (*_, default) = explain_occlusion(model, image, None, None)
    (*_, named) = explain_occlusion(model, image, default.digit.predicted, None)
    assert replace(default, time=0) == replace(named, time=0)


def test_paper_far_from_ink_costs_nothing():
    image = torch.zeros(28, 28, dtype=torch.uint8)
    image[10:12, 10:12] = 200
    (*_, last) = explain_occlusion(build_linear(), bytes(image.flatten().tolist()), 3, None)
    costs = torch.tensor(list(last.costs)).view(28, 28) != 128
    near = torch.zeros(28, 28, dtype=torch.bool)
    near[7:15, 7:15] = True
    assert costs.any()
    assert not (costs & ~near).any()


def test_empty_image_has_no_costs():
    (*_, last) = explain_occlusion(build_linear(), bytes(784), None, None)
    assert (last.costs, last.largest, last.done) == (bytes([128]) * 784, 0.0, 1.0)


def test_class_is_not_compared_with_itself():
    with pytest.raises(UsageError, match="two different classes"):
        list(explain_occlusion(build_linear(), bytes(784), 3, 3))
