"""The outputs of all layers for an image, and the test images that excite a unit most."""

import pytest
import torch

from core.class_names import DIGITS
from core.errors import UsageError
from core.explain.layers import MOST_OUTPUT_BYTES, explain_layers
from core.explain.subject import copy_network
from core.explain.switched_off import switched_off
from core.models.architectures import ARCHITECTURES
from core.models.inference import predict, prepare_input
from core.models.inspection import pass_image
from core.models.networks import build_untrained, resolve_network
from core.responses.explanations import Unit

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.fixture(autouse=True)
def short_slices(monkeypatch):
    """A slice is one batch, and batches are small."""
    monkeypatch.setattr("core.explain.slices.SLICE_SECONDS", 0.0)
    monkeypatch.setattr("core.explain.slices.MOST_IMAGES", 8)


def build(text, classes=10):
    return copy_network(build_untrained(resolve_network(text, classes), 3))


def image_of(tensors):
    return tensors.test_images[7].numpy().tobytes()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_all_channels_are_known_at_once(tiny_tensors, arch):
    model, image = build(arch), image_of(tiny_tensors)
    answers = explain_layers(model, image, None, (), tiny_tensors, DIGITS)
    first = next(answers)
    passes, logits = pass_image(model, prepare_input(model, tiny_tensors.test_images[7:8]))
    assert [each.name for each in first.outputs] == ["input", *(each.name for each in passes)]
    assert all(each.first == 0 for each in first.outputs)
    assert [len(each.values) for each in first.outputs[1:]] == [
        each.output.numel() for each in passes
    ]
    assert first.digit == first.without
    assert first.digit.pixels == image
    assert first.digit.logits == pytest.approx(logits, abs=1e-6)
    assert first.unit.number == 0
    assert first.weights.name == first.unit.layer == {"linear": "fc1"}.get(arch, first.unit.layer)
    assert (first.done, first.exciting) == (0.0, ())


def test_most_exciting_images_of_a_layer_are_found(tiny_tensors):
    """One search finds those of all units of the layer, and later weights nothing."""
    model, image, searched = build("quick", 26), image_of(tiny_tensors), {}
    chance = torch.get_rng_state()

    def explain(unit, off=()):
        return list(explain_layers(model, image, unit, off, tiny_tensors, LETTERS, searched))

    *parts, last = explain(Unit("stack.3", 5))
    passes = [
        {each.name: each.output for each in pass_image(model, prepare_input(model, one))[0]}
        for one in tiny_tensors.test_images.split(1)
    ]
    values = torch.stack([each["stack.3"].mean((1, 2)) for each in passes])
    assert len(parts) > 6
    assert all(each.done < 1 for each in parts)
    for answer in (last, explain(Unit("stack.3", 31))[-1]):
        best = values[:, answer.unit.number].topk(10)
        assert [each.index for each in answer.exciting] == best.indices.tolist()
        assert answer.excitations == pytest.approx(best.values.tolist(), abs=1e-6)
        assert [each.label for each in answer.exciting] == [
            index % 10 for index in best.indices.tolist()
        ]
        assert {each.class_names for each in answer.exciting} == {LETTERS}
    assert len(explain(Unit("stack.3", 7), (Unit("stack.3", 7),))) == 1, "it is known already"
    assert len(explain(Unit("input", 0))[-1].exciting) == 10
    assert torch.equal(torch.get_rng_state(), chance)


def test_interrupted_search_goes_on_for_another_unit(tiny_tensors):
    model, image, searched = build("mlp"), image_of(tiny_tensors), {}

    def explain(number, searched):
        unit = Unit("stack.2", number)
        return explain_layers(model, image, unit, (), tiny_tensors, DIGITS, searched)

    answers = explain(1, searched)
    seen = [next(answers).done for _ in range(5)]
    again, alone = list(explain(2, searched)), list(explain(2, {}))
    assert seen == [0, 0, 8 / 50, 16 / 50, 24 / 50], "batches of 8"
    assert len(again) == len(alone) - 4
    assert (again[-1].exciting, again[-1].excitations) == (
        alone[-1].exciting,
        alone[-1].excitations,
    )


def test_prediction_without_units_stands_beside_the_true_one(tiny_tensors):
    model, image = build("mlp"), image_of(tiny_tensors)
    off = tuple(Unit("stack.2", each) for each in range(9))
    (answer,) = explain_layers(model, image, off[0], off, None, DIGITS)
    pixels = tiny_tensors.test_images[7:8]
    with switched_off(model, off):
        without = predict(model, pixels)[0].tolist()
    assert answer.digit.logits == pytest.approx(predict(model, pixels)[0].tolist(), abs=1e-6)
    assert answer.without.logits == pytest.approx(without, abs=1e-6)
    assert answer.without.logits != answer.digit.logits
    assert {each.name: each for each in answer.outputs}["stack.3"].values[:9] == b"\x80" * 9
    assert (answer.done, answer.off, answer.exciting) == (1.0, off, ())


def test_outputs_of_a_large_network_are_bounded(tiny_tensors):
    model = build("20 x (conv 100 1, relu), flatten, linear")
    (answer,) = explain_layers(model, bytes(784), Unit("stack.0.38", 90), (), None, DIGITS)
    assert sum(len(each.values) for each in answer.outputs) <= MOST_OUTPUT_BYTES
    output = {each.name: each for each in answer.outputs}["stack.0.38"]
    assert output.first <= 90 < output.first + len(output.values) // output.unit_size


def test_diverged_network_is_explained_without_values(tiny_tensors):
    model = build("quick")
    model.get_parameter("stack.1.weight").data.fill_(torch.nan)
    *_, last = explain_layers(model, bytes(784), None, (), tiny_tensors, DIGITS)
    assert (last.done, last.exciting, last.excitations) == (1.0, (), ())
    assert set({each.name: each for each in last.outputs}["stack.1"].values) == {128}


@pytest.mark.parametrize("unit", [Unit("stack.99", 0), Unit("stack.0", 512), Unit("stack.0", -1)])
def test_unknown_units_are_refused(tiny_tensors, unit):
    with pytest.raises(UsageError, match=r"no (layer stack\.99|unit)"):
        next(explain_layers(build("mlp"), bytes(784), unit, (), tiny_tensors, DIGITS))
