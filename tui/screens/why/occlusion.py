"""What the network looks at: what each place of the image contributes to a class."""

from __future__ import annotations

from math import exp, isfinite, log
from textwrap import wrap

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from core.questions import ExplainOcclusion, Question
from core.responses.explanations import Explanation, OcclusionExplained
from tui.screens.captions import between, key
from tui.screens.digits_caption import with_right
from tui.screens.why.part import Part
from tui.screens.why.pictures import ClassBars, TintedPicture, order_classes
from tui.text.formats import cell_width, class_label, truncate

LONGEST_NAME = 16  # columns of the name of a class in a sentence
MANY_TIMES = 1_000_000


class OcclusionPart(Part):
    """The image with the costs of covering its places, and the classes that it is about: why one of
    them, against all others or against one of them."""

    DEFAULT_CSS = """
    OcclusionPart {
        Horizontal { height: 1fr; }
        TintedPicture { width: auto; margin-right: 2; }
        #asked { height: 1; }
        #legend { height: auto; }
    }
    """
    BINDINGS = [Binding("S", "swap", "Reverse", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._target: int | None = None  # None: the predicted class
        self._other: int | None = None  # None: all others
        self._answer: OcclusionExplained | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TintedPicture().data_bind(Part.preferences)
            with Vertical():
                yield Static(id="asked")
                yield ClassBars().data_bind(Part.preferences, Part.digit)
                yield Static(id="legend")

    def question(self) -> Question:
        return ExplainOcclusion(self.digit.pixels, self._target, self._other)

    def receive(self, answer: Explanation) -> None:
        if isinstance(answer, OcclusionExplained):
            self._answer = answer
            self.redraw()

    def reset(self) -> None:
        self._target = self._other = self._answer = None
        self.redraw()

    # Classes

    @property
    def _about(self) -> int:
        """The class that is explained."""
        return self.digit.predicted if self._target is None else self._target

    def move(self, rows: int, columns: int) -> bool:
        if rows:
            others = [None, *(each for each in order_classes(self.digit) if each != self._about)]
            place = others.index(self._other) if self._other in others else 0
            self.choose(others[(place + rows) % len(others)])
        return bool(rows)

    def move_to_end(self, *, last: bool) -> None:
        self.choose(order_classes(self.digit)[-1] if last else None)

    @on(ClassBars.Chosen)
    def _bar_clicked(self, message: ClassBars.Chosen) -> None:
        self.choose(None if message.number == self._other else message.number)

    def choose(self, number: int | None) -> None:
        """Compare with another class; with None, or the class itself, with all others."""
        self._other = None if number == self._about else number
        self._answer = None
        self.redraw()
        self.ask()

    def action_swap(self) -> None:
        """Explain the other class against this one."""
        if self._other is not None:
            self._target, self._other = self._other, self._about
            self._answer = None
            self.redraw()
            self.ask()

    # Display

    def _label(self, number: int) -> str:
        return class_label(self.digit.name_of(number), LONGEST_NAME)

    def show(self) -> None:
        digit, answer = self.digit, self._answer
        picture, bars = self.query_one(TintedPicture), self.query_one(ClassBars)
        picture.pixels, picture.values = digit.pixels, answer.costs if answer else None
        against = "against it" if self._other is None else f"for {self._label(self._other)}"
        picture.title = f"+ for {self._label(self._about)}, − {against}"
        marks = {self._about: "why"}
        if self._other is not None:
            marks[self._other] = "not"
        bars.marks = marks
        bars.styles.max_height = len(digit.logits) + 1  # so that the legend follows them
        self.query_one("#asked", Static).update(self._heading())
        width = max(20, self.query_one(ClassBars).size.width)
        self.query_one("#legend", Static).update(Content("\n").join(self._legend(width)))

    def _heading(self) -> Content:
        """Return the question in words, and the keys that change it."""
        width = max(20, self.query_one(ClassBars).size.width)
        text = f"Why {self._label(self._about)}"
        text += f" and not {self._label(self._other)}?" if self._other is not None else "?"
        swap = key("S", "swap", "app.simulate_key('S')")
        up, down = key("↑", "", "move(-1, 0)"), key("↓", "", "move(1, 0)")
        keys = [between(up, Content("another class"), down)]
        if self._other is not None:
            keys.insert(0, swap)
        return with_right(Content.styled(truncate(text, width), "bold"), keys, width)

    def _legend(self, width: int) -> list[Content]:
        """Return what the signs mean, with the largest values."""
        if self._answer is None or len(self._answer.costs) == 0:
            return []
        answer = self._answer
        name = self._label(self._about)
        about, against = f"the log-odds of {name}", f"against {name}"
        if self._other is not None:
            other = self._label(self._other)
            about, against = f"{about} against {other}", f"for {other}"
        highest, lowest = max(answer.costs) - 128, 128 - min(answer.costs)
        helps, hurts = (max(0, each) / 127 * answer.largest for each in (highest, lowest))
        sentences = [
            ("+", "$right", _describe(f"for {name}", "lowers", about, helps, "÷")),
            ("−", "$wrong", _describe(against, "raises", about, hurts, "×")),
            (" ", "$quiet", f"With nothing covered: log-odds {_number(answer.score)}."),
        ]
        lines = []
        for sign, style, sentence in sentences:
            wide = cell_width(sentence) - len(sentence)  # of wide characters, which are not counted
            first, *more = wrap(sentence, width - 2 - wide) or [""]
            lines.append(Content.assemble((sign, f"bold {style}"), f" {first}"))
            lines += [Content(f"  {each}") for each in more]
        return lines


def _describe(meaning: str, effect: str, about: str, by: float, times: str) -> str:
    """Return what a sign means, and what a cover does at most, also to the odds themselves."""
    if by <= 0:
        return f"{meaning}: nowhere."
    factor = exp(min(by, log(MANY_TIMES)))
    how = f"over {MANY_TIMES:,}" if factor >= MANY_TIMES else _number(factor)
    if factor < 2:  # of 1.04, two digits would say 1
        how = f"{factor:.2f}"
    return f"{meaning}: covering it {effect} {about} by up to {_number(by)} (odds {times} {how})."


def _number(value: float) -> str:
    """Return a number with two significant digits, and all those before its decimal point."""
    shown = f"{value:.2g}" if isfinite(value) and abs(value) < 100 else f"{value:,.0f}"
    return shown.replace("-", "−")
