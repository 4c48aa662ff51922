"""Layer by layer on the Why screen, asked of the fake trainer."""

from dataclasses import replace

from core.questions import MOST_OFF, ExplainLayers, ScoreWithoutUnits
from core.responses.explanations import Unit
from tests.support.app import app_in, text_of, until
from tests.support.fakes import make_fake_train
from tests.support.why import open_part
from tui.screens.number_dialogs import GotoUnitDialog
from tui.screens.why.layers.part import LayersPart
from tui.widgets.explain.exciting_digits import ExcitingDigits
from tui.widgets.explain.layer_list import LayerList
from tui.widgets.explain.unit_outputs import UnitOutputs

SLOW = make_fake_train(steps=5000)


async def open_layers(pilot) -> LayersPart:
    return await open_part(pilot, "Layers", lambda part: part.answer and part.answer.done == 1)


def record(pilot, monkeypatch) -> list:
    """Return the list of the questions that are asked from now on."""
    asked, ask = [], pilot.app.explanations.ask

    def note(question, path=None):
        asked.append(question)
        return ask(question, path)

    monkeypatch.setattr(pilot.app.explanations, "ask", note)
    return asked


async def test_arrows_choose_layers_and_units(tmp_path, monkeypatch):
    async with app_in(tmp_path, SLOW, arch="mlp").run_test(size=(80, 24)) as pilot:
        part = await open_layers(pilot)
        assert part.unit == Unit("stack.0", 0), "the first layer with weights"
        described = "layer 1 of 3  stack.0  Linear 784→512"
        await until(pilot, lambda: described in text_of(pilot))
        asked = record(pilot, monkeypatch)
        await pilot.press("right", "right", "down", "right", "G")
        assert [each.unit for each in asked] == [
            *(Unit("stack.0", 1), Unit("stack.0", 2), Unit("stack.1", 0), Unit("stack.1", 1)),
            Unit("stack.1", 511),
        ]
        assert all(isinstance(each, ExplainLayers) and each.keeps for each in asked)
        await until(pilot, lambda: part.answer.unit == Unit("stack.1", 511))
        await pilot.press("right", "down", "down", "down")
        assert part.unit == Unit("stack.4", 0), "the last"
        await until(pilot, lambda: "unit 0 of 10" in text_of(pilot))
        await pilot.press("up", "number_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, GotoUnitDialog))
        await pilot.press("3", "0", "0", "enter")
        await until(pilot, lambda: "unit 300 of 512" in text_of(pilot))
        await pilot.press("g", "up", "up", "up")
        await until(pilot, lambda: "the pixels" in text_of(pilot))
        await pilot.press("Z")
        assert not part.off, "a pixel is no unit"


async def test_layers_and_units_are_chosen_by_mouse(tmp_path):
    async with app_in(tmp_path, SLOW, arch="mlp").run_test(size=(120, 40)) as pilot:
        part = await open_layers(pilot)
        await pilot.click(LayerList, offset=(3, 2))
        assert part.unit == Unit("stack.1", 0)
        await until(pilot, lambda: part.answer.unit == part.unit)
        await pilot.click(UnitOutputs, offset=(4, 1))
        assert part.unit == Unit("stack.1", 2)
        await until(pilot, lambda: part.query_one(ExcitingDigits).digits)
        await pilot.click(ExcitingDigits, offset=(14, 3))
        await until(pilot, lambda: part.digit.pixels == part.answer.exciting[1].pixels)


async def test_a_unit_too_many_is_not_switched_off(tmp_path):
    """A run would disconnect a viewer that asks for more."""
    app = app_in(tmp_path, SLOW, arch="mlp")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        part = await open_layers(pilot)
        part.off = before = tuple(Unit("stack.0", each) for each in range(1, MOST_OFF + 1))
        await pilot.press("Z")
        assert part.off == before
        await until(pilot, lambda: f"At most {MOST_OFF} units can be off" in text_of(pilot))
        await pilot.press("right", "Z")
        assert part.off == before[1:], "and one of them on again"


async def test_a_unit_is_switched_off_and_on(tmp_path, monkeypatch):
    """The prediction without it comes at once, the accuracy on demand."""
    async with app_in(tmp_path, SLOW, arch="mlp").run_test(size=(80, 24)) as pilot:
        part = await open_layers(pilot)
        assert "all units on  ✗ 3" in text_of(pilot)
        asked = record(pilot, monkeypatch)
        await pilot.press("right", "Z")
        await until(pilot, lambda: "○ 1 unit off  ✗ 5" in text_of(pilot))
        text = text_of(pilot)
        for words in ("stack.0 1", "e test accuracy", "○ off"):
            assert words in text
        assert "not saved, no effect on training" in text
        await pilot.press("e")
        await until(pilot, lambda: "test 50.00%, 50 fewer correct" in text_of(pilot))
        assert "test 100.00%" in text_of(pilot)
        assert asked[-1] == replace(asked[-1], off=part.off, keeps=True)
        assert isinstance(asked[-1], ScoreWithoutUnits)
        await pilot.press("right", "Z")
        await until(pilot, lambda: "○ 2 units off" in text_of(pilot))
        assert "test 50" not in text_of(pilot), "that was without one unit"
        await pilot.press("Z")
        assert part.off == (Unit("stack.0", 1),)
        await pilot.press("O")
        await until(pilot, lambda: "all units on" in text_of(pilot))
        await pilot.press("e")
        assert isinstance(asked[-1], ExplainLayers), "all are on: there is nothing to evaluate"


async def test_each_evaluation_asks_for_the_accuracy_without_units(tmp_path, monkeypatch):
    async with app_in(tmp_path, make_fake_train(steps=60), epochs=9).run_test() as pilot:
        part = await open_layers(pilot)
        await pilot.press("Z")
        await until(pilot, lambda: part.answer.off == part.off and part.answer.done == 1)
        asked = record(pilot, monkeypatch)
        epoch = pilot.app.run_state.evaluation.epoch if pilot.app.run_state.evaluation else 0
        await until(pilot, lambda: part.scored and part.scored.done == 1)
        assert pilot.app.run_state.evaluation.epoch > epoch
        first, second = asked[:2]
        assert [type(each) for each in (first, second)] == [ExplainLayers, ScoreWithoutUnits]
        assert [first.keeps, second.keeps] == [False, True], "of the newest weights"


async def test_another_run_forgets_what_was_chosen(tmp_path):
    async with app_in(tmp_path, SLOW, arch="mlp").run_test() as pilot:
        part = await open_layers(pilot)
        await pilot.press("down", "Z")
        state = pilot.app.run_state
        part._follow_run(state, replace(state, started=replace(state.started, run="another")))
        assert (part.unit, part.off) == (None, ())
