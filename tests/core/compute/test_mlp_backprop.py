"""Backpropagation by hand against autograd."""

import pytest
import torch
from torch import nn

from core.compute.mlp_backprop import backpropagate, find_linear_layers
from core.models.networks import resolve_network


def by_autograd(model, images, labels, smoothing):
    model.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels, label_smoothing=smoothing)
    loss.backward()
    return [loss.detach(), *(each.grad.clone() for each in model.parameters())]


def by_hand(model, images, labels, smoothing):
    model.zero_grad()
    loss = backpropagate(find_linear_layers(model), images, labels, smoothing)
    return [loss, *(each.grad.clone() for each in model.parameters())]


NETWORKS = {
    "linear": resolve_network("linear").build,
    "mlp": resolve_network("mlp").build,
    "without ReLU": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.Linear(20, 10)),
    "small": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 10))
    ),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("count", [1, 32])
@pytest.mark.parametrize("name", NETWORKS)
def test_loss_and_gradients_match_autograd(name, count, smoothing):
    torch.manual_seed(5)
    model = NETWORKS[name]()
    images, labels = torch.randn(count, 1, 28, 28), torch.randint(0, 10, (count,))
    expected = by_autograd(model, images, labels, smoothing)
    found = by_hand(model, images, labels, smoothing)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_backpropagation_uses_current_weights():
    """Also after an optimizer or a checkpoint has written into the parameters."""
    model = NETWORKS["small"]()
    layers = find_linear_layers(model)
    images, labels = torch.randn(8, 1, 28, 28), torch.randint(0, 10, (8,))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    expected = by_autograd(model, images, labels, 0.0)
    loss = backpropagate(layers, images, labels, 0.0)
    torch.testing.assert_close(loss, expected[0])
    torch.testing.assert_close(model[1].weight.grad, expected[1])


@pytest.mark.parametrize(
    "model",
    [
        resolve_network("cnn").build(),
        nn.Linear(784, 10),
        nn.Sequential(nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10, bias=False)),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Dropout(0.5), nn.Linear(10, 10)),
        nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(784, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Sigmoid(), nn.Linear(10, 10)),
        nn.Sequential(),
    ],
)
def test_other_networks_use_autograd(model):
    assert find_linear_layers(model) is None
