"""How fast we train, against the loop of the article, side by side in one run.

The article's loop, written from its description: torchvision's MNIST through a DataLoader that
turns each PIL image into a tensor and normalizes it, batch 32, shuffled, Adam at 1e-3, the loss
read every 100 batches. Ours is `core.trainer.train`. Same networks, same batch size, float32.

    python benchmarks/throughput.py [--data DIR] [--seconds S] [--rounds N] [ARCH ...]
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from queue import SimpleQueue

import torch
from torch import nn

from core.architectures import ARCHITECTURES
from core.commands import Stop
from core.config import TrainConfig
from core.datasets import mnist_folder, mnist_missing
from core.events import Progress, RunFailed
from core.trainer import train

BATCH = 32


def article_loop(arch: str, data: str, seconds: float) -> float:
    """Samples per second of the article's loop, over that time after a short warm-up."""
    from torchvision import datasets, transforms

    convert = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    digits = datasets.MNIST(data, train=True, transform=convert)
    loader = torch.utils.data.DataLoader(digits, batch_size=BATCH, shuffle=True)
    model = ARCHITECTURES[arch].build()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    start, samples = time.perf_counter(), 0
    warm = start + seconds / 4
    counting = False
    for number, (images, labels) in enumerate(loader):
        now = time.perf_counter()
        if not counting and now > warm:
            start, samples, counting = now, 0, True
        elif counting and now > start + seconds:
            break
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        samples += len(labels)
        if number % 100 == 0:
            losses.append(loss.item())
    return samples / (time.perf_counter() - start)


def our_loop(arch: str, data: str, seconds: float) -> float:
    """Samples per second of ours, over that time after a short warm-up."""
    inbox: SimpleQueue = SimpleQueue()
    first: Progress | None = None
    begun = None
    rate = 0.0
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            arch=arch, dataset="mnist", data=data, epochs=1000, device="cpu", checkpoints=folder
        )
        for event in train(config, inbox):
            if isinstance(event, RunFailed):
                raise SystemExit(event.message)
            if not isinstance(event, Progress):
                continue
            now = time.perf_counter()
            begun = begun or now
            if first is None and now > begun + seconds / 4:
                first, start = event, now
            elif first is not None:
                # By the clock on the wall, scoring and saving included, so that nothing is hidden.
                rate = (event.step - first.step) * BATCH / (now - start)
                if now > start + seconds:
                    inbox.put(Stop())
    return rate


def find_mnist() -> str | None:
    """Where the real digits are: as named, beside this checkout, or in the user's cache."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    places = [os.environ.get("MNIST_TUI_DATA"), str(beside), str(mnist_folder(None).parents[1])]
    return next((place for place in places if place and mnist_missing(place) is None), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archs", nargs="*", default=list(ARCHITECTURES), metavar="ARCH")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("the real digits are not at hand: name their folder with --data")
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, {torch.get_num_threads()} threads")
    print(f"{'':8}{'article':>12}{'ours':>12}{'ratio':>8}   (median of {options.rounds} rounds)")
    cores = torch.get_num_threads()
    for arch in options.archs:
        theirs, ours = [], []
        for _ in range(options.rounds):
            torch.set_num_threads(cores)
            theirs.append(article_loop(arch, options.data, options.seconds))
            ours.append(our_loop(arch, options.data, options.seconds))
        ratio = statistics.median(o / t for o, t in zip(ours, theirs, strict=True))
        a, b = statistics.median(theirs), statistics.median(ours)
        print(f"{arch:8}{a:>10,.0f}/s{b:>10,.0f}/s{ratio:>7.1f}×")


if __name__ == "__main__":
    main()
