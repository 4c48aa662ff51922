"""Start the app under Pilot and read its screen."""

import time

from core.config import TrainConfig
from tests.support.fakes import make_fake_train
from tui.app.app import MnistApp

SIZES = [(80, 24), (120, 40)]


def app_in(folder, train=None, **config) -> MnistApp:
    chosen = TrainConfig(checkpoints=str(folder), dataset="sample", **config)
    return MnistApp(chosen, train=train or make_fake_train())


async def until(pilot, condition, seconds=20.0) -> None:
    """Waits for something to be so; the engine's thread needs real time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await pilot.pause(0.01)


def text_of(pilot) -> str:
    """What stands on the screen, as lines."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def phase(pilot) -> str:
    return pilot.app.run_state.phase
