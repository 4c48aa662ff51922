"""The measurements of screen.py: each returns numbers by name, "what in unit", of one setup.

The app and `mnist-tui train` run in processes of their own. Speeds come from the events that both
write and from wall-clock time, so evaluating and saving count. Frames are timed in a process that
runs the app alone, without training.
"""

import asyncio
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from terminal import TUI, App, environment_for
from throughput import BATCH, HERE

NETWORKS = ("linear", "mlp", "cnn")


@dataclass(frozen=True)
class Setup:
    """The root of the checkout that is measured, the terminal's columns and rows, the folder of
    MNIST and how long to measure."""

    root: Path
    size: tuple[int, int]
    data: str
    seconds: float

    def open_app(self, folder: str, *options: str) -> App:
        return App(folder, *options, size=self.size, root=self.root)

    @property
    def environment(self) -> dict[str, str]:
        return environment_for(self.root)


def options_for(arch: str, setup: Setup, folder: str) -> list[str]:
    options = ["--arch", arch, "--dataset", "mnist", "--data", setup.data, "--device", "cpu"]
    return [*options, "--epochs", "1000", "--checkpoints", folder]


def open_training(arch: str, setup: Setup, folder: str, *options: str) -> App:
    """Return the app once it trains and draws."""
    app = setup.open_app(folder, *options_for(arch, setup, folder), "--start", *options)
    app.until(lambda: "training" in app.row(0))
    app.watch_shown(1.0)
    return app


def measure_speed(folder: str, seconds: float, read: Callable[[float], None]) -> float:
    """Return the samples per second of the run in `folder`, after a warm-up."""
    while True:
        read(0.2)
        for path in Path(folder).glob("*/events.jsonl"):
            lines = path.read_text().splitlines()
            events = [json.loads(line) for line in lines if '"progress"' in line[:30]]
            later = [each for each in events if each["time"] > events[0]["time"] + seconds / 4]
            if later and later[-1]["time"] > later[0]["time"] + seconds:
                elapsed = later[-1]["time"] - later[0]["time"]
                return (later[-1]["step"] - later[0]["step"]) * BATCH / elapsed


def speed_with_screen(arch: str, setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        app = setup.open_app(folder, *options_for(arch, setup, folder), "--start")
        try:
            return measure_speed(folder, setup.seconds, app.watch)
        finally:
            app.end()


def speed_without_screen(arch: str, setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [*TUI, "train", "--quiet", *options_for(arch, setup, folder)]
        process = subprocess.Popen(command, cwd=folder, env=setup.environment)
        try:
            return measure_speed(folder, setup.seconds, time.sleep)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def compare_speeds(arch: str, setup: Setup) -> dict[str, float]:
    plain, shown = speed_without_screen(arch, setup), speed_with_screen(arch, setup)
    return {
        f"speed kept with the screen on, {arch} in %": 100 * shown / plain,
        f"training with the screen on, {arch} in /s": shown,
    }


def measure_output(setup: Setup) -> dict[str, float]:
    numbers = {}
    for arch in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            app = open_training(arch, setup, folder)
            app.watch(4.0)  # the first screen, which a large window gets once
            before, used = app.bytes, screen_cpu(app.child.pid)
            app.watch(setup.seconds)
            numbers[f"written to the terminal, {arch} in KB/s"] = (
                (app.bytes - before) / setup.seconds / 1000
            )
            share = (screen_cpu(app.child.pid) - used) / setup.seconds
            numbers[f"the screen's thread, {arch} in % of a core"] = 100 * share
            app.end()
    return numbers


def measure_slow_link(setup: Setup) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        app = open_training("mlp", setup, folder, "--slow-link")
        app.watch(4.0)  # the first screen may still be on its way
        before = app.bytes
        app.watch(setup.seconds)
        rate = (app.bytes - before) / setup.seconds / 1000
        app.end()
    return {"slow link, mlp in KB/s": rate}


def screen_cpu(process: int) -> float:
    """Return the CPU seconds used so far by a process's first thread, which draws the screen."""
    return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def measure_frames(setup: Setup) -> dict[str, float]:
    short, long = (frame_in_own_process(setup, losses) for losses in (1_000, 1_000_000))
    return {
        "a frame, 1,000 losses in ms": short,
        "a frame, 1,000,000 losses against 1,000 in ×": long / short,
    }


def frame_in_own_process(setup: Setup, losses: int) -> float:
    code = f"import screen_rows; print(screen_rows.frame_cost({losses}, {setup.size}))"
    with tempfile.TemporaryDirectory() as folder:
        environment = setup.environment | {"XDG_CONFIG_HOME": folder}
        environment["PYTHONPATH"] = f"{HERE}:{setup.root}"
        command = [sys.executable, "-c", code]
        out = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=True
        )
    return float(out.stdout)


def frame_cost(losses: int, size: tuple[int, int], count: int = 60) -> float:
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
        async with app.run_test(size=size) as pilot:
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


def time_first_frame(setup: Setup) -> dict[str, float]:
    """Time the app from its start until the footer has arrived, and --help in turns with it."""
    took, help_took = [], []
    for _ in range(5):
        help_took.append(time_help(setup)["--help in s"])
        with tempfile.TemporaryDirectory() as folder:
            app, data = setup.open_app(folder), b""
            while b"Start" not in data:
                data += app.receive(10.0)
            took.append(app.arrived - app.started)
            app.end()
    start, plain = statistics.median(took), statistics.median(help_took)
    return {
        "start to first frame in s": start,
        "start to first frame against --help in ×": start / plain,
    }


def time_help(setup: Setup) -> dict[str, float]:
    command = [*TUI, "--help"]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        where = {"cwd": folder, "env": setup.environment}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **where)
        return {"--help in s": time.perf_counter() - start}
