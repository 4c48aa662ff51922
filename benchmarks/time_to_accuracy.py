"""Measure training time and test accuracy of the presets, over seeds 0, 1, 2 …

`speedrun` stands beside the record recipe for 99% in one epoch, written plainly in `record.py`:
both train in turns within one run. Each training is a process of its own, ours `mnist-tui train
--preset NAME --json`. The time is that of training alone, as both print it; loading and evaluating
come on top on both sides. Every setting was chosen before the test set was used (see the presets in
core/config).

    python benchmarks/time_to_accuracy.py [--data DIR] [--seeds N] [PRESET ...]
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
# The seeds of each preset, by how far apart its runs are and how long they take.
SEEDS = {"speedrun": 20, "accurate": 5, "tiny": 5}


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
        f"{name:14}{len(runs):>5}{statistics.median(seconds):>10.2f} s{min(seconds):>8.2f} s"
        f"{statistics.mean(accuracies):>11.3%}{min(accuracies):>9.2%}{max(accuracies):>9.2%}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=", ".join(SEEDS))
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seeds", type=int, help=f"seeds of each preset (default: {SEEDS})")
    options = parser.parse_args()
    if unknown := set(options.presets) - set(SEEDS):
        parser.error(f"there is no preset {', '.join(sorted(unknown))} in {', '.join(SEEDS)}")
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    print(f"{'':14}seeds    median     least   accuracy    worst     best", flush=True)
    for preset in options.presets or SEEDS:
        theirs, own = [], []
        for seed in range(options.seeds or SEEDS[preset]):
            if preset == "speedrun":
                theirs.append(record(options.data, seed))
            own.append(ours(options.data, seed, "--preset", preset))
        if theirs:
            show("record recipe", theirs)
        show(preset, own)
        if theirs:
            ratio = statistics.median(b[0] / a[0] for a, b in zip(theirs, own, strict=True))
            print(f"  {preset} takes {ratio:.3f} of the record recipe's time (median of the pairs)")


if __name__ == "__main__":
    main()
