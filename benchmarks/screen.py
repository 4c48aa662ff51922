"""Measure what the screen costs: the app in a pseudo-terminal, training on real MNIST.

    python benchmarks/screen.py [--sizes 80x24 …] [--against DIR] [--data DIR] [ROW ...]

A row is a network (how much of the training speed is kept with the screen on), or keys, bytes,
slow, frame, start, help. With `--against DIR`, the root of another checkout of this repository,
each measurement of this code alternates with one of that code, and both stand side by side. The
same Python and libraries run both.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from screen_keys import time_keys
from screen_rows import (
    NETWORKS,
    Setup,
    compare_speeds,
    measure_frames,
    measure_output,
    measure_slow_link,
    time_first_frame,
    time_help,
)
from terminal import ROOT
from throughput import find_mnist

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name

SIZES = ("80x24", "120x40", "200x60")
Measure = Callable[[Setup], dict[str, float]]
MEASURES: dict[str, Measure] = {
    **{arch: partial(compare_speeds, arch) for arch in NETWORKS},
    "keys": time_keys,
    "bytes": measure_output,
    "slow": measure_slow_link,
    "frame": measure_frames,
    "start": time_first_frame,
    "help": time_help,
}
# By the unit that a number's name ends with: its format, and whether less is better.
FORMATS = {"%": ("{:.1f} %", False), "/s": ("{:,.0f}/s", False)}
FORMATS |= {"ms": ("{:.1f} ms", True), "s": ("{:.2f} s", True), "KB/s": ("{:.2f} KB/s", True)}
FORMATS |= {"% of a core": ("{:.1f} %", True), "×": ("{:.2f}×", True)}
# By the beginning of a number's name.
LIMITS = {
    "speed kept": "95 %",
    "key to first byte, p50": "25 ms",
    "key to first byte, training against paused": "1.3×",
    "written": "10 KB/s",
    "slow link": "1 KB/s",
    "a frame, 1,000 losses": "8 ms",
    "a frame, 1,000,000 losses against": "1.2×",
    "start to first frame against": "4×",
    "start": "0.5 s",
    "--help": "0.25 s",
}


def measure_alternately(
    row: str, setups: list[Setup], rounds: int
) -> dict[str, list[tuple[float, ...]]]:
    """Return for each number of a row what each setup gave, round by round."""
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for turn in range(rounds):
        order = setups if turn % 2 else setups[::-1]
        numbers = {setup.root: MEASURES[row](setup) for setup in order}
        for name in numbers[setups[0].root]:
            sides = (numbers[setup.root].get(name, float("nan")) for setup in setups)
            found[name].append(tuple(sides))
    return found


def print_row(size: str, name: str, rounds: list[tuple[float, ...]]) -> None:
    what, _, unit = name.rpartition(" in ")
    text, is_less_better = FORMATS[unit]
    medians = [statistics.median(side) for side in zip(*rounds, strict=True)]
    cells = [size, what, *(text.format(each) for each in medians)]
    if len(medians) == 2:
        # Of each round's pair, since a machine's speed changes between rounds.
        pairs = [here / there for here, there in rounds if there]
        ratio = statistics.median(pairs) if pairs else float("nan")
        better = ratio < 1 if is_less_better else ratio > 1
        cells.append(f"{ratio - 1:+.1%}{' better' if better else ''}")
    limit = next((most for start, most in LIMITS.items() if what.startswith(start)), "")
    print(f"| {' | '.join([*cells, limit])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(MEASURES), metavar="ROW")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="80x24")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout's root")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    if options.against and not (options.against / "tui").is_dir():
        parser.error(f"{options.against} is no checkout of this repository")
    unknown = [row for row in options.rows if row not in MEASURES]
    if unknown:
        parser.error(f"no row is called {unknown[0]}; there are {', '.join(MEASURES)}")
    roots = [ROOT, *([options.against.resolve()] if options.against else [])]
    data = str(Path(options.data).resolve())
    print(f"{cpu_name()}, {describe_cores()}\n")
    sides = ["this code", "other code", "difference"] if options.against else ["measured"]
    print(f"| size | what | {' | '.join(sides)} | limit |")
    print(f"|{'---|' * (len(sides) + 3)}", flush=True)
    for row in options.rows:
        for size in options.sizes if row != "help" else ["any"]:
            cells = (120, 40) if size == "any" else tuple(map(int, size.split("x")))
            setups = [Setup(root, (cells[0], cells[1]), data, options.seconds) for root in roots]
            for name, rounds in measure_alternately(row, setups, options.rounds).items():
                print_row(size, name, rounds)


if __name__ == "__main__":
    main()
