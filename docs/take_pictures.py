"""Take the pictures in docs/: the real app, training on MNIST, at each size.

python docs/take_pictures.py [--data DIR] [SIZE ...]
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from textual.pilot import Pilot

from core.config import TrainConfig
from tui.actions import VIEWS
from tui.app.app import MnistApp
from tui.preferences import Preferences
from tui.state.run_state import RunState

HERE = Path(__file__).resolve().parent
SIZES = ("80x24", "120x40")
# Runs of earlier days.
EARLIER_RUNS = (
    ("--arch", "linear", "--epochs", "3"),
    ("--preset", "speedrun"),
    ("--arch", "mlp", "--epochs", "2", "--lr", "0.003"),
)


async def until(pilot: Pilot, condition: Callable[[RunState], bool]) -> None:
    while not condition(pilot.app.run_state):
        await pilot.pause(0.2)
    await pilot.pause(1.2)


def train(data: str | None, *options: str) -> None:
    more = ["--data", data] if data else []
    command = [sys.executable, "-m", "tui", "train", "--quiet", *options, *more]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(HERE.parent)})


async def take(data: str | None, size: str) -> None:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["XDG_CONFIG_HOME"] = folder
        for options in EARLIER_RUNS:
            train(data, *options)
        config = TrainConfig(arch="mlp", epochs=4, data=data)
        app = MnistApp(config, start=True, preferences=Preferences())
        columns, rows = map(int, size.split("x"))
        async with app.run_test(size=(columns, rows)) as pilot:

            async def shoot(name: str) -> None:
                await pilot.pause(1.2)
                app.save_screenshot(f"{name}-{size}.svg", path=str(HERE))

            async def view(name: str) -> None:
                await pilot.press(str(list(VIEWS).index(name) + 1))

            await until(pilot, lambda state: len(state.scores) >= 2 and state.share > 0.55)
            await shoot("train")
            await pilot.press("v", "v", "l")
            await shoot("charts")
            await pilot.press("l", "v")
            for name in ("network", "mistakes", "digits"):
                await view(name)
                await shoot(name)
            await view("train")
            # A branch from the second epoch.
            await pilot.press("b")
            await pilot.pause(1)
            await shoot("branch")
            await pilot.press("escape")
            await until(pilot, lambda state: state.phase == "finished")
            await view("checkpoints")
            await shoot("checkpoints")
            # Compare the newest checkpoint with one of the run before.
            await pilot.press("m", *["down"] * 6, "m")
            await pilot.pause(1)
            await pilot.press("o")
            await pilot.pause(3)
            await shoot("comparison")
            await view("train")
            await pilot.press("question_mark")
            await shoot("help")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="SIZE")
    parser.add_argument("--data", help="folder that holds MNIST/raw")
    options = parser.parse_args()
    for each in options.sizes:
        asyncio.run(take(options.data and str(Path(options.data).resolve()), each))
