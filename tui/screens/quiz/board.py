"""A question of a quiz: the image, and beside it the clock, the classes and both answers."""

from __future__ import annotations

from time import monotonic

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from tui.preferences import Preferences
from tui.screens.captions import set_text
from tui.screens.quiz.chips import Chips, arrange_chips
from tui.screens.quiz.digit import QuizDigit
from tui.screens.quiz.texts import question_text, tally_lines, verdict_lines
from tui.screens.quiz.typed_answer import TypedAnswer
from tui.state.quiz import Quiz, Stopwatch

OTHER_LINES = 12  # beside the classes


class QuizBoard(Horizontal):
    """Shows a question, measures the time, and takes the keys that answer it."""

    preferences: var[Preferences] = var(Preferences, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._typed = TypedAnswer(())
        self._chips: Chips | None = None  # the classes as they are shown
        self._watch: Stopwatch | None = None  # None until the question is drawn

    def compose(self) -> ComposeResult:
        with Vertical(classes="panel"):
            yield QuizDigit().data_bind(QuizBoard.preferences)
        with Vertical(id="side"):
            for name in ("clock", "asked", "classes", "verdict", "tally"):
                yield Static(id=name)

    # The clock

    def ask(self, quiz: Quiz) -> None:
        """Begin a question. Its clock starts once it is drawn."""
        self._typed = TypedAnswer(quiz.network.class_names)
        self._watch = None
        self.call_after_refresh(self._start_clock)

    def _start_clock(self) -> None:
        if self._watch is None:
            self.start_clock()

    def start_clock(self) -> None:
        """Measure from now on."""
        self._watch = Stopwatch(0.0, monotonic())

    def read_clock(self) -> float:
        """Return how long the question, or the answer to it, has been shown, in seconds."""
        if self._watch is None:
            return 0.0
        self._watch = self._watch.read(monotonic())
        return self._watch.seconds

    def skip_clock(self) -> None:
        """Leave out the time until the next reading: something else is in front."""
        if self._watch is not None:
            self._watch = self._watch.skip()

    # Display

    def show(self, quiz: Quiz) -> None:
        """Show a question, and the answers to it once there are any."""
        self.query_one(QuizDigit).digit = quiz.digit
        self.show_clock(quiz)
        width = self.query_one("#side").size.width
        verdict = verdict_lines(quiz, width) if quiz.is_shown else ()
        set_text(self.screen, "#verdict", Content("\n").join(verdict))
        set_text(self.screen, "#tally", Content("\n").join(tally_lines(quiz)))
        self._show_classes()
        # Again: if it has been hidden, its width is only known then.
        self.call_after_refresh(self._show_classes)

    def _show_classes(self) -> None:
        typed = self._typed
        text = typed.text if typed.keys is None else None
        set_text(self.screen, "#asked", question_text(typed.names, text))
        size = self.query_one("#side").size
        width, height = max(4, size.width), max(2, size.height - OTHER_LINES)
        self._chips = arrange_chips(typed.names, typed.shown, typed.cursor, width, height)
        set_text(self.screen, "#classes", self._chips.content)

    def show_clock(self, quiz: Quiz) -> None:
        """Show how long the question has been shown, and then how long the answer took."""
        part = self.query_one("#clock", Static)
        place = f"{quiz.place + 1} of {len(quiz.digits)}"
        seconds = quiz.answers[-1].seconds if quiz.is_shown else self.read_clock()
        # Ten numbers a second are a third of what a slow link may send.
        is_rough = self.preferences.slow and not quiz.is_shown
        clock = f"{int(seconds)} s" if is_rough else f"{seconds:.1f} s"
        text = place + clock.rjust(max(0, part.size.width - len(place)))
        if text != str(part.content):
            part.update(Content(text), layout=False)

    # Keys

    @property
    def chosen(self) -> int | None:
        """The class that is marked."""
        return self._typed.chosen

    def consumes(self, character: str | None) -> bool:
        """Return whether a key belongs to the answer."""
        return self._typed.consumes(character)

    def press(self, character: str) -> int | None:
        """Return the class that a key answers with; None where it is a part of a name, or of
        none."""
        number, self._typed = self._typed.press(character)
        self._show_classes()
        return number

    def erase(self) -> None:
        """Take back the last character of a name."""
        self._typed = self._typed.erased()
        self._show_classes()

    def move(self, rows: int, columns: int) -> None:
        """Mark another class."""
        if self._chips:
            self._typed = self._typed.moved(self._chips, rows, columns)
            self._show_classes()
