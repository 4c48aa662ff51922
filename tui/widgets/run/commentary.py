"""One or two sentences about what the training does now."""

import re
import textwrap

from rich.segment import Segment
from textual.reactive import var

from core.config import TrainConfig
from tui.state.run_state import RunState
from tui.state.summaries import describe_untrained
from tui.widgets.canvas import Canvas

END_OF_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


class Commentary(Canvas):
    COMPONENT_CLASSES = {"commentary--text"}

    run_state: var[RunState] = var(RunState, init=False)

    config: var[TrainConfig] = var(TrainConfig, init=False)  # of the next run

    watch_run_state = watch_config = Canvas.redraw

    def draw(self) -> None:
        from tui.analysis.commentary import sentences

        found = sentences(self.run_state) or describe_guessing(self.run_state, self.config)
        lines = fit_sentences(found, self.size.width - 2, self.size.height)
        self.paint([[Segment(f" {line}", self.parts["text"])] for line in lines])


def describe_guessing(state: RunState, config: TrainConfig) -> list[str]:
    """Return the sentences about the digits that are shown before a run."""
    where = describe_untrained(state, config.dataset)
    if not state.is_before_run or not state.digits:
        return [where] if where else []
    if where:  # both fit one line of a small window
        return ["An untrained network guesses.", where]
    share = 1 / len(state.digits[0].logits)
    return [f"An untrained network guesses: about {share:.0%} for each class."]


def fit_sentences(found: list[str], width: int, height: int) -> list[str]:
    """Return the lines of as many sentences as fit whole, the first ones."""
    parts = [part for text in found for part in END_OF_SENTENCE.split(text)]
    for count in range(len(parts), 0, -1):
        lines = textwrap.wrap(" ".join(parts[:count]), max(10, width))
        if len(lines) <= height:
            return lines
    return []
