"""The field of a network's text: some lines, whose wrong part is marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea

from tui.screens.network_editor.draft import Place
from tui.widgets.line_input import join_words


class NetworkInput(TextArea):
    """One long line, wrapped. Enter submits it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"network-input--wrong"}
    DEFAULT_CSS = """
    NetworkInput {
        & > .network-input--wrong { color: $wrong; text-style: bold underline; }
    }
    """

    class Submitted(Message):
        pass

    def __init__(self, text: str, find_wrong: Callable[[str], Place]) -> None:
        """`find_wrong` returns the part of a text that is wrong, empty where all is well."""
        self._find_wrong = find_wrong
        super().__init__(text, compact=True, highlight_cursor_line=False, id="text")

    @property
    def column(self) -> int:
        """The place of the cursor in the text."""
        return self.cursor_location[1]

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        # Computed here, so that no line is drawn with the marks of the text before.
        start, end = self._find_wrong(self.text)
        if end > start:
            line.stylize(self.get_component_rich_style("network-input--wrong"), start, end)
        return line

    def on_key(self, event: Key) -> None:
        if event.key == "enter":
            event.prevent_default()  # of TextArea, whose handler comes next
            event.stop()
            self.post_message(self.Submitted())

    def on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        end = self.replace(join_words(event.text), *self.selection).end_location
        self.move_cursor(end)
