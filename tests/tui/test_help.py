"""The help: complete, the same on the command line, and opened where the focus is."""

import re
from importlib import import_module

import pytest

from core.config import FIELDS, WHY
from tests.support.app import app_in, text_of
from tests.support.fakes import key_of
from tui.actions import ACTIONS, VIEWS
from tui.analysis.commentary import RULES
from tui.help import epilogue, help_sections, keys
from tui.screens.checkpoints.browser import CheckpointBrowser
from tui.screens.dialogs import HelpDialog


def test_every_key_setting_and_rule_has_help():
    sections = help_sections("train")
    for action in ACTIONS:
        if action.keys and action.name != "set('temperature', -1)":  # the entry of t covers T
            assert action.help.lower() in sections["Keys"][action.shown].lower()
    for name, field in FIELDS.items():
        text = sections["Settings"][name.replace("_", " ")]
        assert field.metadata["help"][1:] in text
    missing = [name for name in FIELDS if name not in WHY]
    assert missing == ["data", "checkpoints"], "folders need no explanation"
    rules = sections["What is happening: when a sentence appears"]
    assert list(rules) == [rule.name for rule in RULES]


@pytest.mark.parametrize("mode", VIEWS)
def test_help_has_each_text_once(mode):
    """What a view explains first is left out further below, and no section is empty."""
    view = VIEWS[mode]
    own = getattr(import_module(f"tui.screens.{view.module}"), view.screen).VIEW_HELP
    sections = help_sections(mode, "seed", own)
    assert all(sections.values())
    texts = [text for section in sections.values() for text in section.values()]
    assert len(texts) == len(set(texts))
    assert [text for text in texts if text[:2].isalpha() and text[0].islower()] == []
    assert [text for text in texts if re.match("[B-HJ-Z] ", text)] == [], "a key keeps its case"


def test_help_of_the_loss_explains_that_of_guessing():
    for mode in VIEWS:
        text = next(each["loss"] for each in help_sections(mode).values() if "loss" in each)
        assert "ln 10 = 2.3" in text
        assert "the faint line" in text


def test_slow_link_help_names_all_switches():
    text = help_sections("train")["Slow connections"]["slow link"]
    (action,) = (each for each in ACTIONS if each.name == "set('slow_link')")
    assert f"ctrl+p, {action.label}" in text
    assert "--slow-link" in text
    assert "switches itself on" in text


def test_command_line_help_has_all_keys_in_ascii():
    text = epilogue()
    assert text.isascii()
    assert all(words.split(";")[0][:40] in text for words in keys().values())
    assert max(map(len, text.splitlines())) <= 78


async def test_the_focused_field_comes_first(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.screen.query_one("#batch_size").focus()
        await pilot.press("question_mark")
        await pilot.pause()
        shown = text_of(pilot)
        assert "batch size" in shown
        assert "noisy" in shown
        assert shown.index("This setting") < shown.index("In this view: Train")


async def test_view_help_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(CheckpointBrowser, "VIEW_HELP", {"own [red]": "a text of its own"})
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"), "question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpDialog)
        lines = text_of(pilot).splitlines()
        title = next(place for place, line in enumerate(lines) if "In this view" in line)
        assert "own [red]" in lines[title + 1]
        assert "A text of its own" in lines[title + 1]
