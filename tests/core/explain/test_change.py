import math

import pytest
import torch

from core.explain.change import explain_change
from core.explain.subject import copy_network
from core.models.inference import predict_images
from core.models.input_scaling import InputScaling, set_scaling
from core.models.networks import resolve_network
from tests.support.networks import build_linear

GREY = bytes([128]) * 784


@pytest.mark.parametrize("scaling", [InputScaling(), InputScaling(0.1307, -0.3081)])
def test_change_is_nearly_the_smallest_of_one_layer(scaling):
    """Without a pixel at the end of its range, it is the difference of the two logits over the norm
    of its gradient."""
    model = build_linear(classes=3)
    set_scaling(model, scaling)
    with torch.no_grad():
        model.fc1.bias.copy_(torch.tensor([0.0, 3.0, -1000.0]))
    (*_, last) = explain_change(model, GREY, 0)
    margin = last.digit.logits[1] - last.digit.logits[0]
    gradient = (model.fc1.weight[1] - model.fc1.weight[0]) / scaling.std
    smallest = margin / float(gradient.norm())
    assert smallest > 0.5, "rounding to grey levels would matter"
    assert 0.99 * smallest <= last.distance <= 1.05 * smallest
    assert last.changed.predicted == 0


def test_change_is_what_it_says(tiny_tensors):
    """Of any network and image: whole grey levels, their prediction and their distance."""
    torch.manual_seed(5)
    model = copy_network(
        resolve_network("conv 4 5 stride 3, relu, linear 16, relu, linear").build()
    )
    for place in range(4):
        image = bytes(tiny_tensors.test_images[place].flatten().tolist())
        answers = list(explain_change(model, image, place))
        last = answers[-1]
        assert [each.done for each in answers] == sorted(each.done for each in answers)
        assert last.done == 1
        assert last.changed.predicted == place
        assert predict_images(model, (last.changed.pixels,)) == (last.changed,)
        squares = ((one - two) ** 2 for one, two in zip(last.changed.pixels, image, strict=True))
        assert last.distance == pytest.approx(math.sqrt(sum(squares)) / 255, rel=1e-5)
        distances = [each.distance for each in answers if each.changed]
        assert distances == sorted(distances, reverse=True), "each one found is smaller"


def test_no_change_leads_to_impossible_class():
    model = build_linear()
    with torch.no_grad():
        model.fc1.bias[4] = -1e6
    (*_, last) = explain_change(model, GREY, 4)
    assert (last.changed, last.distance, last.done) == (None, 0.0, 1.0)


def test_image_of_that_class_needs_no_change():
    model = build_linear()
    (digit,) = predict_images(model, (GREY,))
    (only,) = explain_change(model, GREY, digit.predicted)
    assert (only.changed, only.distance, only.done) == (digit, 0.0, 1.0)
