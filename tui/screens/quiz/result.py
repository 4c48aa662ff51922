"""The end of a quiz: its card, which can be copied, and whether its score was kept."""

from __future__ import annotations

from time import strftime, time

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.analysis.quiz.card import make_card
from tui.screens.captions import set_text
from tui.state.quiz import Quiz
from tui.state.quiz_scores import keep_card, keep_score, score_of
from tui.text.formats import printable


class QuizResult(VerticalScroll, can_focus=False):
    def __init__(self) -> None:
        super().__init__()
        self._card = ""

    def compose(self) -> ComposeResult:
        yield Static(id="saved")
        yield Static(id="result")

    def end(self, quiz: Quiz) -> str | None:
        """Show the card, and keep the score. Return why it is not kept, None where it is."""
        now = time()
        self._card = make_card(quiz, now)
        # Content, so that names of classes are no markup.
        set_text(self.screen, "#result", Content(self._card))
        set_text(self.screen, "#saved", "")
        self.scroll_home(animate=False)
        return keep_score(score_of(quiz, now))

    def copy(self) -> None:
        """Copy the card, and save it as a text file."""
        self.app.copy_to_clipboard(self._card)
        path, problem = keep_card(self._card, strftime("quiz-%Y%m%d-%H%M%S"))
        shown = printable(str(path))
        text = f"Copied, if the terminal allows it, and saved as {shown}\n"
        if problem:
            text = f"✗ Copied, if the terminal allows it. Not saved as {shown}: {problem}.\n"
        set_text(self.screen, "#saved", text)
        self.scroll_home(animate=False)
