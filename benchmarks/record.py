"""The known record recipe for 99% of MNIST in one epoch, written plainly.

Conv 24 k5, pool, ReLU, conv 32 k3, pool, ReLU, 800→256→10; batch 256, Adam at 1e-2 with betas 0.7
and 0.9, one-cycle, one epoch, float32. The images are one tensor, as in the recipe. It imports
nothing of mnist-tui. Prints, for each seed, seconds of training alone and test accuracy. On a GPU
the images are on it from the beginning, and some steps before the first seed load its libraries.

    python benchmarks/record.py DATA FIRST_SEED SEEDS [DEVICE]
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional

BATCH = 256


def load(data: str, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images (N, 1, 28, 28) of mean 0 and standard deviation 1, and labels (N,)."""
    from torchvision import datasets

    mnist = datasets.MNIST(data, train=train)
    return scale(mnist.data), mnist.targets


def scale(images: torch.Tensor) -> torch.Tensor:
    return images.unsqueeze(1).float().div(255).sub(0.1307).div(0.3081)


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
    """Train on the device that the images are on."""
    torch.manual_seed(seed)
    model = network().to(images.device)
    steps = -(-len(labels) // BATCH)
    start = now(images)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, total_steps=steps, cycle_momentum=False
    )
    for chosen in torch.randperm(len(labels)).to(images.device).split(BATCH):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        schedule.step()
    return model, now(images) - start


def now(images: torch.Tensor) -> float:
    """Return the time, after a GPU has finished its queue."""
    if images.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def warm_up(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Let a GPU load its libraries, which a CPU has loaded already."""
    if images.is_cuda:
        train(images[: 10 * BATCH], labels[: 10 * BATCH], 0)


def evaluate(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.inference_mode():
        correct = model(images).argmax(1) == labels
    return correct.double().mean().item()


def main(data: str, first: int, seeds: int, device: str = "cpu") -> None:
    images, labels = (each.to(device) for each in load(data, train=True))
    test_images, test_labels = (each.to(device) for each in load(data, train=False))
    warm_up(images, labels)
    for seed in range(first, first + seeds):
        model, seconds = train(images, labels, seed)
        print(seconds, evaluate(model, test_images, test_labels), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:5])
