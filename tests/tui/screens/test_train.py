"""The Train view: where its panels are at each size, and what they say."""

import pytest
from textual.geometry import Region, Size

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.screens.train_layout import Shown, arrange_panels
from tui.state.run_state import Score
from tui.text.figures import draw_figures
from tui.widgets.run.accuracy import describe_score
from tui.widgets.run.commentary import fit_sentences

SIZES = [Size(width, height) for width in range(60, 241, 3) for height in range(16, 81)]
STATES = [Shown(form=form, all_charts=all_) for form in (True, False) for all_ in (True, False)]
STATES += [Shown(form=form, lines=lines) for form in (True, False) for lines in (4, 30)]
# The least size of each panel with its border.
LEAST = {
    "form": (38, 7),
    "accuracy": (26, 5),
    "charts": (34, 6),
    "happening": (60, 4),
    "digits": (20, 9),
    "matrix": (60, 14),
    "layer": (40, 14),
    "runs": (40, 14),
}


@pytest.mark.parametrize("shown", STATES, ids=str)
def test_panels_fill_every_size_without_overlap(shown):
    for size in SIZES:
        panels = arrange_panels(size, shown)
        area = Region(0, 0, *size)
        regions = list(panels.values())
        assert all(area.contains_region(region) for region in regions), size
        assert sum(region.area for region in regions) == area.area, size
        assert not any(
            one.overlaps(other) for place, one in enumerate(regions) for other in regions[:place]
        ), size
        for name, region in panels.items():
            assert region.width >= LEAST[name][0], (name, size)
            assert region.height >= LEAST[name][1], (name, size)


def test_figures_have_three_lines_of_one_width():
    for plain in (False, True):
        for text in ("0123456789", "96.8%", "100%"):
            lines = draw_figures(text, plain=plain)
            assert len(lines) == 3
            assert len({len(line) for line in lines}) == 1
            assert all(line.isascii() for line in lines) == plain
    shapes = {draw_figures(sign) for sign in "0123456789.%"}
    assert len(shapes) == 12


@pytest.mark.parametrize(
    ("accuracies", "lines"),
    [
        ((0.968,), ["1 in 31 wrong", "after epoch 1"]),
        ((0.959, 0.968), ["1 in 31 wrong", "▲ 0.9 points", "best so far"]),
        ((0.97, 0.965), ["1 in 29 wrong", "▼ 0.5 points", "best 97.0%"]),
        ((0.5, 0.5), ["5 in 10 wrong", "= as before", "best so far"]),
        ((0.9996, 0.9998), ["1 in 5,000 wrong", "▲ 0.02 points", "best so far"]),
        ((0.1, 1.0), ["none wrong", "▲ 90.0 points", "best so far"]),
    ],
)
def test_accuracy_is_put_into_words(accuracies, lines):
    scores = tuple(Score(place, place, 0.1, each) for place, each in enumerate(accuracies, 1))
    assert [text for text, style in describe_score(scores)] == lines


def test_sentences_are_shown_whole_or_not_at_all():
    found = ["The test accuracy is 97.2%. That is typical.", "Another one."]
    assert fit_sentences(found, 80, 1) == [" ".join(found)]
    assert fit_sentences(found, 44, 1) == [found[0]]
    assert fit_sentences(found, 40, 1) == ["The test accuracy is 97.2%."]
    assert fit_sentences(found, 20, 1) == []


async def test_small_window_shows_form_before_a_run_and_chart_in_it(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5), epochs=2).run_test(
        size=(80, 24)
    ) as pilot:
        view = pilot.app.screen

        def visible():
            return {
                name
                for name in LEAST
                if view.query(f"#{name}") and view.get_widget_by_id(name).size
            }

        assert visible() == {"form", "digits", "happening"}
        assert "Press space to train mlp" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.pause()
        assert visible() == {"charts", "accuracy", "digits", "happening"}
        await pilot.press("down")
        await pilot.pause()
        assert visible() == {"form", "digits", "happening"}
        assert view.focused.id == "arch"
        await pilot.press("escape")
        await pilot.pause()
        assert "charts" in visible()
        assert view.focused is None
