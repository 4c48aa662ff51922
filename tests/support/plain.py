"""Networks trained in PyTorch alone, as other people's scripts do."""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.data.datasets import Tensors


def quickstart() -> nn.Module:
    """Return the network of PyTorch's quickstart, which has the shapes of `mlp`."""
    stack = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear_relu_stack=stack))


def feed(images: Tensor, mean: float, std: float) -> Tensor:
    """Return what torchvision's ToTensor and Normalize(mean, std) make of uint8 (N, 28, 28)."""
    return (images[:, None] / 255 - mean) / std


def train_plainly(
    tensors: Tensors, path: Path, mean: float, std: float, steps: int = 60
) -> tuple[nn.Module, float, float]:
    """Train the quickstart's network and save its state dict; return it with its loss on the
    training images and its accuracy on the test images."""
    torch.manual_seed(3)
    model = quickstart()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = feed(tensors.train_images, mean, std), tensors.train_labels
    for step in range(steps):
        part = torch.arange(step * 64, step * 64 + 64) % len(labels)
        optimizer.zero_grad()
        functional.cross_entropy(model(images[part]), labels[part]).backward()
        optimizer.step()
    torch.save(model.state_dict(), path)
    with torch.no_grad():
        loss = functional.cross_entropy(model(images), labels).item()
        right = model(feed(tensors.test_images, mean, std)).argmax(1) == tensors.test_labels
    return model, loss, right.double().mean().item()
