"""What all parts of the Why screen have in common.

To add one: a subclass of Part, and an entry in tui/screens/why/registry.py.
"""

from __future__ import annotations

from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var

from core.digit import Digit
from core.questions import Question
from core.responses.explanations import Explanation
from tui.preferences import Preferences
from tui.screens.base import View


class Part(Vertical):
    """One part: it says what to ask about an image, and shows the answers.

    The screen asks the `question` when the part comes to the front without an answer, for another
    image and for newer weights; it shows the progress, refusals and the age of the weights. It
    focuses the part in front, whose BINDINGS apply then.
    """

    can_focus = True
    DEFAULT_CSS = "Part { height: 1fr; width: 1fr; }"

    class Asked(Message):
        """The part has another question, since something else was chosen in it."""

        def __init__(self, part: Part, question: Question) -> None:
            super().__init__()
            self.part, self.question = part, question

    class Outdated(Message):
        """The part needs answers about the network's newest weights."""

        def __init__(self, part: Part) -> None:
            super().__init__()
            self.part = part

    class Explain(Message):
        """Another image was chosen in the part: the screen is about that one from now on."""

        def __init__(self, digit: Digit) -> None:
            super().__init__()
            self.digit = digit

    # The image, with the prediction of the weights that the answers are about, once one has come.
    digit: var[Digit] = var[Digit](Digit(0, bytes(784), None, (0.0,)), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    def ask(self, question: Question | None = None) -> None:
        """Ask another question, by default what `question` returns now."""
        if question := question or self.question():
            self.post_message(self.Asked(self, question))

    def ask_newest(self) -> None:
        """Ask the question about the newest weights; those of all other answers are out of date."""
        self.post_message(self.Outdated(self))

    def redraw(self) -> None:
        """Call `show`; the screen names an error below the part and keeps working."""
        if self.is_mounted and isinstance(self.screen, View):
            self.screen.attempt("part", self.show)

    on_mount = on_resize = redraw

    def watch_digit(self, before: Digit, after: Digit) -> None:
        self.redraw()

    # What a subclass says

    def show(self) -> None:
        """Update the widgets for the image, the answer and what is chosen."""

    def wanted_digits(self) -> tuple[int, ...]:
        """Return the indices of the test images that it shows besides those of its answer."""
        return ()

    def question(self) -> Question | None:
        """Return what to ask of the image, as chosen now; None where there is nothing to ask."""
        return None

    def receive(self, answer: Explanation) -> None:
        """Show an answer to the part's newest question, called for each one that has more in it."""

    def give_up(self, reason: str) -> None:
        """Expect no answer any more: the newest question was refused for a reason, which the screen
        shows, or cancelled, without one."""

    def reset(self) -> None:
        """Forget the answer, and what was chosen for the image before: there is another image. For
        newer weights of the same one, only the answers are out of date, and this is not called."""

    def move(self, rows: int, columns: int) -> bool:
        """Move a cursor by one row or column; return whether there is one that moves so. Where
        there is none, ← and → select another image."""
        return False

    def move_to_end(self, *, last: bool) -> None:
        """Move the cursor to the first or to the last place."""

    def choose(self, number: int | None) -> None:
        """Choose a class whose name was clicked."""

    def open(self) -> None:
        """Do what enter does to the place of the cursor."""
