"""The image of a question, which a click answers or passes."""

from __future__ import annotations

from textual.message import Message

from tui.widgets.cards.one_digit import OneDigit


class QuizDigit(OneDigit):
    PICTURE = False  # on a slow link the texts beside it do not come first

    class Clicked(Message):
        pass

    def on_click(self) -> None:
        self.post_message(self.Clicked())
