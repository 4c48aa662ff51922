"""The Digits view: selecting digits, and the predictions of earlier epochs."""

from array import array

import pytest

from core.commands import Stop
from core.digit import Digit
from core.events import DigitsLoaded, Evaluated, RunFailed, RunStarted, Scored
from core.responses.predictions import Predicted
from tests.support.app import app_in, text_of, until
from tests.support.fakes import fake_digit, fake_scored, fake_sureness, key_of, make_fake_train
from tui.analysis.digit_selection import DigitSelection, with_predictions
from tui.screens.checkpoints.checkpoint_view import CheckpointView
from tui.screens.digits import DigitsView
from tui.screens.mistakes import SelectionView
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.widgets.digit_cards import DigitCards

FIVES = array("f", [float(number == 5) for _ in range(100) for number in range(10)])
# After the first epoch every digit is predicted as 5.
ALL_FIVES = Scored(epoch=1, step=10, logits=FIVES.tobytes())


def advanced(state: RunState, *, evaluations: tuple[Scored, ...] = (), step: int = 0) -> RunState:
    """Return the run after evaluations, with predictions for all its digits at that step."""
    for scored in evaluations:
        score = Evaluated(
            epoch=scored.epoch,
            step=scored.step,
            test_loss=1.0,
            test_accuracy=scored.epoch / 4,
        )
        state = fold(fold(state, score), scored)
    digits = tuple(fake_digit(index, fake_sureness(step)) for index in range(100))
    return fold(state, Predicted(digits=digits, samples=100, step=step))


def new_run() -> RunState:
    numbers = {"parameters": 7850, "epochs": 4, "batch_size": 10, "steps_per_epoch": 10}
    numbers |= {"total_steps": 40, "train_samples": 100, "test_samples": 100}
    names = {"run": "a", "folder": "a", "arch": "mlp", "dataset": "fake", "device": "cpu"}
    started = RunStarted(**names, **numbers, threads=1, config={})
    labels = DigitsLoaded(labels=bytes(index % 10 for index in range(100)))
    return advanced(fold(fold(RunState(), started), labels), step=1)


def shown(pilot) -> tuple[Digit, ...]:
    return pilot.app.screen.query_one(DigitCards).digits


def indices(pilot) -> list[int]:
    return [digit.index for digit in shown(pilot)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_selecting_digits_by_key_and_mouse(tmp_path, size):
    async with app_in(tmp_path).run_test(size=size) as pilot:
        await pilot.press(key_of("digits"))
        pilot.app.run_state = advanced(new_run(), evaluations=(fake_scored(1, 10),), step=11)
        await pilot.pause()
        many = len(shown(pilot))
        assert indices(pilot) == list(range(many))
        await pilot.press("f", "down")
        assert indices(pilot) == [1 + 10 * place for place in range(many)]
        words = text_of(pilot).splitlines()[1]
        await pilot.click("#caption", offset=(words.index("mistakes") + 1, 0))
        assert indices(pilot) == [3 + 5 * place for place in range(many)]
        assert not any(digit.right for digit in shown(pilot))
        await pilot.press("right")
        assert indices(pilot)[0] == 3 + 5 * many
        assert f"{many + 1}–{2 * many} of 20" in text_of(pilot)
        await pilot.press("k")  # from all to the nines, of which there are no mistakes
        assert "No such images: select others" in text_of(pilot)
        lines = text_of(pilot).splitlines()
        assert not any(line[-1].strip() for line in lines[1:4]), "nothing is cut off"


async def test_selected_names_are_legible(tmp_path):
    """Textual draws what can be clicked in the colour of links, also on the selection's colour."""
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("digits"))
        await pilot.pause()
        wanted = pilot.app.theme_variables["selection-text"].lower()
        strips = pilot.app.screen._compositor.render_strips()[:2]
        styles = {segment.text: segment.style for strip in strips for segment in strip}
        for name in (" 2 Digits ", " in order "):
            assert styles[name].color.name == wanted


