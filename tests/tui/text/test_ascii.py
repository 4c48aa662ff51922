"""Every character as one of ASCII, as wide as it was."""

import locale

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.preferences import Preferences, load_preferences, save_preferences
from tui.text.ascii import to_ascii


@given(st.text())
def test_it_is_ascii_and_as_wide_as_before(text):
    plain = to_ascii(text)
    assert plain.isascii()
    assert cell_len(plain) == sum(map(cell_len, text))


def test_what_is_shown_keeps_its_meaning():
    assert to_ascii("✓ 7  ✗ 3, true 5 · 60×18 …") == "v 7  x 3, true 5 - 60x18 ."
    assert to_ascii("╭─╮│╰━┼═╱") == "+-+|+=+=/"
    assert to_ascii("⠀⠁⠛⣿") == " .:#"
    assert to_ascii("▁▃█▏") == "_:#|"
    assert to_ascii("naïve 数") == "naive ??"


def test_a_locale_without_unicode_asks_for_it_and_that_is_not_remembered(monkeypatch):
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    assert load_preferences()[0].ascii
    save_preferences(Preferences(ascii=True, chart="speed"))
    monkeypatch.setattr(locale, "getencoding", lambda: "UTF-8")
    assert load_preferences()[0] == Preferences(chart="speed")
