"""Which function answers which question.

To add one: its command in core/questions.py, its response in core/responses/explanations.py, and a
generator here that yields the answer so far after each slice of work, of some 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import UsageError
from core.explain.layers import explain_layers
from core.explain.map import explain_map
from core.explain.subject import Subject
from core.explain.switched_off import score_without_units
from core.questions import ExplainLayers, ExplainMap, Question, ScoreWithoutUnits
from core.responses.explanations import Explanation

PIXELS = 784


def explain(question: Question, subject: Subject, memory: dict[str, Any]) -> Iterator[Explanation]:
    """Return the answers to a question. `memory` is what earlier answers to the same asker left.

    Raises UserError, also while it is iterated.
    """
    _check(question, len(subject.class_names))
    model, test, names = subject.model, subject.test, subject.class_names
    match question:
        case ExplainLayers(image=image, unit=unit, off=off):
            return explain_layers(model, image, unit, off, test, names, subject.searched)
        case ScoreWithoutUnits(off=off):
            return score_without_units(model, off, test)
        case ExplainMap(images=images):
            return explain_map(model, images, test, names, memory)
    raise UsageError("this question has no answer yet")


def _check(question: Question, classes: int) -> None:
    """Raise UsageError for images and classes that the network has not."""
    images = getattr(question, "images", None) or (getattr(question, "image", bytes(PIXELS)),)
    if any(len(image) != PIXELS for image in images):
        raise UsageError("an image must have 28×28 pixels")
    for name in ("target", "other"):
        number = getattr(question, name, None)
        if number is not None and not 0 <= number < classes:
            raise UsageError(f"there is no class {number}: the network has {classes}")
