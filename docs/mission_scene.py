"""The pictures of a mission: the list, the second of its two runs, and what happened."""

from touch_scenes import Shooting

NAMES = ("missions", "mission", "mission-done")


async def take_pictures_of_a_mission(camera: Shooting) -> None:
    """Play the second mission, about a tiny learning rate, after the first one."""
    await _predict(camera, "3")
    await _train(camera)
    await camera.press("escape")
    await camera.show("missions")
    await camera.shoot("missions")
    await _predict(camera, "3")
    await _train(camera)
    await camera.press("down", *["backspace"] * 5, *"1e-5", "escape", "f2")
    await camera.shoot("mission")
    await _train(camera)
    await camera.shoot("mission-done")


async def _predict(camera: Shooting, choice: str) -> None:
    await camera.show("missions")
    await camera.press("enter", choice, "enter")


async def _train(camera: Shooting) -> None:
    before = camera.state.started
    await camera.press("space")
    while camera.state.started is before or camera.state.is_active:
        await camera.pilot.pause(0.1)
    await camera.pilot.pause(1.5)
