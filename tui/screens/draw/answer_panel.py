"""What the network answers about a drawing: in words, and with what it sees and how sure it is."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from core.class_names import DIGITS
from core.digit import Digit
from tui.analysis.answer_words import describe_answer, describe_difference
from tui.preferences import Preferences
from tui.screens.captions import between, key, line, set_text
from tui.screens.digits_caption import temperature_part, with_right
from tui.state.drawing_answers import DrawingAnswers
from tui.terminal.textual_private import set_border_titles
from tui.text.formats import class_labels, printable, truncate
from tui.widgets.drawing.answer_picture import DRAWN, PREPARED, AnswerPicture

EMPTY, WAITING, FAILED = "The drawing is empty", "Predicting…", "No answer"
DRAW = "Draw one of these, and the network answers: "
MOST_NAMES = 5  # of the classes that are named
LEAST_WIDTH = 20  # of texts, before the panel has a size


class AnswerPanel(Vertical):
    """The words come first: on a slow connection the pictures follow."""

    drawing: var[DrawingAnswers] = var(DrawingAnswers, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    is_drawn: var[bool] = var(False, init=False)  # whether the answer is for the drawing as it is
    is_empty: var[bool] = var(True, init=False)  # whether there is no drawing

    def __init__(self) -> None:
        super().__init__(classes="panel")

    def compose(self) -> ComposeResult:
        yield Static(id="answer-words")
        yield Static(id="answer-note")
        picture = AnswerPicture()
        yield picture.data_bind(AnswerPanel.preferences, AnswerPanel.is_drawn)
        yield Static(id="answer-when")

    def show(self) -> None:
        """Show the newest answer, or why there is none."""
        if not self.is_mounted:
            return
        width = max(LEAST_WIDTH, self.content_size.width)
        words, note = self._texts(width)
        for where, content in (
            ("#answer-words", Content(words)),
            ("#answer-note", note),
            ("#answer-when", self._when(width)),
        ):
            set_text(self, where, content)
        self.query_one(AnswerPicture).answer = None if self.is_empty else self.drawing.answer
        set_border_titles(self, Content(truncate(self._title(), width - 2)), self._keys())

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.temperature != after.temperature:
            self.show()

    on_mount = on_resize = watch_drawing = watch_is_drawn = watch_is_empty = show

    def _shown(self) -> Digit | None:
        answer = self.drawing.answer
        if answer is None or self.is_empty:
            return None
        return answer.drawn if self.is_drawn else answer.prepared

    def _texts(self, width: int) -> tuple[str, Content]:
        """Return the answer in words, and what is said about it."""
        state, digit = self.drawing, self._shown()
        if state.network is None:
            return state.why, self._how_to_train()
        if state.error:
            return FAILED, Content(f"✗ {printable(state.error)}")
        if self.is_empty:
            return EMPTY, Content(self._what_to_draw())
        if digit is None or state.answer is None:
            return WAITING, Content("")
        doubt = Content.styled(f"! {digit.unlike_text()}", "$text-warning")
        both = state.answer.prepared, state.answer.drawn
        why = Content(describe_difference(*both, is_drawn=self.is_drawn, width=width))
        notes = [doubt, why] if digit.is_unlike else [why]
        return describe_answer(digit, width), Content("\n").join(each for each in notes if each)

    def _how_to_train(self) -> Content:
        if not self.drawing.can_train:
            return Content("")
        quick = key("Q", "trains a small one for two seconds", "answer('train_quick')")
        return quick + ", " + key("space", "trains that of Train", "app.run('start')") + "."

    def _what_to_draw(self) -> str:
        names = self.drawing.network.class_names if self.drawing.network else DIGITS
        if names == DIGITS:
            return "Draw a digit, and the network answers as you draw."
        labels = class_labels(names[:MOST_NAMES], 60)
        more = f" … ({len(names):,} classes)" if len(names) > MOST_NAMES else ""
        return DRAW + ", ".join(labels) + more

    def _when(self, width: int) -> Content:
        """Return what is shown: as prepared or as drawn, and of which time."""
        state = self.drawing
        network, answer = state.network, None if self.is_empty else state.answer
        if network is None:
            return Content("")
        if earlier := answer.asked.earlier if answer else state.earlier:
            epoch = Content(f"epoch {earlier.epoch} of {network.epoch}")
        else:
            epoch = Content(f"now, step {answer.step:,}" if answer else "now")
        back, forth = (
            key("[", "", "answer('step_epoch', -1)"),
            key("]", "", "answer('step_epoch', 1)"),
        )
        left = between(back, epoch, forth)
        how = Content.styled(DRAWN if self.is_drawn else PREPARED, "$quiet")
        return with_right(left, [temperature_part(self.preferences), how], width)

    def _title(self) -> str:
        network = self.drawing.network
        if network is None:
            return "Answer"
        when = f"epoch {network.epoch}" if network.epoch else f"step {network.step:,}"
        now = ", in training" if network.path is None else ""
        return f"{printable(network.run)}, {when}{now}"

    def _keys(self) -> Content:
        if self.drawing.network is None:
            return Content("")
        other = PREPARED if self.is_drawn else DRAWN
        switch = key("I", f"show {other}", "answer('switch_input')")
        return switch if self.is_empty else line(key("E", "why", "app.open('why')"), switch)
