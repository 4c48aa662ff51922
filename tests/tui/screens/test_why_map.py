"""The map on the Why screen, asked of the fake trainer."""

from dataclasses import replace

import pytest

from core.data.drawn.store import keep_drawing
from core.questions import ExplainMap
from core.responses.explanations import ExplanationRefused
from tests.support.app import app_in, text_of, until
from tests.support.explanations import fake_explanations
from tests.support.fakes import ODD_NAMES, make_fake_train
from tests.support.why import open_part
from tui.screens.why.answers import Asked
from tui.screens.why.map.part import MapPart
from tui.screens.why.registry import PARTS
from tui.widgets.cards.one_digit import OneDigit
from tui.widgets.explain.map_plane import MapPlane

SLOW = make_fake_train(steps=5000)
PLACE = [entry.name for entry in PARTS].index("Map")


async def open_map(pilot) -> MapPart:
    return await open_part(pilot, "Map")


async def test_arrows_look_at_images(tmp_path):
    async with app_in(tmp_path, SLOW).run_test(size=(80, 24)) as pilot:
        part = await open_map(pilot)
        plane = part.query_one(MapPlane)
        text = text_of(pilot)
        assert "✗ predicted wrongly  ◆ this image" in text
        assert "→ 40%, ↑ 20%" in text
        await pilot.press("right")
        first = plane.cursor
        assert first is not None
        await pilot.press("left", "up", "right", "down", "right")
        assert plane.cursor != first
        while plane.cursor >= len(part.answer.xs):
            await pilot.press("right")
        index = part.answer.indices[plane.cursor]
        await until(pilot, lambda: f"image #{index}" in text_of(pilot))
        await until(pilot, lambda: part.query_one(OneDigit).pixels is not None)
        await pilot.press("enter")
        await until(pilot, lambda: part.digit.index == index)
        assert part.digit.label == index % 10


async def test_a_click_looks_at_the_nearest_image(tmp_path):
    async with app_in(tmp_path, SLOW).run_test(size=(120, 40)) as pilot:
        part = await open_map(pilot)
        plane = part.query_one(MapPlane)
        spot = next(spot for spot, found in plane.cells().items() if len(found) > 2)
        places = [each.place for each in plane.cells()[spot]]
        await pilot.click(MapPlane, offset=spot)
        assert plane.cursor == places[0]
        await pilot.click(MapPlane, offset=spot)
        await pilot.press("J")
        assert plane.cursor == places[2]
        assert f"3 of {len(places)} here" in text_of(pilot)


async def test_mistakes_and_classes_are_shown_alone(tmp_path):
    async with app_in(tmp_path, SLOW).run_test(size=(80, 24)) as pilot:
        part = await open_map(pilot)
        plane, answer = part.query_one(MapPlane), part.answer
        pairs = list(zip(answer.labels, answer.predicted, strict=True))
        await pilot.press("H")
        assert "shown: mistakes" in text_of(pilot)
        assert len(plane.shown) == 1 + sum(label != predicted for label, predicted in pairs)
        await pilot.press("H", "H")
        assert len(plane.shown) == 1 + answer.labels.count(1)
        for _ in range(9):
            await pilot.press("H")
        assert len(plane.shown) == 1 + len(pairs)


async def test_map_moves_once_an_epoch_with_its_cursor(tmp_path, monkeypatch):
    async with app_in(tmp_path, make_fake_train(steps=30), epochs=9).run_test() as pilot:
        part = await open_map(pilot)
        await pilot.press("right")
        plane = part.query_one(MapPlane)
        first, cursor, bounds = part.answer, plane.cursor, plane._bounds
        await until(pilot, lambda: part.answer.step > first.step)
        assert part.answer.xs != first.xs
        assert (plane.cursor, plane._bounds) == (cursor, bounds)
        await pilot.press("f")
        asked, ask = [], pilot.app.explanations.ask
        monkeypatch.setattr(
            pilot.app.explanations, "ask", lambda *given: (asked.append(given[0]), ask(*given))[1]
        )
        epoch = pilot.app.run_state.evaluation.epoch
        await until(pilot, lambda: pilot.app.run_state.evaluation.epoch > epoch)
        assert not [each for each in asked if isinstance(each, ExplainMap)], "another part shows"


async def test_map_follows_epochs_after_a_cancel(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=30), epochs=9).run_test() as pilot:
        part = await open_map(pilot)
        first = part.answer
        part._is_asking = True  # as while an answer is awaited
        place = pilot.app.screen._here
        pilot.app.screen._asked[place] = Asked(pilot.app.screen._asked[place].number)
        await pilot.press("escape")
        assert pilot.app.screen._asked[place].is_cancelled
        await until(pilot, lambda: part.answer.step > first.step)


async def test_kept_drawings_are_on_the_map(tmp_path):
    drawing = bytes(255 if 300 < place < 400 else 0 for place in range(784))
    keep_drawing(drawing, "4")
    async with app_in(tmp_path, SLOW).run_test(size=(80, 24)) as pilot:
        part = await open_map(pilot)
        plane = part.query_one(MapPlane)
        await until(pilot, lambda: "★ your drawings" in text_of(pilot))
        plane.cursor = len(part.answer.xs) + 1
        await until(pilot, lambda: "your 4" in text_of(pilot))
        assert part.query_one(OneDigit).pixels == drawing


@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_map_of_odd_classes_and_of_nan(tmp_path, size):
    train = make_fake_train(steps=5000, names=ODD_NAMES)
    async with app_in(tmp_path, train).run_test(size=size) as pilot:
        part = await open_map(pilot)
        assert not part.screen.failed
        (*_, answer) = fake_explanations(ExplainMap((bytes(784),)), 1, ODD_NAMES)
        part.receive(replace(answer, xs=(float("nan"),) * len(answer.xs)))
        await pilot.pause()
        assert "200 without a place" in text_of(pilot)
        most = replace(answer, predicted=tuple((each + 1) % 47 for each in answer.labels))
        part.receive(most)
        await pilot.pause()
        assert "✗ predicted wrongly" not in text_of(pilot)
        assert "most predictions are wrong" in text_of(pilot)


async def test_a_network_without_a_hidden_layer_has_no_map(tmp_path):
    """As every refusal, it is said in place of the map."""
    async with app_in(tmp_path, SLOW).run_test(size=(80, 24)) as pilot:
        part = await open_map(pilot)
        part.answer = None
        why = "this network has no hidden layer, so it has no map"
        number = part.screen._asked[PLACE].number
        pilot.app.runs.emit(ExplanationRefused(message=why, question=number))
        await until(pilot, lambda: "✗ This network has no hidden layer" in text_of(pilot))
        assert "Placing" not in text_of(pilot)
