"""Take the pictures in docs/: the real app, training on MNIST, at three sizes, dark and light.

    python docs/take_pictures.py [--data DIR] [--to DIR] [--sizes 80x24 …] [--only NAME …]

They take a few minutes. A picture is called NAME-SIZE.svg, in a light theme NAME-SIZE-light.svg.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, chdir
from dataclasses import dataclass, field
from pathlib import Path

import mission_scene
import race_scene
import touch_scenes
from compact_svg import compact
from textual.pilot import Pilot
from textual.widgets import Input

from core.config import TrainConfig
from tui.actions import VIEWS
from tui.app.app import MnistApp
from tui.preferences import Preferences
from tui.screens.quiz import view as quiz_view
from tui.screens.quiz.digit import QuizDigit
from tui.state.run_state import RunState
from tui.widgets.digit_cards import DigitCards

HERE = Path(__file__).resolve().parent
SIZES = ("80x24", "120x40", "200x60")
THEMES = {"": "textual-dark", "-light": "textual-light"}
# In the order in which they are taken.
NAMES = (
    *(
        "train-idle",
        "find-rate",
        "network-text",
        "train",
        "quit",
        "digits",
        "mistakes",
        "network",
        "quiz",
        "quiz-card",
        "branch",
        "help",
    ),
    *(
        "train-finished",
        "corruptions",
        "checkpoints",
        "checkpoints-open",
        "checkpoint",
        "images",
        "comparison",
    ),
    "train-overfit",
    *touch_scenes.NAMES,
    *mission_scene.NAMES,
    *race_scene.NAMES,
)
# Runs of earlier days.
EARLIER_RUNS = (
    ("--arch", "linear", "--epochs", "3"),
    ("--preset", "speedrun"),
    ("--arch", "mlp", "--epochs", "2", "--lr", "0.003"),
)
FINDING = 5.0  # seconds in which a learning rate is found for mlp
CORRUPTING = 40.0  # seconds in which an mlp is evaluated on all corrupted images
SETTLED = 0.8  # seconds until a screen is drawn after its size, its theme or its view has changed


@dataclass
class Camera:
    """Saves pictures of one app."""

    pilot: Pilot[None]
    folder: Path
    sizes: tuple[str, ...]
    only: tuple[str, ...]
    taken: list[Path] = field(default_factory=list)

    async def shoot(self, name: str) -> None:
        """Take the pictures of that name, at each size and in each theme."""
        if name not in self.only:
            return
        app = self.pilot.app
        for size in self.sizes:
            columns, rows = map(int, size.split("x"))
            await self.pilot.resize_terminal(columns, rows)
            await self._fill_cards()
            for suffix, theme in THEMES.items():
                app.theme = theme
                await self.pilot.pause(SETTLED)
                path = self.folder / f"{name}-{size}{suffix}.svg"
                path.write_text(compact(app.export_screenshot(title="mnist-tui")))
                self.taken.append(path)
        await self.pilot.resize_terminal(120, 40)
        app.theme = THEMES[""]
        await self.pilot.pause(SETTLED)

    async def _fill_cards(self) -> None:
        """Wait until the digits for which there is room now have been predicted."""
        for _ in range(50):
            await self.pilot.pause(0.1)
            cards = [each for each in self.pilot.app.screen.query(DigitCards) if each.digits]
            if all(len(each.digits) >= each.capacity for each in cards):
                return

    async def press(self, *keys: str, seconds: float = SETTLED) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(seconds)

    async def show(self, view: str) -> None:
        await self.press(str(list(VIEWS).index(view) + 1))

    async def until(self, condition: Callable[[RunState], bool]) -> None:
        while not condition(self.state):
            if self.state.phase == "failed":
                raise SystemExit(self.state.message)
            await self.pilot.pause(0.1)
        await self.pilot.pause(SETTLED)

    @property
    def state(self) -> RunState:
        app = self.pilot.app
        assert isinstance(app, MnistApp)
        return app.run_state


@asynccontextmanager
async def open_app(config: TrainConfig, options: argparse.Namespace) -> AsyncIterator[Camera]:
    app = MnistApp(config, preferences=Preferences())
    async with app.run_test(size=(120, 40)) as pilot:
        camera = Camera(pilot, options.to, tuple(options.sizes), tuple(options.only))
        await pilot.pause(SETTLED)
        yield camera


async def take_pictures_of_a_run(options: argparse.Namespace) -> list[Path]:
    """Take those of a run from before its start to its checkpoints."""
    config = TrainConfig(arch="mlp", epochs=8, threads=1, data=options.data)
    async with open_app(config, options) as camera:
        await camera.until(lambda state: bool(state.digits))  # of the untrained network
        await camera.shoot("train-idle")
        await camera.press("ctrl+f", seconds=FINDING)
        await camera.shoot("find-rate")
        await camera.press("escape")
        await camera.press("down", "enter", "down", "right")  # cnn
        await camera.shoot("network-text")
        await camera.press("escape", "escape", "escape")
        await camera.press("space")
        await camera.until(lambda state: len(state.scores) >= 2 and state.epoch_share > 0.4)
        await camera.shoot("train")
        await camera.press("q")
        await camera.shoot("quit")
        await camera.press("escape")
        for view in ("digits", "mistakes", "network"):
            await camera.show(view)
            await camera.shoot(view)
        await take_pictures_of_a_quiz(camera)
        await camera.show("train")
        for key, name in (("b", "branch"), ("question_mark", "help")):
            await camera.press(key)
            await camera.shoot(name)
            await camera.press("escape")
        await camera.until(lambda state: state.phase == "finished")
        await camera.shoot("train-finished")
        await camera.show("mistakes")
        await camera.press("C", seconds=CORRUPTING)
        await camera.shoot("corruptions")
        await camera.press("escape")
        await take_pictures_of_checkpoints(camera, options.data)
        return camera.taken


async def take_pictures_of_a_quiz(camera: Camera) -> None:
    """Play a quiz in which each fourth answer is that of the network, and all others are right."""
    await camera.show("quiz")
    await camera.press("enter", seconds=3)
    for place in range(20):
        board = camera.pilot.app.screen.query_one(QuizDigit)
        assert board.digit is not None
        assert board.digit.label is not None
        label, predicted = board.digit.label, board.digit.predicted
        await camera.press(str(predicted if place % 4 == 0 else label), seconds=0.3)
        if place == 4:
            await camera.shoot("quiz")
        await camera.press("enter", seconds=0.5)
    await camera.shoot("quiz-card")


async def take_pictures_of_checkpoints(camera: Camera, data: str | None) -> None:
    await camera.show("checkpoints")
    await camera.press("g")
    await camera.shoot("checkpoints")
    await camera.press("x", "right", seconds=2)
    await camera.shoot("checkpoints-open")
    await camera.press("down", "enter", seconds=3)
    await camera.shoot("checkpoint")
    await camera.press("p")
    camera.pilot.app.screen.query_one(Input).value = str(paint_images(data))
    await camera.press("enter", seconds=3)
    await camera.shoot("images")
    await camera.press("escape", seconds=0.3)
    await camera.press("escape")
    await camera.press("left", "left", "down", "x")
    await camera.press("o", seconds=5)
    await camera.shoot("comparison")


async def take_pictures_of_overfitting(options: argparse.Namespace) -> list[Path]:
    async with open_app(TrainConfig(arch="mlp", dataset="sample", epochs=20), options) as camera:
        await camera.press("space")
        await camera.until(lambda state: state.phase == "finished")
        await camera.shoot("train-overfit")
        return camera.taken


async def take_pictures_of_touch(options: argparse.Namespace) -> list[Path]:
    """Take those of a drawing and of questions, while cnn trains."""
    config = TrainConfig(arch="cnn", epochs=20, data=options.data)
    async with open_app(config, options) as camera:
        await camera.press("space")
        await camera.until(lambda state: len(state.scores) >= 1 and state.epoch_share > 0.05)
        await touch_scenes.take_pictures_of_drawings(camera)
        await touch_scenes.take_pictures_of_reasons(camera)
        return camera.taken


def paint_images(data: str | None) -> Path:
    """Return a folder with photographs of test digits, as the benchmarks paint them."""
    import numpy

    sys.path.append(str(HERE.parent / "benchmarks"))
    import hard_pictures
    import plain_pictures

    from core.data.sources.mnist import load_mnist

    loading = load_mnist(data)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            tensors = done.value
            break
    random, folder = numpy.random.default_rng(0), Path("photos")
    folder.mkdir(exist_ok=True)
    kinds = (plain_pictures.paper, plain_pictures.thin_pen, hard_pictures.squared_tilted)
    for index, kind in zip((0, 4, 17), kinds, strict=True):
        digit, label = tensors.test_images[index].numpy(), int(tensors.test_labels[index])
        kind(random, digit, label).image.save(folder / f"{kind.__name__}.png")
    return folder.absolute()


async def take_pictures_of_a_mission(options: argparse.Namespace) -> list[Path]:
    async with open_app(TrainConfig(data=options.data), options) as camera:
        await mission_scene.take_pictures_of_a_mission(camera)
        return camera.taken


async def take_pictures_of_a_race(options: argparse.Namespace) -> list[Path]:
    async with open_app(TrainConfig(data=options.data), options) as camera:
        await race_scene.take_pictures_of_a_race(camera)
        return camera.taken


def train_earlier_runs(data: str | None) -> None:
    more = ["--data", data] if data else []
    for options in EARLIER_RUNS:
        command = [sys.executable, "-m", "tui", "train", "--quiet", *options, *more]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(HERE.parent)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder that holds MNIST/raw")
    parser.add_argument("--to", type=Path, default=HERE, help="folder of the pictures")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="80x24")
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES, metavar="NAME")
    options = parser.parse_args()
    options.data = options.data and str(Path(options.data).resolve())
    options.to = options.to.resolve()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = folder
        # An answer stays while its pictures are taken.
        quiz_view.SHOWN_SECONDS = quiz_view.WRONG_SECONDS = 1000.0
        taken: list[Path] = []
        if set(touch_scenes.NAMES) & set(options.only):
            taken += asyncio.run(take_pictures_of_touch(options))
        if set(mission_scene.NAMES) & set(options.only):
            taken += asyncio.run(take_pictures_of_a_mission(options))
        if set(race_scene.NAMES) & set(options.only):
            taken += asyncio.run(take_pictures_of_a_race(options))
        if set(options.only) - {*touch_scenes.NAMES, *mission_scene.NAMES, *race_scene.NAMES}:
            train_earlier_runs(options.data)
            taken += asyncio.run(take_pictures_of_a_run(options))
        if "train-overfit" in options.only:
            taken += asyncio.run(take_pictures_of_overfitting(options))
    if options.only == NAMES and options.sizes == SIZES:
        for path in set(options.to.glob("*.svg")) - set(taken):
            path.unlink()  # of a view that there no longer is
    total = sum(path.stat().st_size for path in taken)
    print(f"{len(taken)} pictures in {options.to}, {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
