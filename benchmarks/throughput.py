"""Compare our training speed with the article's loop, alternating in one run.

Each side runs in a process of its own, so that neither has the other's settings: the article's loop
is `article.py`, ours is `mnist-tui train --json`, measured by its events and wall-clock time, so
evaluating and saving count. Both train the same networks on the same images in the same batch size.

    python benchmarks/throughput.py [--data DIR] [--seconds S] [--rounds N] [ROW ...]

A row is a network, or cnn:auto for --precision auto.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name
from core.data.datasets import mnist_folder, mnist_missing

HERE = Path(__file__).parent
ROWS = ("linear", "mlp", "cnn", "cnn:auto")
BATCH = 32


def article_loop(arch: str, data: str, seconds: float) -> float:
    """Return the samples per second of the article's loop."""
    command = [sys.executable, str(HERE / "article.py"), arch, data, str(seconds)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def our_loop(arch: str, precision: str, data: str, seconds: float) -> float:
    """Return the samples per second of `mnist-tui train`, after the same warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tui", "train", "--json", "--arch", arch]
        command += ["--precision", precision, "--device", "cpu", "--epochs", "1000"]
        command += ["--dataset", "mnist", "--data", data, "--checkpoints", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        assert process.stdout is not None
        start = first = None
        rate = 0.0
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] != "progress":
                continue
            start = start or event["time"]
            if first is None and event["time"] > start + seconds / 4:
                first = event
            elif first is not None:
                elapsed = event["time"] - first["time"]
                rate = (event["step"] - first["step"]) * BATCH / elapsed
                if elapsed > seconds:
                    break
        process.send_signal(signal.SIGTERM)
        process.communicate()
    if not rate:
        raise SystemExit(f"{arch} did not train: see above")
    return rate


def find_mnist() -> str | None:
    """Return the folder of MNIST: MNIST_TUI_DATA, beside this checkout, or the user's cache."""
    beside = HERE.parents[1] / "shared" / "data"
    places = [os.environ.get("MNIST_TUI_DATA"), str(beside), str(mnist_folder(None).parents[1])]
    return next((place for place in places if place and mnist_missing(place) is None), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(ROWS), metavar="ROW")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    print(f"{cpu_name()}, {describe_cores()}, batch {BATCH}")
    print(f"{'':10}{'article':>12}{'ours':>12}{'ratio':>8}   (medians of {options.rounds} rounds)")
    for row in options.rows:
        arch, _, precision = row.partition(":")
        theirs, ours = [], []
        for _ in range(options.rounds):
            theirs.append(article_loop(arch, options.data, options.seconds))
            ours.append(our_loop(arch, precision or "fp32", options.data, options.seconds))
        ratio = statistics.median(o / t for o, t in zip(ours, theirs, strict=True))
        a, b = statistics.median(theirs), statistics.median(ours)
        print(f"{row:10}{a:>10,.0f}/s{b:>10,.0f}/s{ratio:>7.1f}×", flush=True)


if __name__ == "__main__":
    main()
