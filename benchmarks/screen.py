"""What the screen costs: the app in a real pseudo-terminal of 120×40, training on real MNIST.

Each speed is that of a process of its own, the app's and that of `mnist-tui train` alternating, by
the events that both write and the clock on the wall, so that scoring and saving count. Frames are
timed in a process that holds the app alone, without training.

    python benchmarks/screen.py [--data DIR] [--seconds S] [--rounds N] [ROW ...]

A row is a network, or keys, bytes, frame, start, help.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte
from throughput import HERE, find_mnist

ROWS = ("linear", "mlp", "cnn", "keys", "bytes", "frame", "start", "help")
NETWORKS = ("linear", "mlp", "cnn")
SIZE = (120, 40)
TUI = [sys.executable, "-m", "tui"]
# The keys that are timed: log scale, smoothing, zoom, two views to and fro, and each chart.
KEYS = "lmz21ccccc"
PRESSED = 60


class Screen(pyte.Screen):
    """pyte's screen, without the private sequences that it mistakes for colours."""

    def select_graphic_rendition(self, *attributes, private=False, **more):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, *arguments, **more):
        pass


class App:
    """The app in a pseudo-terminal, in a folder of its own."""

    def __init__(self, folder: str, *arguments: str) -> None:
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {"XDG_CONFIG_HOME": folder, "PYTHONPATH": str(HERE.parent)}
        self.bytes = 0
        self.screen = Screen(*SIZE)
        self.stream = pyte.ByteStream(self.screen)
        self.begun = time.perf_counter()
        self.arrived = self.begun  # when what was read last came; to picture it takes time too
        self.child = pexpect.spawn(
            TUI[0],
            [*TUI[1:], *arguments],
            cwd=folder,
            env=environment,
            dimensions=SIZE[::-1],
        )
        self.child.delaybeforesend = None  # pexpect would wait 50 ms before each key

    def read(self, seconds: float, *, shown: bool = True) -> bool:
        """Takes what comes within that time; whether something did."""
        if not select.select([self.child.fileno()], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.child.fileno(), 1 << 20)
        except OSError:  # it has ended
            return False
        self.bytes, self.arrived = self.bytes + len(data), time.perf_counter()
        if shown:
            self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*u", b"", data))
        return True

    def watch(self, seconds: float) -> None:
        """Reads on, and spends next to nothing on it."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left, shown=False)

    def until(self, so: Callable[[], bool], seconds: float = 30.0) -> float:
        """How long it takes."""
        begun = time.perf_counter()
        while not so():
            if time.perf_counter() - begun > seconds:
                raise SystemExit("the app never came to it:\n" + "\n".join(self.screen.display))
            self.read(0.05)
        return time.perf_counter() - begun

    def watch_shown(self, seconds: float) -> None:
        """Reads on, and keeps the screen's picture up to date."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def row(self, number: int) -> str:
        return self.screen.display[number]

    def end(self) -> None:
        os.kill(self.child.pid, signal.SIGTERM)
        while self.child.isalive():
            self.read(0.05, shown=False)


def options_for(arch: str, data: str, folder: str) -> list[str]:
    options = ["--arch", arch, "--dataset", "mnist", "--data", data, "--device", "cpu"]
    return [*options, "--epochs", "1000", "--checkpoints", folder]


def rate_of(folder: str, seconds: float, read: Callable[[float], None]) -> float:
    """Samples per second of the run in the folder, after a warm-up."""
    begun: list[dict[str, float]] = []
    while True:
        read(0.2)
        for path in Path(folder).glob("*/events.jsonl"):
            lines = path.read_text().splitlines()
            events = [json.loads(line) for line in lines if '"progress"' in line[:30]]
            later = [each for each in events if each["time"] > events[0]["time"] + seconds / 4]
            if later and later[-1]["time"] > later[0]["time"] + seconds:
                begun = [later[0], later[-1]]
        if begun:
            elapsed = begun[1]["time"] - begun[0]["time"]
            return (begun[1]["step"] - begun[0]["step"]) * 32 / elapsed


def with_screen(arch: str, data: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder, *options_for(arch, data, folder), "--start")
        try:
            return rate_of(folder, seconds, app.watch)
        finally:
            app.end()


