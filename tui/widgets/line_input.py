"""An input of one line that takes a paste of several."""

from collections.abc import Callable
from typing import Any

from textual.events import Paste
from textual.widgets import Input


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
