"""Measure the time to 99% test accuracy: our preset speedrun against the record recipe.

Both train one epoch of all 60,000 images from seeds 0, 1, 2 …, in turns within one run: the recipe
written plainly in `record.py`, ours as `mnist-tui train --preset speedrun --json`, each training in
a process of its own. The time is that of training alone, as both print it; loading and evaluating
come on top on both sides. Every setting was chosen before the test set was used (see the presets in
core/config).

    python benchmarks/time_to_accuracy.py [--data DIR] [--seeds N]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from throughput import find_mnist

HERE = Path(__file__).parent


def record(data: str, seed: int) -> tuple[float, float]:
    """Return seconds and test accuracy of the record recipe."""
    command = [sys.executable, str(HERE / "record.py"), data, str(seed), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, accuracy = map(float, done.stdout.split())
    return seconds, accuracy


def ours(data: str, seed: int, *options: str) -> tuple[float, float]:
    """Return training seconds and test accuracy of `mnist-tui train`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tui", "train", "--json", "--device", "cpu", *options]
        command += ["--seed", str(seed), "--dataset", "mnist", "--data", data]
        command += ["--checkpoints", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent)
    finished = json.loads(done.stdout.splitlines()[-1])
    return finished["train_seconds"], finished["test_accuracy"]


def show(name: str, runs: list[tuple[float, float]]) -> None:
    seconds, accuracies = zip(*runs, strict=True)
    print(
        f"{name:10}{statistics.median(seconds):>8.2f} s{min(seconds):>8.2f} s"
        f"{statistics.mean(accuracies):>10.2%}{min(accuracies):>10.2%}{max(accuracies):>10.2%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    theirs, own = [], []
    for seed in range(options.seeds):
        theirs.append(record(options.data, seed))
        own.append(ours(options.data, seed, "--preset", "speedrun"))
    print(f"{options.seeds} seeds  median     least      mean     worst      best accuracy")
    show("record", theirs)
    show("speedrun", own)
    ratio = statistics.median(b[0] / a[0] for a, b in zip(theirs, own, strict=True))
    print(f"speedrun takes {ratio:.2f} of the record recipe's time (median of the pairs)")


if __name__ == "__main__":
    main()
