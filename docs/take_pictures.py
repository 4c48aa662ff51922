"""Takes the README's pictures: the real app, training on the real digits.

python docs/take_pictures.py [--data DIR]
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from textual.pilot import Pilot

from core.config import TrainConfig
from tui.actions import VIEWS
from tui.app import MnistApp
from tui.state import RunState

HERE = Path(__file__).resolve().parent


async def until(pilot: Pilot, so: Callable[[RunState], bool]) -> None:
    while not so(pilot.app.run_state):
        await pilot.pause(0.2)
    await pilot.pause(0.7)


async def take(data: str | None) -> None:
    data = str(Path(data).resolve()) if data else None
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        config = TrainConfig(arch="mlp", epochs=3, data=data)
        app = MnistApp(config, start=True)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda state: len(state.scores) >= 1 and state.share > 0.55)
            app.save_screenshot("training.svg", path=str(HERE))
            await pilot.press("l", "2")
            await pilot.press(*["right"] * 2)
            await until(pilot, lambda state: state.phase == "finished")
            app.save_screenshot("digits.svg", path=str(HERE))
            await pilot.press(str(list(VIEWS).index("checkpoints") + 1))
            await pilot.pause(0.7)
            app.save_screenshot("checkpoints.svg", path=str(HERE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder that holds MNIST/raw")
    asyncio.run(take(parser.parse_args().data))