async def test_long_reasons_are_wrapped(tmp_path):
    """Why training did not start is wider than a small window: its end says what to do."""
    reason = "PyTorch cannot be loaded (ImportError: failed to map segment): raise the limit"
    app = app_in(tmp_path, lambda config, inbox: iter([RunFailed(reason="error", message=reason)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "2")
        await until(pilot, lambda: "Training did not start. PyTorch" in text_of(pilot))
        pilot.app.clear_notifications()
        await until(pilot, lambda: "raise the limit" in text_of(pilot))


async def test_mistakes_appear_after_the_first_evaluation(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("digits"))
        pilot.app.run_state = new_run()
        await pilot.press("F")
        assert "mistakes: shown after the first evaluation" in text_of(pilot)
        assert not shown(pilot)
        pilot.app.run_state = advanced(new_run(), evaluations=(fake_scored(1, 10),), step=11)
        await pilot.pause()
        assert indices(pilot) == [3, 8]
        pilot.app.run_state = new_run()  # another run
        await pilot.pause()
        assert not shown(pilot)


async def test_selected_digits_stay_while_predictions_change(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("digits"))
        pilot.app.run_state = advanced(new_run(), evaluations=(ALL_FIVES,), step=11)
        await pilot.press("F")
        before = shown(pilot)
        assert indices(pilot) == [0, 1]
        pilot.app.run_state = advanced(
            pilot.app.run_state, evaluations=(fake_scored(2, 20),), step=99
        )
        await pilot.pause()
        assert indices(pilot) == [0, 1], "they stay although they are no mistakes any more"
        assert shown(pilot) != before
        await pilot.press("f5")
        assert indices(pilot) == [3, 8]


async def test_selected_digits_are_predicted_while_training(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("digits"), "space")
        await until(pilot, lambda: shown(pilot))
        await pilot.press("f")
        await until(pilot, lambda: indices(pilot) == [0, 10])
        pilot.app.send(Stop())


async def test_earlier_epochs_show_earlier_predictions(tmp_path):
    evaluations = (ALL_FIVES, fake_scored(2, 20))
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("digits"))
        pilot.app.run_state = advanced(new_run(), evaluations=evaluations, step=25)
        await pilot.pause()
        now = shown(pilot)
        assert "now, step 25, test accuracy 50.0%" in text_of(pilot)
        await pilot.press("left_square_bracket")
        assert "after epoch 2, test accuracy 50.0%" in text_of(pilot)
        assert "✓ 1, was 5" in text_of(pilot)
        assert shown(pilot) == with_predictions(now, evaluations[1])
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert "after epoch 1, test accuracy 25.0%" in text_of(pilot)
        assert [(digit.index, digit.predicted) for digit in shown(pilot)] == [(0, 5), (1, 5)]
        pilot.app.run_state = advanced(pilot.app.run_state, step=26)
        await pilot.pause()
        assert "after epoch 1" in text_of(pilot), "training continues, the epoch shown stays"
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert "now, step 26" in text_of(pilot)
        assert "was" not in text_of(pilot)


async def test_going_to_an_index(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("digits"))
        pilot.app.run_state = new_run()
        await pilot.press("number_sign", *"100")
        assert "✗ The index must be a whole number from 0 to 99." in text_of(pilot)
        await pilot.press("enter", "backspace", "backspace", *"7", "enter")
        assert isinstance(pilot.app.screen, DigitsView)
        assert indices(pilot) == [17, 18]
        await pilot.press("right")
        assert indices(pilot) == [19, 20]
        await pilot.press("G")
        assert indices(pilot) == [98, 99]
        await pilot.press("g")
        assert indices(pilot) == [0, 1]
        await pilot.press("f", "f")
        random = indices(pilot)
        await pilot.press("f5")
        assert indices(pilot) != random


async def test_a_selection_opens_over_another_view(tmp_path):
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"))
        below = pilot.app.screen
        pilot.app.run_state = advanced(new_run(), evaluations=(fake_scored(1, 10),), step=11)
        selection = DigitSelection("mistakes", actual=8, predicted=9)
        await pilot.app.push_screen(SelectionView(selection, "eights [all]"))
        await until(pilot, lambda: shown(pilot))
        assert indices(pilot) == [8, 18, 28, 38, 48, 58]
        assert "eights [all]" in text_of(pilot)
        await pilot.press("f")
        assert indices(pilot) == [8, 18, 28, 38, 48, 58]
        await pilot.press("escape")
        assert pilot.app.screen is below


async def test_a_checkpoint_offers_index_and_random_only(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.app.push_screen(
            CheckpointView(str(tmp_path / "none.safetensors"), "a run/last")
        )
        offered = []
        for _ in range(3):
            await pilot.press("f")
            offered.append(pilot.app.screen.selection.kind)
        assert offered == ["random", "index", "random"]
        assert "mistakes" not in text_of(pilot).splitlines()[1]
