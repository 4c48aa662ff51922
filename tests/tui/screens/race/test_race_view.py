"""The Race view, with races of fake events."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.commands import OpenCheckpoint, Predict, ToLane
from core.events import LaneDropped, LaneEvent, Paused, RunFailed
from tests.support.app import SIZES, app_in, text_of
from tests.support.events import progress
from tests.support.fakes import key_of
from tests.support.race_events import lane_events, race_after, race_finished, race_started
from tui.screens.race.view import RaceView
from tui.state.race.race_state import RaceState
from tui.widgets.race.lane_bars import LaneBars
from tui.widgets.race.race_chart import RaceChart

LARGE = (120, 40)


def training(**changes):
    return race_after(
        race_started(**changes),
        lane_events(0, [0.85]),
        lane_events(1, [0.88]),
        lane_events(2, [0.91]),
    )


def ended(**changes):
    return race_after(
        race_started(**changes),
        lane_events(0, [0.85, 0.88], ends="finished"),
        lane_events(1, [0.88, 0.92], ends="finished"),
        lane_events(2, [0.91, 0.93], ends="finished"),
        race_finished(),
    )


def line_with(text: str, word: str) -> str:
    return next(line for line in text.split("\n") if word in line)


class Shown:
    """The app with the Race view in front, and a race that is shown."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.app, self.size = app_in(folder), size
        self.sent: list = []

    async def __aenter__(self):
        self._context = self.app.run_test(size=self.size)
        self.pilot = await self._context.__aenter__()
        self.app.send = lambda *commands: self.sent.extend(commands)
        await self.pilot.press(key_of("race"))
        await self.pilot.pause()
        return self

    async def __aexit__(self, *error):
        await self._context.__aexit__(*error)

    async def show(self, race: RaceState) -> str:
        self.app.race_state = race
        return await self.press()

    async def press(self, *keys: str) -> str:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        await self.pilot.pause()
        return self.text

    @property
    def text(self) -> str:
        return text_of(self.pilot)

    @property
    def view(self) -> RaceView:
        view = self.app.screen
        assert isinstance(view, RaceView)
        return view


@pytest.mark.parametrize("size", [*SIZES, (200, 60)])
async def test_race_is_shown_from_before_its_start_to_its_end(tmp_path, size):
    is_small = size == (80, 24)
    async with Shown(tmp_path, size) as shown:
        assert "mnist-tui race --arch linear,mlp,quick --to 0.97" in shown.text
        assert "ctrl+r" in shown.text
        assert "Layout" not in shown.text
        text = await shown.show(training())
        assert "The lanes differ in the network alone: linear, mlp, quick." in text
        assert "Training loss" in text
        assert "To 90.0% test accuracy" in text
        assert ("true 3" in text) != is_small
        first, second, third = (line_with(text, place) for place in ("1st", "2nd", "3rd"))
        assert "▲ quick" in first
        assert "✓ in epoch 1" in first
        assert "◆ mlp" in second
        assert "−3.00 points" in second
        assert "● linear" in third
        text = await shown.show(ended())
        assert "First to 90.0%: quick" in text
        assert "Highest final accuracy: quick" in text
        assert "quick reached 90.0% first. It is noise." in text
        row = next(line for line in text.split("\n") if "2,000 images" in line)
        assert "mlp" in row
        assert "92.0%" in row
        assert ("Training loss" in text) != is_small
        assert not shown.view.failed


async def test_failed_race_without_a_verdict_shows_its_parts_in_turn(tmp_path):
    failed = RunFailed(reason="data", message="the images are gone")
    async with Shown(tmp_path, (80, 24)) as shown:
        text = await shown.show(race_after(race_started(), lane_events(0, [0.8]), failed))
        assert "the images are gone" in text
        for part in ("chart", "digits", "result"):
            text = await shown.press("v")
            assert shown.view.part == part
            assert ("the images are gone" in text) == (part == "result")


async def test_equal_lanes_are_no_points_apart(tmp_path):
    lanes = lane_events(0, [0.8]), lane_events(1, [0.8 - 1e-6])
    async with Shown(tmp_path, LARGE) as shown:
        text = await shown.show(race_after(race_started(("linear", "mlp")), *lanes))
        assert " 0.00 points" in text
        assert "−0.00" not in text


