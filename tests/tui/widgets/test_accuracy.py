"""The panel of the test accuracy: the number is whole at every size, from the first one on."""

import pytest

from tests.support.app import app_in, text_of, until
from tests.support.fakes import make_fake_train
from tui.text.figures import draw_figures


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_first_accuracy_is_whole(tmp_path, size):
    async with app_in(tmp_path, make_fake_train(steps=5), epochs=1).run_test(size=size) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.score)
        number = f"{pilot.app.run_state.score.accuracy:.1%}"
        for line in draw_figures(number, plain=False):
            await until(pilot, lambda line=line: line.rstrip() in text_of(pilot), 5)
