"""What browsing costs in a folder of 1,000 runs and 3,000 checkpoints, which this makes: one short
run is trained for real, and each of the others is that one under a header of its own.

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

from screen import SIZE, TUI, App
from throughput import HERE, find_mnist

KINDS = ("epoch-001", "best", "last")
NO_RUNS = "appear here"
VERDICT = "says"  # or right
KB = 1 if platform.system() == "Darwin" else 1024  # what ru_maxrss counts in
PRESSED = 40
FIRST_ROW = "linear-20"


def say(what: str, measured: str, most: str) -> None:
    print(f"| {what} | {measured} | {most} |", flush=True)


def command_for(arch: str, data: str, folder: Path) -> list[str]:
    command = [*TUI, "train", "--quiet", "--arch", arch, "--data", data, "--device", "cpu"]
    return [*command, "--epochs", "5", "--checkpoints", str(folder)]


def train_linear(data: str, folder: Path) -> Path:
    """A run's folder, once the run has ended."""
    subprocess.run(command_for("linear", data, folder), cwd=HERE.parent, check=True)
    return next(folder.iterdir())


def begin_cnn(data: str, folder: Path) -> None:
    """A run of the cnn that is stopped after some steps, with all that it takes to go on."""
    process = subprocess.Popen(command_for("cnn", data, folder), cwd=HERE.parent)
    while not any(b"progress" in each.read_bytes() for each in folder.glob("*/events.jsonl")):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait()


def make_runs(template: Path, folder: Path, count: int) -> None:
    """Runs as the template's, each with its own name, seed, scores and age."""
    from core.checkpoints.header import METADATA, encode_header, parse_info, read_header

    with (template / "last.safetensors").open("rb") as file:
        header = read_header(file, os.fstat(file.fileno()).st_size)
        tensors = file.read()
    info = parse_info(template, header)
    header.pop(METADATA)
    lines = (template / "events.jsonl").read_bytes().splitlines(keepends=True)
    record = b"".join(lines)
    description = json.loads((template / "run.json").read_bytes())
    chance, now = random.Random(0), time.time()
    for number in range(count):
        saved = now - 600 * number
        name = f"linear-{time.strftime('%Y%m%d-%H%M%S', time.localtime(saved))}"
        place = folder / name
        place.mkdir(parents=True)
        config = info.config | {"seed": number}
        own = {"run": name, "seed": number, "config": description["config"] | {"seed": number}}
        (place / "run.json").write_text(json.dumps(description | own, indent=2))
        (place / "events.jsonl").write_bytes(record)
        for kind in KINDS:
            accuracy = chance.uniform(0.85, 0.93)
            said = replace(info, run=name, config=config, saved_at=saved, test_accuracy=accuracy)
            path = place / f"{kind}.safetensors"
            path.write_bytes(encode_header(header, said) + tensors)
            os.utime(path, (saved, saved))
        os.utime(place, (saved, saved))


def listing(folder: Path) -> list[str]:
    return [*TUI, "checkpoints", "list", "--checkpoints", str(folder)]


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds, and the most MB of memory."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    process.returncode = 0
    return time.perf_counter() - begun, used.ru_maxrss * KB / 1e6


def by_command(folder: Path, empty: Path, rounds: int) -> None:
    os.sync()  # what was just made is still on its way to the disk
    measured(listing(folder))
    took = [measured(listing(folder)) for _ in range(rounds * 3)]
    seconds = statistics.median(each for each, _ in took)
    say("checkpoints list, from start to end", f"{seconds:.2f} s", "0.5 s")
    _, bare = measured(listing(empty))
    say(f"its memory ({bare:.0f} MB with no runs)", f"{took[0][1]:.0f} MB", "150 MB")
    command = [sys.executable, "-X", "importtime", *listing(folder)[1:]]
    said = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in said.stderr.splitlines()}
    imported = sorted(names & {"torch", "numpy", "textual"})
    say("what it imports of torch, numpy, textual", ", ".join(imported) or "none", "none")


