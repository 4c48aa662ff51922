"""Inputs of one line: for a number, and for text that is pasted in several lines."""

from collections.abc import Callable
from typing import Any

from textual.events import Key, Paste
from textual.widgets import Input

# What can be typed into a field for a number, as regular expressions.
WHOLE, DECIMAL = r"[0-9]*", r"[0-9.e+-]*"


class NumberInput(Input):
    """An Input for numbers.

    Space and ? are keys of the app. All other characters stay here, where `restrict` ignores them:
    a letter typed by mistake must not act on the app.
    """

    LEAVES = " ?"
    is_locked = False  # it can be focused, and keeps its value

    def replace(self, text: str, start: int, end: int) -> None:
        if not self.is_locked:
            super().replace(text, start, end)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable() and character not in self.LEAVES

    def on_key(self, event: Key) -> None:
        if event.is_printable and not self.check_consume_key(event.key, event.character):
            event.prevent_default()  # of Input, whose handler comes next


def join_words(text: str) -> str:
    return " ".join(text.split())


class LineInput(Input):
    """An Input that pastes all lines, made one by `join`; Input itself pastes the first."""

    def __init__(self, *args: Any, join: Callable[[str], str] = join_words, **options: Any) -> None:
        super().__init__(*args, **options)
        self._join = join

    def on_paste(self, event: Paste) -> None:
        event.prevent_default()  # of Input, whose handler comes next
        event.stop()
        self.replace(self._join(event.text), *self.selection)
