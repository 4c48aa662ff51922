"""Which function answers which question.

To add one: its command in core/questions.py, its response in core/responses/explanations.py, and a
generator here that yields the answer so far after each slice of work, of some 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from core.data.batches import SIDE
from core.digit import Digit
from core.errors import UsageError
from core.explain.change import explain_change
from core.explain.ideal import explain_ideal
from core.explain.layers import explain_layers
from core.explain.map import explain_map
from core.explain.occlusion import explain_occlusion
from core.explain.subject import Subject
from core.explain.switched_off import score_without_units
from core.questions import (
    ExplainChange,
    ExplainIdeal,
    ExplainLayers,
    ExplainMap,
    ExplainOcclusion,
    Question,
    ScoreWithoutUnits,
)
from core.responses.explanations import Explanation


def explain(question: Question, subject: Subject, memory: dict[str, Any]) -> Iterator[Explanation]:
    """Return the answers to a question. `memory` is what earlier answers to the same asker left.

    Raises UserError, also while it is iterated.
    """
    _check(question, len(subject.class_names))
    model, test, names = subject.model, subject.test, subject.class_names
    match question:
        case ExplainOcclusion(image=image, target=target, other=other):
            return _with_names(explain_occlusion(model, image, target, other), names)
        case ExplainLayers(image=image, unit=unit, off=off):
            return explain_layers(model, image, unit, off, test, names, subject.searched)
        case ScoreWithoutUnits(off=off):
            return score_without_units(model, off, test)
        case ExplainChange(image=image, target=target):
            return _with_names(explain_change(model, image, target), names)
        case ExplainIdeal(target=target):
            return _with_names(explain_ideal(model, target), names)
        case ExplainMap(images=images):
            return explain_map(model, images, test, names, memory)


def _with_names(answers: Iterator[Explanation], names: tuple[str, ...]) -> Iterator[Explanation]:
    """Yield the answers with the names of the classes in their digits."""
    for answer in answers:
        digits: dict[str, Any] = {
            each.name: replace(digit, class_names=names)
            for each in fields(answer)
            if isinstance(digit := getattr(answer, each.name), Digit)
        }
        yield replace(answer, **digits)


def _check(question: Question, classes: int) -> None:
    """Raise UsageError for images and classes that the network has not."""
    images = getattr(question, "images", None) or (getattr(question, "image", bytes(SIDE**2)),)
    if any(len(image) != SIDE**2 for image in images):
        raise UsageError("an image must have 28×28 pixels")
    for name in ("target", "other"):
        number = getattr(question, name, None)
        if number is not None and not 0 <= number < classes:
            raise UsageError(f"there is no class {number}: the network has {classes}")
