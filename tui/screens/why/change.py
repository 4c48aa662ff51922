"""A small change that turns the image into another class for the network."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from core.questions import ExplainChange, Question
from core.responses.explanations import ChangeExplained, Explanation
from tui.screens.why.part import Part
from tui.screens.why.pictures import ClassBars, TintedPicture, name_shares
from tui.screens.why.target import TargetPart
from tui.text.formats import class_label

LONGEST_NAME = 16  # columns of the name of a class in a sentence
FULL = 32  # pixels of a change that are drawn in full colour


class ChangePart(TargetPart):
    """The image, the change and the result beside one another, with the two predictions."""

    ASKS = "Turn it into"
    FIRST = 1
    DEFAULT_CSS = """
    ChangePart {
        Vertical { margin-right: 1; height: 100%; }
        TintedPicture { height: auto; }
        #found { height: auto; max-height: 3; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer: ChangeExplained | None = None

    def below(self) -> ComposeResult:
        with Horizontal():
            with Vertical():
                yield TintedPicture(id="before").data_bind(Part.preferences)
                yield ClassBars(id="bars-before").data_bind(Part.preferences)
            with Vertical():
                colours = ("added", "removed")
                yield TintedPicture(id="change", colours=colours).data_bind(Part.preferences)
            with Vertical():
                yield TintedPicture(id="after").data_bind(Part.preferences)
                yield ClassBars(id="bars-after").data_bind(Part.preferences)
        yield Static(id="found")

    def question(self) -> Question:
        return ExplainChange(self.digit.pixels, self.keep_target())

    def receive(self, answer: Explanation) -> None:
        if isinstance(answer, ChangeExplained):
            self._answer = answer
            self.redraw()

    def forget(self) -> None:
        self._answer = None

    @on(ClassBars.Chosen)
    def _bar_clicked(self, message: ClassBars.Chosen) -> None:
        self.choose(message.number)

    def show_below(self) -> None:
        before, change, after = self.query(TintedPicture)
        answer, digit = self._answer, self.digit
        width = before.size.width
        before.pixels, before.title = digit.pixels, f"before: {name_shares(digit, width - 8)}"
        changed = answer.changed if answer else None
        if changed is None:
            change.pixels = after.pixels = None
            change.title = after.title = ""
        else:
            values, factor = amplify(digit.pixels, changed.pixels)
            change.pixels, change.values = bytes(len(values)), values
            change.title = f"amplified ×{format_factor(factor)} (+/− ink)"
            after.pixels = changed.pixels
            after.title = f"after: {name_shares(changed, width - 7)}"
        marks = {self.target: "into", digit.predicted: "from"}
        bars_before, bars_after = self.query(ClassBars)
        bars_before.digit, bars_after.digit = digit, changed
        bars_before.marks = bars_after.marks = marks
        self.query_one("#found", Static).update(Content(self._found()))

    def _found(self) -> str:
        """Return what was found, in words."""
        answer, digit = self._answer, self.digit
        name = class_label(digit.name_of(self.target), LONGEST_NAME)
        if answer is None:
            return ""
        if digit.predicted == self.target:
            return f"The network predicts {name} already: choose another class."
        if answer.changed is None:
            if answer.done < 1:
                return f"Searching for a change to {name}…"
            return f"No small enough change to {name} was found."
        pixels = sum(a != b for a, b in zip(digit.pixels, answer.changed.pixels, strict=True))
        most = max(abs(a - b) for a, b in zip(digit.pixels, answer.changed.pixels, strict=True))
        smaller = "" if answer.done == 1 else "; trying smaller ones"
        return (
            f"Size {answer.distance:.2f} (L2 norm; 1: one pixel from empty to full ink){smaller}. "
            f"{pixels} of {len(digit.pixels)} pixels change, by at most {most / 255:.1%}."
        )


def format_factor(factor: float) -> str:
    return f"{factor:.2g}" if factor < 10 else f"{factor:.0f}"


def amplify(before: bytes, after: bytes) -> tuple[bytes, float]:
    """Return the differences of two images as bytes around 128, and the factor that they are
    amplified by. It makes the FULL largest ones 127, so that a few do not leave the rest faint."""
    differences = [b - a for a, b in zip(before, after, strict=True)]
    sizes = sorted(map(abs, differences), reverse=True)
    full = sizes[min(FULL, len(sizes)) - 1] or sizes[0] or 1
    shown = (max(-127, min(127, round(each * 127 / full))) for each in differences)
    return bytes(128 + each for each in shown), 255 / full
