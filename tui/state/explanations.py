"""What is known of why a network answers as it does: the newest answer to each kind of question."""

from dataclasses import dataclass, replace
from typing import Any

from core.events import Event
from core.responses.explanations import (
    ChangeExplained,
    Explanation,
    ExplanationRefused,
    IdealExplained,
    LayersExplained,
    MapExplained,
    OcclusionExplained,
    UnitsScored,
)


@dataclass(frozen=True)
class Explanations:
    """The newest answers, each with the number of its question, and the newest refusal."""

    occlusion: OcclusionExplained | None = None
    layers: LayersExplained | None = None
    scored: UnitsScored | None = None
    change: ChangeExplained | None = None
    ideal: IdealExplained | None = None
    map: MapExplained | None = None
    refused: ExplanationRefused | None = None

    def refusal(self, question: int) -> str | None:
        """Return why a question has no answer; None where it has not been refused."""
        found = self.refused
        return found.message if found and found.question == question else None


FIELDS: dict[type[Event], str] = {
    OcclusionExplained: "occlusion",
    LayersExplained: "layers",
    UnitsScored: "scored",
    ChangeExplained: "change",
    IdealExplained: "ideal",
    MapExplained: "map",
    ExplanationRefused: "refused",
}


def fold_explanations(state: Explanations, event: Event) -> Explanations:
    """Return the state after an event. Pure."""
    name = FIELDS.get(type(event))
    changes: dict[str, Any] = {name: event} if name else {}
    return replace(state, **changes) if changes else state


def is_complete(answer: Explanation | None, question: int) -> bool:
    """Return whether this is the whole answer to a question."""
    return answer is not None and answer.question == question and answer.done >= 1
