"""Tensors of a file matched with a network's, under any names and in any order."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checkpoints.find_network import expected_shapes, find_network
from core.checkpoints.find_weights import StateDict
from core.checkpoints.match_weights import STATISTICS, match, natural
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network

LAYER = st.text("abwlx_019", min_size=1, max_size=6)
PREFIX = st.lists(st.sampled_from(["model", "net", "0", "module", "_orig_mod", "b"]), max_size=3)


# Of the other networks no two layers have the same shapes.
@pytest.mark.parametrize("arch", sorted(ARCHITECTURES.keys() - {"convnet"}))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_layer_names_and_order_fit(arch, data):
    """The tensors are those of the network, so its logits are equal."""
    with torch.device("meta"):
        weights = resolve_network(arch).build().state_dict()
    layers = sorted({name.rpartition(".")[0] for name in weights})
    names = data.draw(st.lists(LAYER, unique=True, min_size=len(layers), max_size=len(layers)))
    words = data.draw(st.sampled_from([("weight", "bias"), ("kernel", "bias"), ("w", "b")]))
    statistics = {each: each for each in STATISTICS}
    prefix = "".join(f"{part}." for part in data.draw(PREFIX))
    renamed = dict(zip(layers, names, strict=True))
    word = statistics | dict(zip(("weight", "bias"), words, strict=True))
    theirs = {
        name: f"{prefix}{renamed[name.rpartition('.')[0]]}.{word[name.rpartition('.')[2]]}"
        for name in weights
    }
    order = data.draw(st.permutations(list(weights)))
    fit = find_network([StateDict("", {theirs[name]: weights[name] for name in order})])
    assert fit.arch == arch
    assert fit.match.names == theirs
    assert not fit.match.by_order


def test_layers_of_equal_shape_keep_the_natural_order():
    expected = {f"stack.{n}.{role}": shape for n in range(3) for role, shape in LINEAR.items()}
    found = {f"fc{n}.{role}": shape for n in (10, 2, 1) for role, shape in LINEAR.items()}
    by_layers = match(found, expected)
    assert by_layers.names["stack.1.bias"] == "fc2.bias"
    assert by_layers.names["stack.2.weight"] == "fc10.weight"
    assert by_layers.by_order == (("fc1.weight", "fc2.weight", "fc10.weight"),)


LINEAR = {"weight": "8×8", "bias": "8"}


def test_tensors_without_layers_match_by_shape():
    """Names that do not pair a weight with its bias: equal shapes are taken in order, and named."""
    found = {
        "p3": "512",
        "p10": "10",
        "p1": "512",
        "p2": "512×512",
        "p0": "512×784",
        "p9": "10×512",
    }
    matched = match(found, expected_shapes(resolve_network("mlp")))
    assert list(matched.names.values()) == ["p0", "p1", "p2", "p3", "p9", "p10"]
    assert matched.by_order == (("p1", "p3"),)


def test_shifted_numbers_do_not_match_by_name():
    """stack.2 of a file is not ours where its layers are numbered 2, 4, 6."""
    ours = expected_shapes(resolve_network("mlp"))
    theirs = {name: f"stack.{int(name[6]) + 2}{name[7:]}" for name in ours}
    assert match({theirs[name]: shape for name, shape in ours.items()}, ours).names == theirs


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**30)))
def test_natural_order_sorts_numbers_by_value(numbers):
    names = [f"fc{number}.weight" for number in numbers]
    assert sorted(names, key=natural) == [f"fc{number}.weight" for number in sorted(numbers)]
