"""The drawings that are kept, and what the network predicts for them. Pure.

They are listed by `DrawingsListed`, and asked about in parts by `KeptDrawingsAsked`, whose answers
have the number of the question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.class_names import DIGITS
from core.data.drawn.store import KeptDrawing
from core.digit import Digit
from core.events import Event
from core.responses.predictions import ImagesPredicted


class DrawingsListed(Event, recorded=False, serializable=False):
    """The drawings have been listed: those that there are now, by label and number; what is left
    out, and why the folder cannot be read."""

    drawings: tuple[KeptDrawing, ...]
    report: str = ""
    error: str = ""


class KeptDrawingsAsked(Event, recorded=False, serializable=False):
    """A question about drawings has been sent to the network of `source`, by which answers of one
    network are distinguished from those of another."""

    question: int
    drawings: tuple[KeptDrawing, ...]
    source: object


@dataclass(frozen=True)
class KeptDrawings:
    """`drawings` is None until they are listed; `answers` has those of the network `source`."""

    drawings: tuple[KeptDrawing, ...] | None = None
    report: str = ""
    error: str = ""
    asked: KeptDrawingsAsked | None = None
    source: object = None
    answers: Mapping[KeptDrawing, Digit] = field(default_factory=dict)

    @property
    def newest_first(self) -> list[KeptDrawing]:
        return sorted(self.drawings or (), key=lambda each: (each.number, each.path), reverse=True)


def fold_kept(state: KeptDrawings, event: Event) -> KeptDrawings:
    """Return the state after an event; the same object where that changes nothing."""
    match event:
        case DrawingsListed():
            known = dict.fromkeys(event.drawings)
            answers = {each: digit for each, digit in state.answers.items() if each in known}
            listed = (event.drawings, event.report, event.error)
            if listed == (state.drawings, state.report, state.error):
                return state
            return replace(
                state,
                drawings=event.drawings,
                report=event.report,
                error=event.error,
                answers=answers,
            )
        case KeptDrawingsAsked():
            answers = dict(state.answers) if event.source == state.source else {}
            return replace(state, asked=event, source=event.source, answers=answers)
        case ImagesPredicted(question=number) if state.asked and number == state.asked.question:
            pairs = zip(state.asked.drawings, event.digits, strict=False)
            known = dict.fromkeys(state.drawings or ())
            new = {drawing: digit for drawing, digit in pairs if drawing in known}
            return replace(state, asked=None, answers={**state.answers, **new})
    return state


def is_correct(drawing: KeptDrawing, answer: Digit) -> bool:
    return answer.predicted_name == drawing.label


def describe_kept(state: KeptDrawings, names: Sequence[str]) -> str:
    """Return how many drawings of the classes with these names the network predicts correctly."""
    if state.error:
        return f"✗ {state.error}"
    if state.drawings is None:
        return ""
    what = "your digits" if tuple(names) == DIGITS else "your drawings"
    count = len(state.drawings)
    if not count:
        return f"{what}: none kept yet"
    known = [each for each in state.drawings if each.label in names]
    answered = [each for each in known if each in state.answers]
    parts = [f"{count:,} kept"]
    if answered and len(answered) == len(known):
        correct = sum(is_correct(each, state.answers[each]) for each in answered)
        others = count - len(known)
        parts = [f"{correct:,} of {len(known):,} predicted correctly"]
        parts += [f"{others:,} of other classes"] if others else []
    return f"{what}: {', '.join(parts)}"


def describe_answer(drawing: KeptDrawing, state: KeptDrawings) -> tuple[str, str]:
    """Return the sign and the text of what the network predicts for a drawing."""
    if answer := state.answers.get(drawing):
        share = answer.probabilities(1.0)[answer.predicted]
        sign = "✓" if is_correct(drawing, answer) else "✗"
        return sign, f"{answer.predicted_name} {share:.0%}"
    return "·", ""
