"""The pictures of a race: three networks on their way to 97%, and the end."""

from dataclasses import asdict

from touch_scenes import Shooting

from core.commands import StartRace
from core.race.plan import plan_race
from tui.app.app import MnistApp

NAMES = ("race", "race-end")


async def take_pictures_of_a_race(camera: Shooting) -> None:
    app = camera.pilot.app
    assert isinstance(app, MnistApp)
    settings = asdict(app.config) | {"epochs": 3}
    del settings["arch"]
    plan = plan_race(settings, {"arch": ["linear", "mlp", "quick"]}, goal=0.97)
    app.race.start(StartRace(plan))
    while not all(state.epoch_share > 0.5 and state.scores for state in app.race_state.now):
        await camera.pilot.pause(0.1)
    await camera.pilot.pause(2.5)  # until all lanes have been asked for their predictions
    await camera.shoot("race")
    while app.race_state.is_active:
        await camera.pilot.pause(0.1)
    await camera.pilot.pause(2.5)
    await camera.shoot("race-end")
