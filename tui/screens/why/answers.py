"""What the screen knows of each part's question, and its words for that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from core.responses.explanations import Explanation
from core.responses.layers import UNTRAINED
from tui.screens.captions import key, line
from tui.state.run_state import RunState
from tui.text.digit_art import draw_bar
from tui.text.formats import printable, truncate

BAR_WIDTH = 20
LONGEST_NAME = 40


@dataclass(frozen=True)
class Asked:
    """A part's newest question, by its number, and what has come of it."""

    number: int
    answer: Explanation | None = None
    is_cancelled: bool = False
    refusal: str | None = None

    @property
    def done(self) -> float:
        return self.answer.done if self.answer else 0.0

    @property
    def is_running(self) -> bool:
        return self.done < 1 and not self.is_cancelled and self.refusal is None


def name_weights(answer: Explanation) -> str:
    """Return whose weights an answer is about."""
    if answer.source == UNTRAINED:
        return "an untrained network"
    when = f"step {answer.step:,}" if answer.step else "before training"
    if answer.source is None:
        return when
    path = Path(answer.source)
    name = path.name if path.stem in ("", path.name) else path.stem
    return f"{truncate(printable(f'{path.parent.name}/{name}'), LONGEST_NAME)}, {when}"


def status_line(asked: Asked | None, run: RunState, *, plain: bool) -> Content:
    """Return how far the answer is, and of which weights, which may be older than those of now."""
    if asked is None:
        return Content("")
    again = key("f5", "asks again", "refresh")
    if asked.refusal is not None:
        return line(Content.styled(f"✗ {printable(asked.refusal)}", "$wrong"), again)
    parts = []
    if asked.is_running:
        bar = draw_bar(asked.done, BAR_WIDTH, plain=plain)
        progress = f"{asked.done:4.0%}" if asked.answer else "asking the network…"
        parts += [
            Content.styled(bar, "$series-train on $panel"),
            Content(progress),
            key("esc", "cancel", "back"),
        ]
    elif asked.is_cancelled:
        parts += [Content(f"cancelled at {asked.done:.0%}"), again]
    if answer := asked.answer:
        parts.append(Content.styled(f"weights of {name_weights(answer)}", "$quiet"))
        age = run.step - answer.step
        if answer.source is None and run.is_active and age > 0:
            parts += [Content(f"{age:,} steps old"), key("f5", "newest", "refresh")]
    if asked.is_running and run.phase == "training":
        parts.append(Content.styled("slow while training", "$quiet"))
    return line(*parts)
