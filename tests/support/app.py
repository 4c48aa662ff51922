"""Start the app under Pilot and read its screen."""

import asyncio
import time

from textual.drivers.headless_driver import HeadlessDriver

from core.config import TrainConfig
from tests.support.fakes import make_fake_train
from tui.app.app import MnistApp

SIZES = [(80, 24), (120, 40)]


def app_in(folder, train=None, **config) -> MnistApp:
    """Return the app with the fake trainer, or `train`, and its runs in `folder`."""
    settings = TrainConfig(**{"checkpoints": str(folder), "dataset": "sample"} | config)
    return MnistApp(settings, train=train or make_fake_train())


async def until(pilot, condition, seconds=20.0) -> None:
    """Wait for a condition in real time, which the engine's thread needs.

    Looks without `pilot.pause`, which sends each widget a message and draws a frame, and lets the
    widgets handle what they were sent once the condition is true."""
    end = time.monotonic() + seconds
    if condition():
        return
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        assert pilot.app._exception is None, "the app has failed"
        await asyncio.sleep(0.01)
    await pilot.pause(0)


def text_of(pilot) -> str:
    """Return the text on the screen, one line per row."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def phase(pilot) -> str:
    return pilot.app.run_state.phase


class Recorder(HeadlessDriver):
    """Keeps what is written, as a driver that has a terminal."""

    is_headless = False
    output = ""

    def write(self, data):
        self.output += data

    def take(self):
        """Return what was written since the last call."""
        taken, self.output = self.output, ""
        return taken
