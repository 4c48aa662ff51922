"""Text is readable in every theme, without colours and with 16."""

import re

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.actions import VIEWS
from tui.preferences import load_preferences
from tui.text.themes import LIFTED, THEMES, contrast, theme_variables

COLOURED = [name for name in THEMES if name in BUILTIN_THEMES and "ansi" not in name]


def segments(pilot):
    return [
        part
        for strip in pilot.app.screen._compositor.render_strips()
        for part in strip
        if part.style
    ]


@pytest.mark.parametrize("name", COLOURED)
def test_text_has_enough_contrast(name):
    theme = BUILTIN_THEMES[name]
    variables = theme.to_color_system().generate()
    ours = theme_variables(theme, variables)
    grounds = [Color.parse(variables[ground]) for ground in ("background", "surface", "panel")]
    series = [f"series-{each}" for each in ("train", "test", "a", "b", "c", "d", "mark")]
    for colour in (*LIFTED, *series, "quiet", "right", "wrong", "focus", "selection"):
        assert min(contrast(Color.parse(ours[colour]), ground) for ground in grounds) >= 4.5, colour
    assert min(contrast(Color.parse(ours["series-raw"]), ground) for ground in grounds) >= 3
    for ground, text in (
        ("selection", "selection-text"),
        ("block-cursor-background", "block-cursor-foreground"),
        ("block-cursor-blurred-background", "block-cursor-blurred-foreground"),
    ):
        assert contrast(Color.parse(ours[ground]), Color.parse(ours[text])) >= 4.5, ground
    # The border of what is in focus stands out from the others.
    assert contrast(Color.parse(ours["focus"]), Color.parse(ours["panel-line"])) >= 1.5
    # By what lies under it, black or white at that share.
    share = int(re.fullmatch(r"auto (\d+)%", ours["text-muted"])[1]) / 100
    for ground in grounds:
        muted = ground.blend(ground.get_contrast_text(1.0), share)
        assert contrast(muted, ground) >= 4.5


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_themes_of_the_terminal_use_its_colours(name):
    """They have every variable that the others have, and no colour that must be mixed."""
    dark = BUILTIN_THEMES["textual-dark"]
    wanted = theme_variables(dark, dark.to_color_system().generate())
    ours = theme_variables(BUILTIN_THEMES[name], {})
    assert not {*wanted} - {*ours} - {*LIFTED}
    styles = {each for each in ours if each.endswith("text-style")}
    assert all(ours[each].startswith("ansi_") for each in {*ours} - styles)


async def test_app_remembers_the_theme(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert load_preferences()[0].theme == "textual-light"
        quiet = Color.parse(pilot.app.theme_variables["quiet"]).rich_color
        await until(pilot, lambda: any(part.style.color == quiet for part in segments(pilot)))
        titles = [each.title for each in pilot.app.get_system_commands(pilot.app.screen)]
        assert len(titles) == len(set(titles)), "nothing is offered twice"
        assert "Theme" in titles


async def test_selected_is_reversed_without_colours(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with app_in(tmp_path, make_fake_train(steps=3), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.press("down")
        await pilot.pause()
        for part in segments(pilot):
            for colour in (part.style.color, part.style.bgcolor):
                assert colour is None or colour.is_default

        def reversed_():
            return "".join(part.text for part in segments(pilot) if part.style.reverse)

        await until(pilot, lambda: "mlp" in reversed_())
        assert "┏━ Setup" in text_of(pilot), "what is in focus has a heavy border"
        assert "1 Train" in reversed_()
        await pilot.press("enter", "down")
        await until(pilot, lambda: "cnn" in reversed_())
        assert load_preferences()[0].theme == "textual-dark", "that was no wish of the person's"


async def test_every_view_is_ascii_in_ascii_mode(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=10), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        assert not text_of(pilot).isascii()
        await pilot.press("A")
        for number in range(len(VIEWS)):
            await pilot.press(str(number + 1))
            await pilot.pause()
            shown = text_of(pilot)
            assert shown.isascii()
            assert "mnist-tui" in shown
        await pilot.press("1", "question_mark")
        await pilot.pause()
        assert text_of(pilot).isascii()
