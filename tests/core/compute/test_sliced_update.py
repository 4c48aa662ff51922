"""Gradient and update of a large layer in slices: the same training, up to rounding."""

from dataclasses import replace

import pytest
import torch

from core.compute.candidates import list_choices
from core.compute.torch_private import has_onednn_linear
from core.config import TrainConfig
from core.data.datasets import Tensors
from core.models.networks import resolve_network
from core.training.learner import Learner

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(not has_onednn_linear(), reason="this PyTorch has no oneDNN")


def draw_images() -> Tensors:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (96, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (96,), generator=generator)
    return Tensors(images, labels, images[:10], labels[:10])


def learner(update: str, precision: str = "fp32", **settings) -> Learner:
    config = TrainConfig(arch="cnn", threads=1, **settings)
    default = list_choices(resolve_network("cnn"), CPU, "fp32", 1).default
    return Learner(config, replace(default, precision=precision, update=update), draw_images(), CPU)


def train(learner: Learner, first: int = 0) -> list[float]:
    """Train the epoch from step `first` on, and return its losses."""
    return [float(learner.step(*batch, 1e-3)) for batch in learner.batches(0, first)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
        {"optimizer": "sgd", "momentum": 0.0},
    ],
)
def test_sliced_update_trains_as_whole(settings) -> None:
    """Adam divides by the gradients' size, so where they are tiny rounding shows more."""
    whole, sliced = learner("whole", **settings), learner("sliced", **settings)
    assert train(sliced) == pytest.approx(train(whole), rel=1e-4)
    before, after = whole.state(), sliced.state()
    assert [(k, v.shape, v.dtype) for k, v in after.items()] == [
        (k, v.shape, v.dtype) for k, v in before.items()
    ]
    for name in before:
        error = (after[name].float() - before[name].float()).norm()
        assert error <= 1e-3 * before[name].float().norm() + 1e-6, name


def test_gradients_of_slices_match() -> None:
    whole, sliced = learner("whole"), learner("sliced")
    for each in (whole, sliced):
        each.step(*next(each.batches(0, 0)), 1e-3)
    expected, found = whole.gradients(), sliced.gradients()
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(sliced.gradient_norm(), whole.gradient_norm())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_sliced_update_resumes_exactly(precision) -> None:
    """The weights in bf16 are read again, although the resumed learner was drawn anew."""
    one, other = learner("sliced", precision), learner("sliced", precision, seed=5)
    one.step(*next(one.batches(0, 0)), 1e-3)
    other.load_state({name: each.clone() for name, each in one.state().items()})
    other.config = one.config
    assert train(one, 1) == train(other, 1)
    after = other.state()
    assert all(torch.equal(each, after[name]) for name, each in one.state().items())


def test_sliced_update_in_bf16_trains_as_whole() -> None:
    whole, sliced = learner("whole", "bf16"), learner("sliced", "bf16")
    assert train(sliced) == pytest.approx(train(whole), rel=0.02)


def test_only_cpu_of_one_process_can_slice() -> None:
    assert list_choices(resolve_network("cnn"), CPU).values["update"] == ("whole", "sliced")
    assert "update" not in list_choices(resolve_network("cnn"), CPU, processes=2).values
    assert "update" not in list_choices(resolve_network("mlp"), CPU).values
    assert "update" not in list_choices(resolve_network("cnn"), torch.device("cuda")).values


def test_sliced_route_is_read_back() -> None:
    choices = list_choices(resolve_network("cnn"), CPU)
    route = choices.complete({"update": "sliced", "products": "blas"})
    assert route.products == "onednn"
    assert "sliced" in str(route)
    assert "whole" not in str(choices.default)