def memory(app: App) -> float:
    """MB that the app has in memory."""
    pages = int(Path(f"/proc/{app.child.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def shown(app: App) -> str:
    return "\n".join(app.screen.display)


def opened(folder: Path, place: str, wanted: str) -> tuple[App, float]:
    """The app with torch loaded and the view open, and the seconds from its key until that text."""
    app = App(place, "--checkpoints", str(folder), "--device", "cpu")
    app.until(lambda: "press space to train" in shown(app))
    app.watch_shown(4.0)
    app.child.send("5")
    return app, app.until(lambda: wanted in shown(app))


def in_the_app(folder: Path, empty: Path, rounds: int) -> None:
    first, keys, used, bare = [], [], [], []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            app, seconds = opened(empty, place, NO_RUNS)
            app.watch_shown(2.0)
            bare.append(memory(app))
            app.end()
            app, seconds = opened(folder, place, FIRST_ROW)
            first.append(seconds)
            app.until(lambda app=app: "checkpoints of" in shown(app) and "…" not in app.row(1))
            app.watch_shown(2.0)
            used.append(memory(app))
            keys += filtered(app)
            app.end()
    say("the view's first rows, from its key", f"{statistics.median(first):.2f} s", "0.3 s")
    keys.sort()
    p50, p95 = keys[len(keys) // 2], keys[int(len(keys) * 0.95)]
    say(f"a key of the filter to the rows it leaves, p50 {p50:.0f}, p95", f"{p95:.0f} ms", "50 ms")
    whole, more = statistics.median(used), statistics.median(used) - statistics.median(bare)
    say(f"the app's memory for the list ({whole:.0f} MB with torch)", f"{more:.0f} MB", "150 MB")


def filtered(app: App) -> list[float]:
    """Milliseconds from each key until other rows are there, and counted in the second line."""
    app.child.send("/")
    app.watch_shown(0.5)
    took = []
    for turn in range(PRESSED):
        app.watch_shown(0.15 + 0.01 * (turn % 7))
        # One leaves those of the kind best, one those of epoch, one nothing; then all come back.
        before, begun = app.row(1), time.perf_counter()
        app.child.send("\x7f" if turn % 2 else "bov"[turn // 2 % 3])
        while app.row(1) == before:
            if time.perf_counter() - begun > 3:
                raise SystemExit("a key changed nothing:\n" + shown(app))
            app.read(0.05)
        took.append((app.arrived - begun) * 1000)
    return took


def first_prediction(runs: Path, rounds: int) -> None:
    took = []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            app, _ = opened(runs, place, "cnn-20")
            begun = time.perf_counter()
            app.child.send("\r")
            app.until(lambda app=app: VERDICT in shown(app))
            took.append(app.arrived - begun)
            app.end()
    size = sum(each.stat().st_size for each in runs.glob("*/last.safetensors")) / 1e6
    what = f"a checkpoint of the cnn ({size:.0f} MB), from enter to its first predictions"
    say(what, f"{statistics.median(took):.2f} s", "0.5 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("the real digits are not at hand: name their folder with --data")
    data = str(Path(options.data).resolve())
    print(f"{platform.machine()}, {os.cpu_count()} cores; a terminal of {SIZE[0]}×{SIZE[1]}")
    with tempfile.TemporaryDirectory() as place:
        folder, empty = Path(place, "runs"), Path(place, "empty")
        empty.mkdir()
        make_runs(train_linear(data, Path(place, "one")), folder, options.runs)
        begin_cnn(data, Path(place, "cnn"))
        files = list(folder.glob("*/*.safetensors"))
        size = sum(each.stat().st_size for each in files) / 1e6
        print(f"{options.runs:,} runs, {len(files):,} checkpoints, {size:.0f} MB\n")
        print("| what | measured | at most |")
        print("|---|---|---|", flush=True)
        by_command(folder, empty, options.rounds)
        in_the_app(folder, empty, options.rounds)
        first_prediction(Path(place, "cnn"), options.rounds)


if __name__ == "__main__":
    main()
