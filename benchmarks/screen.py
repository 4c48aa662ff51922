"""Measure what the screen costs: the app in a pseudo-terminal of 120×40, training on real MNIST.

The app and `mnist-tui train` run in turns, each in a process of its own. Their speeds come from the
events that both write and from wall-clock time, so evaluating and saving count. Frames are timed in
a process that runs the app alone, without training.

    python benchmarks/screen.py [--data DIR] [--seconds S] [--rounds N] [ROW ...]

A row is a network, or keys, bytes, frame, start, help.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from terminal import SIZE, TUI, App
from throughput import HERE, find_mnist

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name

ROWS = ("linear", "mlp", "cnn", "keys", "bytes", "frame", "start", "help")
NETWORKS = ("linear", "mlp", "cnn")
# The timed keys: log scale, smoothing, zoom, two views and back, and each chart.
KEYS = "lmz21ccccc"
KEY_PRESSES = 60


def options_for(arch: str, data: str, folder: str) -> list[str]:
    options = ["--arch", arch, "--dataset", "mnist", "--data", data, "--device", "cpu"]
    return [*options, "--epochs", "1000", "--checkpoints", folder]


def measure_speed(folder: str, seconds: float, read: Callable[[float], None]) -> float:
    """Return the samples per second of the run in `folder`, after a warm-up."""
    span: list[dict[str, float]] = []
    while True:
        read(0.2)
        for path in Path(folder).glob("*/events.jsonl"):
            lines = path.read_text().splitlines()
            events = [json.loads(line) for line in lines if '"progress"' in line[:30]]
            later = [each for each in events if each["time"] > events[0]["time"] + seconds / 4]
            if later and later[-1]["time"] > later[0]["time"] + seconds:
                span = [later[0], later[-1]]
        if span:
            elapsed = span[1]["time"] - span[0]["time"]
            return (span[1]["step"] - span[0]["step"]) * 32 / elapsed


def speed_with_screen(arch: str, data: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder, *options_for(arch, data, folder), "--start")
        try:
            return measure_speed(folder, seconds, app.watch)
        finally:
            app.end()


def speed_without_screen(arch: str, data: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [*TUI, "train", "--quiet", *options_for(arch, data, folder)]
        process = subprocess.Popen(command, cwd=HERE.parent)
        try:
            return measure_speed(folder, seconds, time.sleep)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def compare_speeds(arch: str, data: str, seconds: float, rounds: int) -> None:
    pairs = []
    for turn in range(rounds):
        sides = [speed_without_screen, speed_with_screen]
        found = {side: side(arch, data, seconds) for side in (sides if turn % 2 else sides[::-1])}
        pairs.append((found[speed_without_screen], found[speed_with_screen]))
    plain, shown = (statistics.median(side) for side in zip(*pairs, strict=True))
    shares = statistics.median(1 - after / before for before, after in pairs)
    what = f"{arch}: training speed lost to the screen"
    print(f"| {what} ({plain:,.0f} → {shown:,.0f}/s) | {shares:.1%} | 5% |", flush=True)


def time_keys(data: str) -> None:
    for arch in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            app = App(folder, *options_for(arch, data, folder), "--start")
            app.until(lambda app=app: "● training" in app.row(0))
            for key in "21":  # the first visit creates a view
                app.child.send(key)
                app.watch_shown(1.0)
            took = []
            for turn in range(KEY_PRESSES):
                app.watch_shown(0.15 + 0.01 * (turn % 7))
                took.append(time_key(app, KEYS[turn % len(KEYS)]))
            app.end()
        took.sort()
        p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
        what = f"{arch}: key to changed screen during training, p50 {p50:.0f}, p95"
        print(f"| {what} | {p95:.0f} ms | 50 ms |", flush=True)


def time_key(app: App, key: str) -> float:
    """Return the milliseconds from a key until its effect shows: the name of the view in the first
    row, or the options of the chart in the second."""
    row = 0 if key.isdigit() else 1

    def shown() -> str:
        # The numbers there change by themselves.
        cells = app.screen.buffer[row]
        text = "".join(f"{cells[x].data}{cells[x].reverse}{cells[x].bg}" for x in range(SIZE[0]))
        return text if row == 0 else re.sub(r"[\d.,%]+", "", app.row(row)) + smooth(app.row(row))

    before, start = shown(), time.perf_counter()
    app.child.send(key)
    while shown() == before:
        if time.perf_counter() - start > 3:
            raise SystemExit(f"{key} changed nothing:\n" + "\n".join(app.screen.display))
        app.read(0.05)
    return (time.perf_counter() - start) * 1000


def smooth(line: str) -> str:
    found = re.search(r"smooth.*", line)
    return found[0] if found else ""


def measure_output(data: str, seconds: float) -> None:
    for arch in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            app = App(folder, *options_for(arch, data, folder), "--start")
            app.until(lambda app=app: "● training" in app.row(0))
            app.watch(1.0)
            before, used = app.bytes, screen_cpu(app.child.pid)
            app.watch(seconds)
            rate = (app.bytes - before) / seconds / 1000
            share = (screen_cpu(app.child.pid) - used) / seconds
            app.end()
        print(f"| {arch}: written to the terminal | {rate:.1f} KB/s | 10 KB/s |")
        print(f"| {arch}: the screen's thread, of a core | {share:.1%} | |", flush=True)


def screen_cpu(process: int) -> float:
    """Return the CPU seconds used so far by a process's first thread, which draws the screen."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def frame_cost(losses: int, count: int = 60) -> float:
    """Return the CPU milliseconds of one frame of the Train view, from events to bytes, in a run
    that has `losses` losses so far."""
    from core.config import TrainConfig
    from core.events import Progress, RunStarted
    from tui.app.app import MnistApp
    from tui.state.fold import fold
    from tui.state.run_state import RunState

    steps = losses + 8 * count

    def progress(step: int) -> Progress:
        means = tuple(2 / (1 + (step + i) / steps * 40) + (step * 7 + i) % 5 / 20 for i in range(8))
        return Progress(
            step=step, epoch=1, loss=means[-1], losses=means, learning_rate=0.001,
            samples_per_second=1e5 + step % 999, gradient_norm=1 + step % 7 / 9,
        )  # fmt: skip

    state = fold(
        RunState(),
        RunStarted(
            run="mlp-1", folder="", arch="mlp", dataset="mnist", device="cpu", parameters=669_706,
            epochs=2, batch_size=32, steps_per_epoch=steps, total_steps=2 * steps, threads=2,
            train_samples=60_000, test_samples=10_000, config={},
        ),
    )  # fmt: skip
    for step in range(8, losses + 1, 8):
        state = fold(state, progress(step))

    async def measure() -> float:
        app = MnistApp(TrainConfig())
        async with app.run_test(size=SIZE) as pilot:
            app.run_state = state
            await pilot.pause(0.3)
            took = []
            for frame in range(1, count + 1):
                since = time.thread_time()
                app.run_state = fold(app.run_state, progress(losses + 8 * frame))
                while app.screen._dirty_widgets or app.screen._update_timer._active.is_set():
                    await asyncio.sleep(0.002)
                await asyncio.sleep(0.01)
                took.append((time.thread_time() - since) * 1000)
        return statistics.median(took)

    return asyncio.run(measure())


