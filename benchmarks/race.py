"""Measure what a race costs: against its runs one after the other, in memory, and with the screen.

    python benchmarks/race.py [--data DIR] [--rounds N] [--size 120x40] [ROW ...]

A row is turns (two lanes of mlp by samples, against the two runs one after the other, in processes
of their own, alternating), memory (a process with one run, and with races of two and four lanes),
or screen (the speed of a race of two lanes in the app, against the same race without it).
"""

import argparse
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from screen_rows import Setup
from terminal import ROOT, TUI
from throughput import find_mnist

from core.commands import RaceLane, RacePlan, Start, StartRace
from core.compute.cores import describe_cores
from core.compute.usage import cpu_name
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from core.events import LaneEvent, Progress, RunFailed
from core.host import run_events
from core.race.record import read_race
from core.runs.event_reader import read_events

RATES = (1e-3, 5e-4, 2e-3, 1e-4)
CHILD = "--child"
BATCH = 32


def configs(lanes: int, data: str, folder: str) -> list[TrainConfig]:
    first = TrainConfig(arch="mlp", dataset="mnist", data=data, epochs=1, checkpoints=folder)
    return [replace(first, learning_rate=rate) for rate in RATES[:lanes]]


def train_all(kind: str, lanes: int, data: str) -> None:
    """Train the lanes as a race, or one after the other; print seconds and the most memory."""
    host = LocalHost()
    with tempfile.TemporaryDirectory() as folder:
        runs = configs(lanes, data, folder)
        if kind == "race":
            named = tuple(RaceLane(str(each.learning_rate), each) for each in runs)
            commands = [StartRace(RacePlan(named, ("learning_rate",)))]
        else:
            commands = [Start(each) for each in runs]
        import core.training.trainer  # noqa: F401, so that loading PyTorch is not measured

        since = time.perf_counter()
        for command in commands:
            host.send(command)
            for event in run_events(host):
                inner = event.event if isinstance(event, LaneEvent) else event
                assert not isinstance(inner, RunFailed), inner
            host = LocalHost()
        seconds = time.perf_counter() - since
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(kind: str, lanes: int, data: str) -> tuple[float, float]:
    """Return the seconds of `train_all` and its memory in MB, in a process of its own."""
    command = [sys.executable, __file__, CHILD, kind, str(lanes), data]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    seconds, memory = map(float, output.split()[-2:])
    return seconds, memory


def measure_turns(setup: Setup, rounds: int) -> None:
    ratios = []
    for number in range(rounds):
        kinds = ("race", "alone") if number % 2 else ("alone", "race")
        took = {kind: measure(kind, 2, setup.data)[0] for kind in kinds}
        ratios.append(took["race"] / took["alone"])
        print(f"  race {took['race']:.2f} s, one after the other {took['alone']:.2f} s")
    print(f"two lanes of mlp, against one after the other: {statistics.median(ratios):.3f} (1.05)")


def measure_memory(setup: Setup, rounds: int) -> None:
    used = {lanes: measure("race", lanes, setup.data)[1] for lanes in (2, 4)}
    used[1] = measure("alone", 1, setup.data)[1]
    print("most memory: " + ", ".join(f"{n} lanes {used[n]:.0f} MB" for n in sorted(used)))
    print(f"a lane more: {(used[4] - used[2]) / 2:.0f} MB")


def options_for(setup: Setup, folder: str) -> list[str]:
    options = ["--arch", "mlp", "--lr", "0.001,0.0005", "--dataset", "mnist", "--data", setup.data]
    return ["race", *options, "--epochs", "1000", "--checkpoints", folder]


def measure_speed(folder: str, seconds: float, wait: Callable[[float], None]) -> float:
    """Return the samples per second of all lanes of the race in `folder`, after a warm-up."""
    while not (found := [*Path(folder).glob("race-*/race.json")]):
        wait(0.2)
    while "" in {name for names in read_race(found[0].parent).runs for name in names}:
        wait(0.2)
    wait(3.0)
    before, since = steps_of(folder), time.perf_counter()
    wait(seconds)
    return (steps_of(folder) - before) * BATCH / (time.perf_counter() - since)


def steps_of(folder: str) -> int:
    """Count the steps that all runs have recorded."""
    total = 0
    for path in Path(folder).glob("*/events.jsonl"):
        steps = [e.step for e in read_events(path.parent) if isinstance(e, Progress)]
        total += max(steps, default=0)
    return total


def speed_with_screen(setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        app = setup.open_app(folder, *options_for(setup, folder))
        try:
            return measure_speed(folder, setup.seconds, app.watch)
        finally:
            app.end()


def speed_without_screen(setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [*TUI, *options_for(setup, folder), "--plain", "--quiet"]
        process = subprocess.Popen(command, cwd=folder, env=setup.environment)
        try:
            return measure_speed(folder, setup.seconds, time.sleep)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def measure_screen(setup: Setup, rounds: int) -> None:
    lost = []
    for _ in range(rounds):
        plain, shown = speed_without_screen(setup), speed_with_screen(setup)
        lost.append(100 * (1 - shown / plain))
        print(f"  without the screen {plain:,.0f} samples/s, with it {shown:,.0f}")
    print(f"lost to the screen: {statistics.median(lost):.1f} % (5 %)")


ROWS = {"turns": measure_turns, "memory": measure_memory, "screen": measure_screen}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(ROWS), metavar="ROW")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a measurement of speed")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    if unknown := [row for row in options.rows if row not in ROWS]:
        parser.error(f"no row is called {unknown[0]}; there are {', '.join(ROWS)}")
    columns, _, rows = options.size.partition("x")
    setup = Setup(ROOT, (int(columns), int(rows)), options.data, options.seconds)
    print(f"{cpu_name()}, {describe_cores()}")
    for row in options.rows:
        ROWS[row](setup, options.rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        kind, lanes, data = sys.argv[2:5]
        train_all(kind, int(lanes), data)
    else:
        main()
