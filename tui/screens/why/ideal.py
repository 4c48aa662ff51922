"""An image that the network is surest to be of a class, formed from grey."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from core.questions import ExplainIdeal, Question
from core.responses.explanations import Explanation, IdealExplained
from tui.screens.why.part import Part
from tui.screens.why.pictures import TintedPicture, format_share, name_shares
from tui.screens.why.target import TargetPart
from tui.text.formats import class_label

LONGEST_NAME = 16  # columns of the name of a class in a sentence


class IdealPart(TargetPart):
    """The ideal image as it is so far, beside the image that the screen is about."""

    ASKS = "The ideal"
    DEFAULT_CSS = """
    IdealPart {
        TintedPicture { margin-right: 2; }
        #sure { height: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer: IdealExplained | None = None

    def below(self) -> ComposeResult:
        with Horizontal():
            yield TintedPicture(id="ideal").data_bind(Part.preferences)
            yield TintedPicture(id="own").data_bind(Part.preferences)
        yield Static(id="sure")

    def question(self) -> Question:
        return ExplainIdeal(self.keep_target())

    def receive(self, answer: Explanation) -> None:
        if isinstance(answer, IdealExplained):
            self._answer = answer
            self.redraw()

    def forget(self) -> None:
        self._answer = None

    def show_below(self) -> None:
        formed, own = self.query(TintedPicture)
        answer, digit = self._answer, self.digit
        name = class_label(digit.name_of(self.target), LONGEST_NAME)
        formed.pixels = answer.ideal.pixels if answer else None
        formed.title = f"the network's ideal {name}" if answer else ""
        own.pixels, own.title = (
            digit.pixels,
            f"this image: {name_shares(digit, own.size.width - 12)}",
        )
        self.query_one("#sure", Static).update(Content(self._describe(name)))

    def _describe(self, name: str) -> str:
        answer = self._answer
        if answer is None:
            return ""
        ideal = answer.ideal
        share = format_share(ideal.probabilities()[answer.target])
        so_far = "so far" if answer.done < 1 else "it ends with"
        text = f"The probability of {name}: {so_far} {share}"
        if ideal.predicted != answer.target:
            text += f"; predicted is {class_label(ideal.predicted_name, LONGEST_NAME)}"
        return f"{text}."