async def test_small_window_shows_digits_with_v(tmp_path):
    async with Shown(tmp_path, (80, 24)) as shown:
        await shown.show(training())
        text = await shown.press("v")
        assert "Training loss" not in text
        assert "true 3" in text
        row = next(line for line in text.split("\n") if line.count("▲") == 6)
        assert "✓ 2" in row  # the fake network takes each fifth 3 for a 4
        assert "✗ 4" in row


async def test_keys_and_clicks_change_what_is_shown(tmp_path):
    async with Shown(tmp_path, LARGE) as shown:
        assert "samples 2,000" in await shown.show(training())
        text = await shown.press("c", "h")
        for what in ("Test accuracy", "epoch 2", "goal"):
            assert what in text
        await shown.press("down")
        bars = shown.view.query_one(LaneBars)
        assert bars.selected == 1
        await shown.pilot.click(LaneBars, offset=(10, 3))
        await shown.pilot.pause()
        assert bars.selected == 2
        text = await shown.press("A")
        assert "c quick" in text
        assert "▲" not in text
        text = await shown.show(training(by="time", goal=None))
        assert shown.view.query_one(RaceChart).x_axis == "time"
        assert "To the last epoch" in text


async def test_stopped_race_offers_to_continue(tmp_path):
    async with Shown(tmp_path, (80, 24)) as shown:
        assert "del drop it" in await shown.show(training())
        lanes = [lane_events(lane, []) for lane in range(3)]
        stopped = replace(race_finished(None), stopped=True)
        text = await shown.show(race_after(race_started(), *lanes, stopped))
        assert "+ continue the race" in text
        assert "drop it" not in text
        assert " s " not in line_with(text, "not ended")  # it was never evaluated


async def test_lanes_are_marked_and_rounds_have_a_mean(tmp_path):
    too_large = LaneEvent(lane=0, seed=0, event=progress(110, 1e30))
    failed = lane_events(0, [0.5], ends="diverged")
    unusual = race_after(
        race_started(("a", "b", "c", "d")),
        [*failed[:-1], too_large, failed[-1]],
        lane_events(1, [0.5], ends="memory"),
        lane_events(2, [0.5]),
        LaneDropped(lane=2),
        lane_events(3, [0.5]),
        LaneEvent(lane=3, seed=0, event=Paused(step=100)),
    )
    rounds = [
        lane_events(lane, [0.8, at - 0.02 * lane], seed=seed, ends="finished")
        for seed, at in enumerate((0.9, 0.8))
        for lane in range(2)
    ]
    last = [lane_events(lane, [0.75], seed=2) for lane in range(2)]
    async with Shown(tmp_path, LARGE) as shown:
        text = await shown.show(unusual)
        for mark in ("✗ diverged", "✗ out of memory", "✗ dropped", "‖ paused"):
            assert mark in text
        axis = [line[:9] for line in text.split("\n")]
        assert any("0┤" in label for label in axis)
        assert not any("e+" in label or "G┤" in label for label in axis)  # 1e30 leaves it
        started = race_started(("linear", "mlp"), seeds=3, goal=None)
        await shown.show(race_after(started, *rounds, *last))
        text = await shown.press("c")
        assert "round 3 of 3" in text
        assert "● linear 85.0%" in text  # the mean of 0.9 and 0.8
        assert not shown.view.failed


async def test_every_lane_is_asked_for_the_same_digits(tmp_path):
    wanted = tuple(range(6, 12))
    race = race_after(race_started(("linear", "mlp")), lane_events(0, [0.8]), lane_events(1, [0.9]))
    async with Shown(tmp_path, LARGE) as shown:
        await shown.show(race)
        await shown.press("f")
        shown.sent.clear()
        shown.view._asked.clear()
        for _ in range(3):
            shown.view._ask()
        asked = {command.lane: command.command for command in shown.sent}
        assert asked == {0: Predict(wanted), 1: Predict(wanted)}
        assert len(shown.sent) == 2
        assert all(isinstance(command, ToLane) for command in shown.sent)
        await shown.show(ended())
        shown.sent.clear()
        shown.view._asked.clear()
        shown.view._ask()
        (command,) = shown.sent
        assert isinstance(command, OpenCheckpoint)
        assert command.path.endswith("last.safetensors")
