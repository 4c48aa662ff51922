"""Measure browsing in a folder of 1,000 runs and 3,000 checkpoints.

The script makes the folder: it trains one short run, and copies it under other headers.

    python benchmarks/browse.py [--data DIR] [--runs N] [--rounds N]
"""

import argparse
import json
import os
import platform
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from terminal import ROOT, SIZE, TUI, App, environment_for
from throughput import HERE, find_mnist

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name

KINDS = ("epoch-001", "best", "last")
NO_RUNS = "No checkpoints in"
VERDICT = "of 10,000"
KB = 1 if platform.system() == "Darwin" else 1024  # the unit of ru_maxrss, in bytes
KEY_PRESSES = 40
FIRST_ROW = "linear-20"


def print_row(what: str, measured: str, most: str) -> None:
    print(f"| {what} | {measured} | {most} |", flush=True)


def command_for(arch: str, data: str, folder: Path) -> list[str]:
    command = [*TUI, "train", "--quiet", "--arch", arch, "--data", data, "--device", "cpu"]
    return [*command, "--epochs", "5", "--checkpoints", str(folder)]


def train_linear(data: str, folder: Path) -> Path:
    """Train linear to its end and return the run's folder."""
    subprocess.run(command_for("linear", data, folder), cwd=HERE.parent, check=True)
    return next(folder.iterdir())


def train_cnn(data: str, folder: Path) -> None:
    """Train cnn for some steps and stop it, so that it can be resumed."""
    process = subprocess.Popen(command_for("cnn", data, folder), cwd=HERE.parent)
    while not any(b"progress" in each.read_bytes() for each in folder.glob("*/events.jsonl")):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait()


def make_runs(template: Path, folder: Path, count: int) -> None:
    """Write copies of the run in `template`, each with its own name, seed, accuracy and age."""
    from core.checkpoints.header import METADATA, encode_header, parse_info, read_header

    with (template / "last.safetensors").open("rb") as file:
        header = read_header(file, os.fstat(file.fileno()).st_size)
        tensors = file.read()
    info = parse_info(template, header)
    header.pop(METADATA)
    lines = (template / "events.jsonl").read_bytes().splitlines(keepends=True)
    log = b"".join(lines)
    description = json.loads((template / "run.json").read_bytes())
    generator, now = random.Random(0), time.time()
    for number in range(count):
        saved = now - 600 * number
        name = f"linear-{time.strftime('%Y%m%d-%H%M%S', time.localtime(saved))}"
        place = folder / name
        place.mkdir(parents=True)
        config = info.config | {"seed": number}
        own = {"run": name, "seed": number, "config": description["config"] | {"seed": number}}
        (place / "run.json").write_text(json.dumps(description | own, indent=2))
        (place / "events.jsonl").write_bytes(log)
        for kind in KINDS:
            accuracy = generator.uniform(0.85, 0.93)
            own_info = replace(
                info, run=name, config=config, saved_at=saved, test_accuracy=accuracy
            )
            path = place / f"{kind}.safetensors"
            path.write_bytes(encode_header(header, own_info) + tensors)
            os.utime(path, (saved, saved))
        os.utime(place, (saved, saved))


def listing(folder: Path) -> list[str]:
    return [*TUI, "checkpoints", "list", "--checkpoints", str(folder)]


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=HERE.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment_for(ROOT),
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    process.returncode = 0
    return time.perf_counter() - start, used.ru_maxrss * KB / 1e6


def measure_command(folder: Path, empty: Path, rounds: int) -> None:
    os.sync()  # the files just written are still on their way to the disk
    measure(listing(folder))
    took, help_took = [], []
    for _ in range(rounds * 3):
        took.append(measure(listing(folder)))
        help_took.append(measure([*TUI, "--help"])[0])
    seconds = statistics.median(each for each, _ in took)
    print_row("checkpoints list, from start to end", f"{seconds:.2f} s", "0.5 s")
    ratio = seconds / statistics.median(help_took)
    print_row("that against --help", f"{ratio:.1f}×", "3×")
    _, bare = measure(listing(empty))
    print_row(f"its memory ({bare:.0f} MB with no runs)", f"{took[0][1]:.0f} MB", "150 MB")
    command = [sys.executable, "-X", "importtime", *listing(folder)[1:]]
    traced = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in traced.stderr.splitlines()}
    imported = sorted(names & {"torch", "numpy", "textual"})
    print_row("imports of torch, numpy, textual", ", ".join(imported) or "none", "none")


