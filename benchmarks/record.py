"""The known record recipe for 99% of MNIST in one epoch, written plainly.

Conv 24 k5, pool, ReLU, conv 32 k3, pool, ReLU, 800→256→10; batch 256, Adam at 1e-2 with betas 0.7
and 0.9, one-cycle, one epoch, float32. The images are one tensor, as in the recipe. It imports
nothing of mnist-tui. Prints, for each seed, seconds of training alone and test accuracy.

    python benchmarks/record.py DATA FIRST_SEED SEEDS
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional
from torchvision import datasets

BATCH = 256


def load(data: str, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (N, 1, 28, 28) of mean 0 and standard deviation 1, and labels (N,)."""
    mnist = datasets.MNIST(data, train=train)
    return mnist.data.unsqueeze(1).float().div(255).sub(0.1307).div(0.3081), mnist.targets


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 24, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(24, 32, 3),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(800, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


def train(images: torch.Tensor, labels: torch.Tensor, seed: int) -> tuple[nn.Module, float]:
    torch.manual_seed(seed)
    model = network()
    steps = -(-len(labels) // BATCH)
    start = time.perf_counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, total_steps=steps, cycle_momentum=False
    )
    for chosen in torch.randperm(len(labels)).split(BATCH):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        schedule.step()
    return model, time.perf_counter() - start


def main(data: str, first: int, seeds: int) -> None:
    images, labels = load(data, train=True)
    test_images, test_labels = load(data, train=False)
    for seed in range(first, first + seeds):
        model, seconds = train(images, labels, seed)
        with torch.inference_mode():
            correct = model(test_images).argmax(1) == test_labels
        print(seconds, correct.double().mean().item(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
