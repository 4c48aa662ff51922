"""The one source of help, and how it opens where one is."""

from core.config import FIELDS
from tests.support.app import app_in, text_of
from tests.support.fakes import key_of
from tui.actions import ACTIONS
from tui.analysis.commentary import RULES
from tui.help import epilogue, help_sections, keys
from tui.screens.checkpoints.browser import CheckpointBrowser
from tui.screens.dialogs import HelpDialog


def test_every_key_setting_and_rule_is_explained():
    told = help_sections("train")
    for action in ACTIONS:
        # The opposite of another action is explained there.
        if action.keys and action.name != "set('temperature', -1)":
            assert action.help in told["Keys"][action.shown]
    for name, field in FIELDS.items():
        said = told["Settings of a run"][name.replace("_", " ")]
        assert field.metadata["help"][1:] in said
    missing = [name for name, field in FIELDS.items() if not field.metadata["why"]]
    assert missing == ["data", "checkpoints"], "folders need no reasons"
    assert list(told["What the sentences say, and when"]) == [rule.name for rule in RULES]


def test_a_slow_line_is_explained_with_all_ways_to_switch_it_on():
    said = help_sections("train")["A slow line"]["slow link"]
    (action,) = (each for each in ACTIONS if each.name == "set('slow_link')")
    assert f"ctrl+p, {action.label}" in said
    assert "--slow-link" in said
    assert "switches itself on" in said


def test_help_on_the_command_line_has_the_same_keys_in_ascii():
    said = epilogue()
    assert said.isascii()
    assert all(words.split(";")[0][:40] in said for words in keys().values())
    assert max(map(len, said.splitlines())) <= 78


async def test_the_field_in_focus_is_explained_first(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.screen.query_one("#batch_size").focus()
        await pilot.press("question_mark")
        await pilot.pause()
        shown = text_of(pilot)
        assert "batch size" in shown
        assert "noisy" in shown
        assert shown.index("This setting") < shown.index("In this view: Train")


async def test_a_view_may_bring_its_own_help(tmp_path, monkeypatch):
    monkeypatch.setattr(CheckpointBrowser, "VIEW_HELP", {"own [red]": "words of its own"})
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"), "question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpDialog)
        lines = text_of(pilot).splitlines()
        title = next(place for place, line in enumerate(lines) if "In this view" in line)
        assert "own [red]" in lines[title + 1]
        assert "words of its own" in lines[title + 1]
