"""The article's training loop, as its description says.

torchvision's MNIST through a DataLoader that turns each PIL image into a tensor and normalizes it,
batch 32, shuffled, Adam at 1e-3, cross-entropy, the loss read every 100 batches. It imports nothing
of mnist-tui. Prints samples per second after a warm-up of a quarter of the time.

    python benchmarks/article.py ARCH DATA SECONDS
"""

import sys
import time

import torch
from torch import nn
from torchvision import datasets, transforms

NETWORKS = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
    "mlp": lambda: nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    ),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=2, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, kernel_size=2, stride=1, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4096, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    ),
}


def train(arch: str, data: str, seconds: float) -> float:
    convert = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    dataset = datasets.MNIST(data, train=True, transform=convert)
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
    model = NETWORKS[arch]()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses: list[float] = []
    began = time.perf_counter()
    start = None
    samples = number = 0
    while True:
        for images, labels in loader:
            now = time.perf_counter()
            if start is None and now > began + seconds / 4:
                start, samples = now, 0
            elif start is not None and now > start + seconds:
                return samples / (now - start)
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            samples += len(labels)
            number += 1
            if number % 100 == 0:
                losses.append(loss.item())


if __name__ == "__main__":
    print(train(sys.argv[1], sys.argv[2], float(sys.argv[3])))
