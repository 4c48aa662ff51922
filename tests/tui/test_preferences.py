"""The preferences: saved between sessions, and readable from any file."""

import json

import pytest

from tui.preferences import (
    Preferences,
    load_preferences,
    preferences_file,
    save_preferences,
)


@pytest.fixture(autouse=True)
def utf8(monkeypatch):
    monkeypatch.setattr("locale.getencoding", lambda: "utf-8")


def write(text: str) -> None:
    path = preferences_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_saved_fields_are_loaded_again():
    assert save_preferences(Preferences(theme="textual-light", smoothing=0.9, zoom=0.25)) is None
    assert load_preferences() == (Preferences(theme="textual-light", smoothing=0.9), None)


def test_a_file_of_an_earlier_version_is_readable():
    """Its name, its fields and their values as the first version wrote them."""
    stored = {"theme": "textual-light", "ascii": False, "chart": "gradient", "several": "all"}
    stored |= {"log_scale": True, "smoothing": 0.98, "x_axis": "time", "machine": True}
    stored |= {"temperature": 5.0, "digit_style": "braille", "slow_link": True}
    write(json.dumps(stored))
    assert preferences_file().name == "settings.json"
    assert load_preferences() == (Preferences(**stored), None)


@pytest.mark.parametrize(("more", "style"), [({}, "grey"), ({"all_classes": False}, "ramp")])
def test_the_former_default_style_is_replaced(more, style):
    """Earlier versions wrote "ramp" for everybody; a file of this version has it by choice."""
    write(json.dumps({"digit_style": "ramp"} | more))
    assert load_preferences()[0].digit_style == style


def test_unknown_names_and_values_are_ignored():
    write('{"chart": "pie", "log_scale": 1, "zoom": 0.05, "colour": "red", "smoothing": 0.9}')
    assert load_preferences() == (Preferences(smoothing=0.9), None)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_damaged_file_gives_the_defaults(text):
    write(text)
    preferences, problem = load_preferences()
    assert preferences == Preferences()
    assert problem == f"The preferences in {preferences_file()} are damaged. The defaults are used."


def test_a_failed_save_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    preferences_file().mkdir(parents=True)
    assert save_preferences(Preferences()).startswith("Cannot save the preferences in ")
