"""The map of test images, and the principal components that it is drawn by."""

from dataclasses import replace
from itertools import product

import numpy
import pytest
import torch
from torch import nn

from core.class_names import DIGITS
from core.errors import UsageError, UserError
from core.explain import map as maps
from core.explain.map import Basis, align, choose_images, explain_map
from core.explain.pca import find_components
from core.explain.subject import copy_network
from core.models.inference import predict
from core.models.networks import build_untrained, resolve_network


def build(text, classes=10):
    return copy_network(build_untrained(resolve_network(text, classes), 3))


def components_of(points):
    *_, found = find_components(points.clone())
    return found


def random_points(count, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, width, generator=generator)
    return points @ torch.randn(width, width, generator=generator) + 5


@pytest.mark.parametrize(("count", "width"), [(300, 40), (60, 300), (40, 2), (300, 3)])
def test_components_are_those_of_a_full_decomposition(count, width):
    points, chance = random_points(count, width), torch.get_rng_state()
    found = components_of(points)
    centered = (points - points.mean(0)).double().numpy()
    _, sizes, vectors = numpy.linalg.svd(centered, full_matrices=False)
    shares = sizes**2 / (sizes**2).sum()
    assert found.shares == pytest.approx(shares[:2].tolist(), rel=1e-4)
    expected = numpy.abs(centered @ vectors[:2].T)
    scale = expected.max()
    assert found.project(points).abs().numpy() / scale == pytest.approx(expected / scale, abs=1e-3)
    assert torch.equal(torch.get_rng_state(), chance)
    assert torch.equal(components_of(points).directions, found.directions)


@pytest.mark.parametrize(
    ("points", "shares"),
    [
        (torch.zeros(9, 5), (0, 0)),
        (torch.ones(1, 5), (0, 0)),
        (torch.arange(9.0).view(9, 1), (1, 0)),
        (torch.arange(9.0).view(9, 1).expand(9, 5) * 1e25, (1, 0)),
        (torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]), (0.5, 0.5)),
    ],
    ids=["equal", "one", "one dimension", "large", "equal variances"],
)
def test_components_of_flat_points_are_finite(points, shares):
    found = components_of(points)
    assert found.shares == pytest.approx(shares, abs=1e-5)
    coordinates = found.project(points)
    assert coordinates.shape == (len(points), 2)
    assert coordinates.isfinite().all()


def test_alignment_undoes_every_flip_and_swap():
    """All 8 turned and mirrored maps become the first one, where points have moved a little too."""
    points = random_points(50, 2) - 5
    before = Basis(tuple(range(50)), 64, points)
    for first, second, is_swapped in product((1, -1), (1, -1), (False, True)):
        turned = points * torch.tensor([first, second])
        turned = turned.flip(1) if is_swapped else turned
        moved = replace(before, coordinates=turned + 0.01 * random_points(50, 2, 1))
        aligned, turn = align(moved, before)
        assert torch.equal(moved.coordinates @ turn, aligned.coordinates)
        assert (aligned.coordinates - points).abs().amax() < 0.5
    others = replace(before, width=32), replace(before, indices=tuple(range(1, 51))), None
    assert all(torch.equal(align(before, each)[1], torch.eye(2)) for each in others)


def test_chosen_images_have_the_classes_of_all():
    labels = torch.tensor([0] * 6000 + [1] * 3000 + [7] * 1000)[torch.arange(10**4) * 7 % 10**4]
    chosen = choose_images(labels)
    assert len(chosen.unique()) == 1000
    assert labels[chosen].bincount().tolist() == [600, 300, 0, 0, 0, 0, 0, 100]
    assert choose_images(labels[:20]).tolist() == list(range(20))


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("mlp", "stack.2"),
        ("quick", "stack.7"),
        ("tiny", "stack.8"),
        (
            "conv 4 5, sigmoid, skip (conv 4 3 pad 1, relu), dropout 0.5, flatten, linear",
            "stack.2.0",
        ),
    ],
)
def test_map_is_a_projection_of_the_last_hidden_layer(tiny_tensors, text, layer):
    model, images = build(text, 26), tiny_tensors.test_images
    chance, before = torch.get_rng_state(), copy_network(model).state_dict()
    own = images[3].numpy().tobytes(), bytes(784)
    *parts, last = explain_map(model, own, tiny_tensors, DIGITS, {})
    assert all(not each.xs and each.done < 1 for each in parts)
    assert (last.layer, last.done, last.indices) == (layer, 1.0, tuple(range(50)))
    assert last.labels == tuple(tiny_tensors.test_labels.tolist())
    assert last.predicted == tuple(predict(model, images).argmax(1).tolist())

    hidden = nn.Sequential(*(each for each in model if not isinstance(each, nn.Sequential)))
    hidden.append(model.get_submodule("stack")[:-1])
    hidden.eval()
    hidden.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    points = predict(hidden, images).flatten(1).double().numpy()
    points -= points.mean(0)
    expected = points @ numpy.linalg.svd(points, full_matrices=False)[2][:2].T
    scale = numpy.abs(expected).max()
    found = numpy.abs(numpy.stack([last.xs, last.ys], 1)) / scale
    assert found == pytest.approx(numpy.abs(expected) / scale, abs=2e-3)
    assert (last.own_xs[0], last.own_ys[0]) == pytest.approx((last.xs[3], last.ys[3]), abs=1e-4)
    assert last.own_predicted[0] == last.predicted[3]
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    again = list(explain_map(model, own, tiny_tensors, DIGITS, {}))[-1]
    assert (again.xs, again.ys, again.own_xs) == (last.xs, last.ys, last.own_xs)


def test_next_map_has_the_axes_of_the_one_before(tiny_tensors, monkeypatch):
    """Even where PCA finds them the other way round."""
    model, memory, whole = build("mlp"), {}, maps.find_components

    def swap(points):
        *_, found = whole(points)
        directions, shares = -found.directions.flip(1), found.shares[::-1]
        yield replace(found, directions=directions, shares=shares)

    before = list(explain_map(model, (), tiny_tensors, DIGITS, memory))[-1]
    monkeypatch.setattr(maps, "find_components", swap)
    after = list(explain_map(model, (), tiny_tensors, DIGITS, memory))[-1]
    assert after.xs == pytest.approx(before.xs, abs=1e-5)
    assert after.ys == pytest.approx(before.ys, abs=1e-5)
    assert after.shares == pytest.approx(before.shares)


def test_wide_layers_are_averaged(tiny_tensors, monkeypatch):
    monkeypatch.setattr(maps, "MOST_WIDTH", 100)
    memory = {}
    *_, last = explain_map(build("mlp"), (), tiny_tensors, DIGITS, memory)
    assert memory[maps.MEMORY].width == 86, "512 values in groups of 6"
    assert len(set(last.xs)) == 50


@pytest.mark.parametrize("text", ["linear", "avgpool 2, linear"])
def test_network_without_hidden_layer_has_no_map(tiny_tensors, text):
    with pytest.raises(UsageError, match="this network has no hidden layer, so it has no map"):
        next(explain_map(build(text), (), tiny_tensors, DIGITS, {}))


def test_maps_without_numbers_or_images_are_refused(tiny_tensors):
    model = build("mlp")
    with pytest.raises(UserError, match=r"test images .* not on this machine"):
        next(explain_map(model, (), None, DIGITS, {}))
    model.get_parameter("stack.0.weight").data[3, 5] = torch.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        list(explain_map(model, (), tiny_tensors, DIGITS, {}))
