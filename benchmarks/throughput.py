"""Compare our training speed with the article's loop and with its limit, alternating in one run.

Each runs in a process of its own, so that none has another's settings: the article's loop is
`article.py`, ours is `mnist-tui train --json`, measured by its events and wall-clock time, so
evaluating and saving count, and the limit is `limit.py`: forward, backward and update alone. All
train the same networks on the same images in the same batch size. The article has no `quick`.

    python benchmarks/throughput.py [--data DIR] [--seconds S] [--rounds N] [ROW ...]

A row is a network, or cnn:auto for --precision auto. Ours should be at least 0.95 of the limit.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name
from core.data.sources.file_set import find_folder, find_missing
from core.data.sources.mnist import MNIST

HERE = Path(__file__).parent
ROWS = ("linear", "mlp", "cnn", "cnn:auto", "quick", "quick:auto")
ARTICLE = ("linear", "mlp", "cnn")  # the networks that the article has
BATCH = 32


class Round(NamedTuple):
    """Samples per second; `training` are ours without evaluating and saving."""

    article: float
    ours: float
    limit: float
    training: float


SPEEDS = ("article", "ours", "limit")
NOTE = "training÷ is ours ÷ limit without evaluating and saving, which the limit does not have."


def measure_round(arch: str, precision: str, data: str, seconds: float) -> Round:
    """Measure each once; the article's is not a number for a network that it lacks."""
    article = article_loop(arch, data, seconds) if arch in ARTICLE else math.nan
    ours, training = our_loop(arch, precision, data, seconds)
    return Round(article, ours, limit(arch, precision, data, seconds), training)


def article_loop(arch: str, data: str, seconds: float) -> float:
    """Return the samples per second of the article's loop."""
    return _print_of("article.py", arch, data, str(seconds))


def limit(arch: str, precision: str, data: str, seconds: float) -> float:
    """Return the samples per second of forward, backward and update alone."""
    return _print_of("limit.py", arch, precision, data, str(seconds))


def _print_of(script: str, *arguments: str) -> float:
    command = [sys.executable, str(HERE / script), *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent)
    return float(result.stdout)


def our_loop(arch: str, precision: str, data: str, seconds: float) -> tuple[float, float]:
    """Return the samples per second of `mnist-tui train`, after the same warm-up: by the clock on
    the wall, and while it trains, without evaluating and saving.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tui", "train", "--json", "--arch", arch]
        command += ["--precision", precision, "--device", "cpu", "--epochs", "1000"]
        command += ["--dataset", "mnist", "--data", data, "--checkpoints", folder]
        # Routes are measured in this run, as the limit's are, not taken from an earlier one.
        environment = os.environ | {"XDG_CACHE_HOME": str(Path(folder, "cache"))}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent, env=environment
        )
        assert process.stdout is not None
        start = first = None
        rate = training = trained = 0.0
        step = 0
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
                training += (event["step"] - step) * BATCH / event["samples_per_second"]
                trained = (event["step"] - first["step"]) * BATCH / training
                if elapsed > seconds:
                    break
            step = event["step"]
        process.send_signal(signal.SIGTERM)
        process.communicate()
    if not rate:
        raise SystemExit(f"{arch} did not train: see above")
    return rate, trained


def find_mnist() -> str | None:
    """Return the folder of MNIST: MNIST_TUI_DATA, beside this checkout, or the user's cache."""
    beside = HERE.parents[1] / "shared" / "data"
    cache = find_folder(MNIST, None).parents[1]
    places = [os.environ.get("MNIST_TUI_DATA"), str(beside), str(cache)]
    return next((place for place in places if place and find_missing(MNIST, place) is None), None)


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
    print(
        "".join(f"{each:>12}" for each in (*SPEEDS, "÷ article", "÷ limit", "training÷")).rjust(82)
    )
    for row in options.rows:
        arch, _, precision = row.partition(":")
        rounds = [
            measure_round(arch, precision or "fp32", options.data, options.seconds)
            for _ in range(options.rounds)
        ]
        cells = [_cell((getattr(each, name) for each in rounds), "{:,.0f}/s") for name in SPEEDS]
        cells.append(_cell((each.ours / each.article for each in rounds), "{:.1f}×"))
        cells.append(_cell((each.ours / each.limit for each in rounds), "{:.2f}"))
        cells.append(_cell((each.training / each.limit for each in rounds), "{:.2f}"))
        print(f"{row:10}{''.join(cells)}", flush=True)
    print(f"Medians of {options.rounds} rounds. {NOTE}")


def _cell(values: Iterable[float], form: str) -> str:
    """Return the median in 12 characters, or nothing where there are none."""
    median = statistics.median(values)
    return f"{'' if math.isnan(median) else form.format(median):>12}"


if __name__ == "__main__":
    main()