def without(arch: str, data: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [*TUI, "train", "--quiet", *options_for(arch, data, folder)]
        process = subprocess.Popen(command, cwd=HERE.parent)
        try:
            return rate_of(folder, seconds, time.sleep)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def lost(arch: str, data: str, seconds: float, rounds: int) -> None:
    pairs = []
    for turn in range(rounds):
        sides = [without, with_screen] if turn % 2 else [with_screen, without]
        found = {side: side(arch, data, seconds) for side in sides}
        pairs.append((found[without], found[with_screen]))
    plain, shown = (statistics.median(side) for side in zip(*pairs, strict=True))
    shares = statistics.median(1 - after / before for before, after in pairs)
    what = f"{arch}: training speed lost to the screen"
    print(f"| {what} ({plain:,.0f} → {shown:,.0f}/s) | {shares:.1%} | 5% |", flush=True)


def keys(data: str) -> None:
    for arch in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            app = App(folder, *options_for(arch, data, folder), "--start")
            app.until(lambda app=app: "● training" in app.row(0))
            for key in "21":  # a view's first showing makes it
                app.child.send(key)
                app.watch_shown(1.0)
            took = []
            for turn in range(PRESSED):
                app.watch_shown(0.15 + 0.01 * (turn % 7))
                took.append(press(app, KEYS[turn % len(KEYS)]))
            app.end()
        took.sort()
        p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
        said = f"{arch}: key to changed screen while training, p50 {p50:.0f}, p95"
        print(f"| {said} | {p95:.0f} ms | 50 ms |", flush=True)


def press(app: App, key: str) -> float:
    """Milliseconds from the key until what it changes has changed: the view's name in the first
    line, or what the chart says of itself in the second."""
    row = 0 if key.isdigit() else 1

    def shown() -> str:
        # The figures there change by themselves.
        cells = app.screen.buffer[row]
        said = "".join(f"{cells[x].data}{cells[x].reverse}{cells[x].bg}" for x in range(SIZE[0]))
        return said if row == 0 else re.sub(r"[\d.,%]+", "", app.row(row)) + smooth(app.row(row))

    before, begun = shown(), time.perf_counter()
    app.child.send(key)
    while shown() == before:
        if time.perf_counter() - begun > 3:
            raise SystemExit(f"{key} changed nothing:\n" + "\n".join(app.screen.display))
        app.read(0.05)
    return (time.perf_counter() - begun) * 1000


def smooth(line: str) -> str:
    found = re.search(r"smooth.*", line)
    return found[0] if found else ""


def written(data: str, seconds: float) -> None:
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
    """Seconds of CPU of a process's first thread so far, which is the screen's."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def frames(losses: int, count: int = 60) -> float:
    """Milliseconds of CPU for one frame of the train view, from events to the bytes, with that many
    losses behind it."""
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


def frame(rounds: int) -> None:
    pairs = [
        (in_own_process("frames", 1000), in_own_process("frames", 1_000_000)) for _ in range(rounds)
    ]
    short, long = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"| CPU for one frame of the train view, all its charts | {short:.1f} ms | 8 ms |")
    ratio = statistics.median(after / before for before, after in pairs)
    said = f"a frame with 1,000,000 losses ({long:.1f} ms) against 1,000"
    print(f"| {said} | {ratio:.2f}× | 1.2× |", flush=True)


def first_frame(rounds: int) -> None:
    took = []
    for _ in range(rounds * 3):
        with tempfile.TemporaryDirectory() as folder:
            app = App(folder)
            app.until(lambda app=app: "press space to train" in "\n".join(app.screen.display))
            took.append(time.perf_counter() - app.begun)
            app.end()
    print(f"| start to first frame | {statistics.median(took):.2f} s | 0.5 s |", flush=True)


def help_text(rounds: int) -> None:
    took = []
    for _ in range(rounds * 3):
        begun = time.perf_counter()
        subprocess.run([*TUI, "--help"], check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - begun)
    print(f"| mnist-tui --help | {statistics.median(took):.2f} s | 0.25 s |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(ROWS), metavar="ROW")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.data is None:
        parser.error("the real digits are not at hand: name their folder with --data")
    data = str(Path(options.data).resolve())
    print(f"{platform.machine()}, {os.cpu_count()} cores; a terminal of {SIZE[0]}×{SIZE[1]}\n")
    print("| what | measured | at most |")
    print("|---|---|---|", flush=True)
    for row in options.rows:
        if row in NETWORKS:
            lost(row, data, options.seconds, options.rounds)
    named = {
        "keys": lambda: keys(data),
        "bytes": lambda: written(data, options.seconds),
        "frame": lambda: frame(options.rounds),
        "start": lambda: first_frame(options.rounds),
        "help": lambda: help_text(options.rounds),
    }
    for row, measure in named.items():
        if row in options.rows:
            measure()


if __name__ == "__main__":
    main()