def memory(app: App) -> float:
    """Return the resident memory of the app in MB."""
    pages = int(Path(f"/proc/{app.child.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def shown(app: App) -> str:
    return "\n".join(app.screen.display)


def open_checkpoints(folder: Path, place: str, wanted: str) -> tuple[App, float]:
    """Start the app, load torch and open Checkpoints; return it and the seconds until `wanted`."""
    app = App(place, "--checkpoints", str(folder), "--device", "cpu")
    app.until(lambda: "Press space to train" in shown(app))
    app.watch_shown(4.0)
    app.child.send("5")
    return app, app.until(lambda: wanted in shown(app))


def measure_app(folder: Path, empty: Path, rounds: int) -> None:
    first, keys, used, bare = [], [], [], []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            app, seconds = open_checkpoints(empty, place, NO_RUNS)
            app.watch_shown(2.0)
            bare.append(memory(app))
            app.end()
            app, seconds = open_checkpoints(folder, place, FIRST_ROW)
            first.append(seconds)
            app.until(lambda app=app: "runs, " in app.row(1) and "reading" not in app.row(1))
            app.watch_shown(2.0)
            used.append(memory(app))
            keys += time_filter(app)
            app.end()
    print_row("first rows of the view, from its key", f"{statistics.median(first):.2f} s", "0.3 s")
    keys.sort()
    p50, p95 = keys[len(keys) // 2], keys[int(len(keys) * 0.95)]
    print_row(
        f"a key of the filter to the filtered rows, p50 {p50:.0f}, p95", f"{p95:.0f} ms", "50 ms"
    )
    whole, more = statistics.median(used), statistics.median(used) - statistics.median(bare)
    print_row(
        f"the app's memory for the list ({whole:.0f} MB with torch)", f"{more:.0f} MB", "150 MB"
    )


def listed(app: App) -> list[str]:
    """Return the lines of the list, below the filter."""
    return app.screen.display[5:20]


def time_filter(app: App) -> list[float]:
    """Return the milliseconds from each key of the filter until the list changes."""
    app.child.send("/")
    app.watch_shown(0.5)
    took = []
    for turn in range(KEY_PRESSES):
        app.watch_shown(0.15 + 0.01 * (turn % 7))
        # b leaves the kind best, o the epochs, v nothing; backspace brings all back.
        before, start = listed(app), time.perf_counter()
        app.child.send("\x7f" if turn % 2 else "bov"[turn // 2 % 3])
        while listed(app) == before:
            if time.perf_counter() - start > 3:
                raise SystemExit("a key changed nothing:\n" + shown(app))
            app.read(0.05)
        took.append((app.arrived - start) * 1000)
    return took


def time_first_prediction(runs: Path, rounds: int) -> None:
    took = []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            app, _ = open_checkpoints(runs, place, "cnn-20")
            start = time.perf_counter()
            app.child.send("\r")
            app.until(lambda app=app: VERDICT in shown(app))
            took.append(app.arrived - start)
            app.end()
    size = sum(each.stat().st_size for each in runs.glob("*/last.safetensors")) / 1e6
    what = f"a checkpoint of the cnn ({size:.0f} MB), from enter to its first predictions"
    print_row(what, f"{statistics.median(took):.2f} s", "0.5 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    data = str(Path(options.data).resolve())
    print(f"{cpu_name()}, {describe_cores()}; a terminal of {SIZE[0]}×{SIZE[1]}")
    with tempfile.TemporaryDirectory() as place:
        folder, empty = Path(place, "runs"), Path(place, "empty")
        empty.mkdir()
        make_runs(train_linear(data, Path(place, "one")), folder, options.runs)
        train_cnn(data, Path(place, "cnn"))
        files = list(folder.glob("*/*.safetensors"))
        size = sum(each.stat().st_size for each in files) / 1e6
        print(f"{options.runs:,} runs, {len(files):,} checkpoints, {size:.0f} MB\n")
        print("| what | measured | at most |")
        print("|---|---|---|", flush=True)
        measure_command(folder, empty, options.rounds)
        measure_app(folder, empty, options.rounds)
        time_first_prediction(Path(place, "cnn"), options.rounds)


if __name__ == "__main__":
    main()