def in_own_process(function: str, argument: int) -> float:
    code = f"import screen; print(screen.{function}({argument}))"
    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parent}"}
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(out.stdout)


def compare_frames(rounds: int) -> None:
    pairs = [
        (in_own_process("frame_cost", 1000), in_own_process("frame_cost", 1_000_000))
        for _ in range(rounds)
    ]
    short, long = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"| CPU for one frame of the train view, all its charts | {short:.1f} ms | 8 ms |")
    ratio = statistics.median(after / before for before, after in pairs)
    what = f"a frame with 1,000,000 losses ({long:.1f} ms) against 1,000"
    print(f"| {what} | {ratio:.2f}× | 1.2× |", flush=True)


def time_first_frame(rounds: int) -> None:
    took = []
    for _ in range(rounds * 3):
        with tempfile.TemporaryDirectory() as folder:
            app = App(folder)
            app.until(lambda app=app: "press space to train" in "\n".join(app.screen.display))
            took.append(time.perf_counter() - app.started)
            app.end()
    print(f"| start to first frame | {statistics.median(took):.2f} s | 0.5 s |", flush=True)


def time_help(rounds: int) -> None:
    took = []
    for _ in range(rounds * 3):
        start = time.perf_counter()
        subprocess.run([*TUI, "--help"], check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - start)
    print(f"| mnist-tui --help | {statistics.median(took):.2f} s | 0.25 s |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(ROWS), metavar="ROW")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    data = str(Path(options.data).resolve())
    print(f"{cpu_name()}, {describe_cores()}; a terminal of {SIZE[0]}×{SIZE[1]}\n")
    print("| what | measured | at most |")
    print("|---|---|---|", flush=True)
    for row in options.rows:
        if row in NETWORKS:
            compare_speeds(row, data, options.seconds, options.rounds)
    named = {
        "keys": lambda: time_keys(data),
        "bytes": lambda: measure_output(data, options.seconds),
        "frame": lambda: compare_frames(options.rounds),
        "start": lambda: time_first_frame(options.rounds),
        "help": lambda: time_help(options.rounds),
    }
    for row, measure in named.items():
        if row in options.rows:
            measure()


if __name__ == "__main__":
    main()
