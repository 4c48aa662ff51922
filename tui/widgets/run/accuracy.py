"""The panel of the test accuracy: a large number, and what it means."""

from itertools import zip_longest

from rich.segment import Segment
from textual.reactive import var

from tui.preferences import Preferences
from tui.state.run_state import RunState, Score
from tui.text.figures import draw_figures
from tui.widgets.canvas import Canvas, StyledLine, pad_line

# From this share of errors on, they are counted among ten images.
MANY_ERRORS = 0.4


class AccuracyPanel(Canvas):
    """The accuracy of the newest evaluation; drawn again only at an evaluation."""

    COMPONENT_CLASSES = {f"accuracy--{name}" for name in ("number", "text", "quiet", "worse")}

    run_state: var[RunState] = var(RunState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    def __init__(self) -> None:
        super().__init__(id="accuracy", classes="panel")
        self.border_title = "Test accuracy"

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        names = ("scores", "started", "phase")
        if any(getattr(before, name) is not getattr(after, name) for name in names):
            self.draw()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.ascii != after.ascii:
            self.draw()

    def draw(self) -> None:
        state, styles = self.run_state, self.parts
        if state.score is None:
            self.border_subtitle = None
            self.paint([[Segment(f" {line}", styles["quiet"])] for line in _waiting(state)])
            return
        number = f"{state.score.accuracy:.1%}".replace("100.0%", "100%")
        words: list[StyledLine] = [
            [Segment(self._in_signs(text), styles[name])]
            for text, name in describe_score(state.scores)
        ]
        figures = draw_figures(number, plain=self.preferences.ascii)
        large: list[StyledLine] = [[Segment(line, styles["number"])] for line in figures]
        width, height = self.size
        wide = len(figures[0]) + 3
        if height >= len(large) + len(words):
            blank: list[StyledLine] = [[]] * (height > len(large) + len(words) + 1)
            lines = [*blank, *large, *blank, *words]
        elif width >= wide + 14 and height >= 3:
            # After the first evaluation there are fewer words than lines of the number.
            missing: StyledLine = []
            rows = zip_longest(large, words, fillvalue=missing)
            lines = [[*pad_line(left, wide), *right] for left, right in rows]
        else:
            lines = [[Segment(number, styles["number"])], *words]
        self.paint([[Segment(" "), *line] for line in lines])

    def _in_signs(self, text: str) -> str:
        """Return the text with + and - for arrows where those are not at hand."""
        return text.replace("▲ ", "+").replace("▼ ", "-") if self.preferences.ascii else text


def _waiting(state: RunState) -> list[str]:
    """Return what stands in the place of the number before the first evaluation."""
    if state.phase in ("finished", "stopped", "failed"):
        return ["No evaluation yet:", "the run ended before", "the end of epoch 1."]
    if state.started:
        return ["Measured after", "each epoch, on", f"{state.started.test_samples:,} test images."]
    return ["Measured after each", "epoch, on images not", "used for training."]


def describe_score(scores: tuple[Score, ...]) -> list[tuple[str, str]]:
    """Return three lines about the last score, the most important first, each with the name of its
    style: the errors, the change since the evaluation before, and how it compares to the best."""
    score = scores[-1]
    lines = [(describe_errors(1 - score.accuracy), "text")]
    if len(scores) == 1:
        return [*lines, (f"after epoch {score.epoch}" if score.epoch else "", "quiet")]
    points = 100 * (score.accuracy - scores[-2].accuracy)
    if abs(points) < 0.005:
        lines.append(("= as before", "quiet"))
    else:
        sign, name = ("▲", "number") if points > 0 else ("▼", "worse")
        size = f"{abs(points):.1f}" if abs(points) >= 0.095 else f"{abs(points):.2f}"
        lines.append((f"{sign} {size} points", name))
    best = max(scores, key=lambda each: each.accuracy)
    is_best = score.accuracy >= best.accuracy
    lines.append(("best so far" if is_best else f"best {best.accuracy:.1%}", "quiet"))
    return lines


def describe_errors(share: float) -> str:
    """Return a share of errors, 0 to 1, in words: 1 in 31 wrong."""
    if not 0 < share <= 1:
        return "none wrong" if share == 0 else ""
    if share >= MANY_ERRORS:
        return f"{round(10 * share)} in 10 wrong"
    return f"1 in {round(1 / share):,} wrong"
