"""Every character as ASCII of the same width."""

import locale

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.preferences import Preferences, load_preferences, save_preferences
from tui.text.ascii import to_ascii


@given(st.text())
def test_ascii_keeps_the_width(text):
    plain = to_ascii(text)
    assert plain.isascii()
    assert cell_len(plain) == sum(map(cell_len, text))


def test_ascii_keeps_the_meaning():
    assert to_ascii("✓ 7  ✗ 3, true 5 · 60×18 …") == "v 7  x 3, true 5 - 60x18 ."
    assert to_ascii("╭─╮│╰━┼═╱") == "+-+|+=+=/"
    assert to_ascii("⠀⠁⠛⣿") == " .:#"
    assert to_ascii("▁▃█▏") == "_:#|"
    assert to_ascii("naïve 数") == "naive ??"


def test_locale_without_unicode_turns_ascii_on(monkeypatch):
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    assert load_preferences()[0].ascii
    save_preferences(Preferences(ascii=True, chart="speed"))
    monkeypatch.setattr(locale, "getencoding", lambda: "UTF-8")
    assert load_preferences()[0] == Preferences(chart="speed")
