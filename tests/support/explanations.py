"""Answers to questions about a network, as the engine gives them, without torch."""

import math
from collections.abc import Iterator

from core.class_names import DIGITS
from core.digit import Digit
from core.questions import (
    ExplainChange,
    ExplainIdeal,
    ExplainLayers,
    ExplainMap,
    ExplainOcclusion,
    Question,
    ScoreWithoutUnits,
)
from core.responses.explanations import (
    ChangeExplained,
    Explanation,
    IdealExplained,
    LayersExplained,
    MapExplained,
    OcclusionExplained,
    Unit,
    UnitsScored,
)
from core.responses.layers import LayerOutput, WeightImages

FAKE_MAPPED = 200  # images on the fake map
WAVE = bytes(round(128 + 127 * math.sin(place / 9)) for place in range(784))


def predicted_as(pixels: bytes, number: int, names: tuple[str, ...] = DIGITS) -> Digit:
    logits = tuple(4.0 if each == number else 0.0 for each in range(len(names)))
    return Digit(0, pixels, None, logits, class_names=names)


def fake_explanations(
    question: Question, step: int, names: tuple[str, ...] = DIGITS
) -> Iterator[Explanation]:
    """Yield half an answer and the whole one. The network is `mlp`; it predicts class 3."""
    about = {"step": step, "arch": "mlp", "question": question.question}
    image = getattr(question, "image", bytes(784))
    digit = predicted_as(image, 3, names)
    for done in (0.5, 1.0):
        about["done"] = done
        match question:
            case ExplainOcclusion(target=target, other=other):
                yield OcclusionExplained(
                    digit=digit,
                    target=3 if target is None else target,
                    other=other,
                    score=2.5,
                    costs=WAVE if done == 1 else bytes([128]) * 784,
                    largest=1.5,
                    **about,
                )
            case ExplainLayers(unit=unit, off=off):
                yield _fake_layers(digit, unit or Unit("stack.0", 0), off, names, about)
            case ScoreWithoutUnits(off=off):
                seen = round(100 * done)
                yield UnitsScored(
                    off=off, samples=seen, correct=seen, correct_without=seen // 2, **about
                )
            case ExplainChange(target=target):
                changed = predicted_as(bytes(min(255, each + 40) for each in image), target, names)
                found = changed if done == 1 else None
                yield ChangeExplained(
                    digit=digit, target=target, changed=found, distance=1.25, **about
                )
            case ExplainIdeal(target=target):
                pixels = bytes(round(128 + done * (each - 128)) for each in WAVE)
                ideal = predicted_as(pixels, target, names)
                yield IdealExplained(ideal=ideal, target=target, **about)
            case ExplainMap(images=images):
                yield _fake_map(len(images), names, about)


def _fake_layers(digit, unit, off, names, about) -> LayersExplained:
    whole = about["done"] == 1
    shapes = {"input": (1, 28, 28), "stack.0": (512,), "stack.1": (512,), "stack.4": (len(names),)}
    exciting = tuple(predicted_as(WAVE, number, names) for number in range(10)) if whole else ()
    return LayersExplained(
        digit=digit,
        without=predicted_as(digit.pixels, 5 if off else 3, names),
        outputs=tuple(
            LayerOutput(name, shape, 0, (WAVE * 2)[: math.prod(shape)], 2.0)
            for name, shape in shapes.items()
        ),
        unit=unit,
        weights=WeightImages(unit.layer, (WAVE,) * 64, 512, 28, 28, 0.5, unit.number // 64 * 64),
        exciting=exciting,
        excitations=tuple(9.0 - place for place in range(len(exciting))),
        off=off,
        **about,
    )


def _fake_map(own: int, names, about) -> MapExplained:
    count = FAKE_MAPPED if about["done"] == 1 else 0
    classes = [place % len(names) for place in range(count)]
    angles = [2 * math.pi * each / len(names) for each in classes]
    shift = about["step"] / 1000
    own = own if count else 0
    return MapExplained(
        layer="stack.3",
        indices=tuple(place % 100 for place in range(count)),
        xs=tuple(math.cos(angle) + place % 7 / 20 + shift for place, angle in enumerate(angles)),
        ys=tuple(math.sin(angle) + place % 5 / 15 for place, angle in enumerate(angles)),
        labels=tuple(classes),
        predicted=tuple((each + (at % 9 == 0)) % len(names) for at, each in enumerate(classes)),
        own_xs=(0.0,) * own,
        own_ys=(0.0,) * own,
        own_predicted=(3,) * own,
        shares=(0.4, 0.2) if count else (),
        class_names=names,
        **about,
    )
