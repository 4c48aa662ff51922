"""A chosen unit, and what the network predicts without units, in words that can be clicked."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import groupby

from textual.content import Content

from core.digit import Digit
from core.responses.explanations import LayersExplained, Unit, UnitsScored
from core.responses.layers import INPUT_LAYER, LayerOutput
from tui.screens.captions import key, line
from tui.text.formats import class_label, format_percent, plural, printable, truncate
from tui.widgets.explain.unit_outputs import OFF, mean_value

LONGEST_NAME = 16
NOT_FINITE = "✗ NaN: training has diverged"
NEVER_SAVED = (
    "off in this screen only: not saved, no effect on training",
    "not saved, no effect on training",
)


def unit_line(
    found: LayersExplained | None,
    unit: Unit | None,
    output: LayerOutput | None,
    off: tuple[Unit, ...],
    *,
    is_large: bool,
) -> Content:
    """Return which unit is chosen, its value and its bias, and the key that switches it off."""
    if found is None or unit is None or output is None:
        return Content("")
    if unit.layer == INPUT_LAYER:
        return Content("the pixels, scaled as in training; ↓ is the first layer")
    kind = "channel" if len(output.shape) > 1 else "unit"
    parts = [Content(f"{kind} {unit.number:,} of {output.shape[0]:,}")]
    if output is found.outputs[-1]:
        parts.append(
            Content(f"class {class_label(found.digit.name_of(unit.number), LONGEST_NAME)}")
        )
    if unit in off:
        parts.append(Content.styled(f"{OFF} off", "bold $wrong"))
    elif (value := mean_value(output, unit.number)) is not None:
        what = "mean" if len(output.shape) > 1 else "value"
        parts.append(Content(f"{what} {format_value(value)}"))
    weights = found.weights if unit.layer == found.unit.layer else None
    if weights and (place := unit.number - weights.first) in range(len(weights.biases)):
        parts.append(Content(f"bias {format_value(weights.biases[place])}"))
    parts.append(key("Z", "on again" if unit in off else "switch off", "focused.switch('unit')"))
    if is_large:
        return Content("\n").join([Content(""), *parts, key("#", "go to unit", "focused.go_to")])
    return line(key("←→", "", "focused.go_to"), *parts)


def format_value(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")


def effect_lines(
    found: LayersExplained | None,
    label: int | None,
    off: tuple[Unit, ...],
    scored: UnitsScored | None,
    width: int,
) -> Content:
    """Return the prediction for an image of the class `label`, if that is known; below it that
    without the units that are switched off, the test accuracy of both, and which units they are.
    """
    if found is None:
        return Content("")
    whole = prediction(replace(found.digit, label=label))
    if not off:
        return line(Content("all units on"), whole)
    without = Content("predicting…")
    if found.off == off:
        without = prediction(replace(found.without, label=label))
    columns = align(
        (Content("all units on"), whole, test_accuracy(off, scored, with_units=True)),
        (
            Content.styled(f"{OFF} {plural(len(off), 'unit')} off", "bold $wrong"),
            without,
            test_accuracy(off, scored, with_units=False),
        ),
    )
    above, below = (line(*row) for row in columns)
    room = width - above.cell_length - 2
    if note := next((text for text in NEVER_SAVED if len(text) <= room), ""):
        above = line(above, Content.styled(note, "$quiet"))
    rest = key("O", "all on", "focused.switch('all')")
    room = width - below.cell_length - rest.cell_length - 4
    listed = truncate(list_units(off), max(1, room))
    return Content("\n").join([above, line(below, Content.styled(listed, "$quiet"), rest)])


def align(*rows: tuple[Content, ...]) -> list[list[Content]]:
    """Return rows with the same width in each column but the last."""
    widths = [max(each.cell_length for each in column) for column in zip(*rows, strict=True)]
    return [
        [
            *(
                each + " " * (width - each.cell_length)
                for each, width in zip(row, widths[:-1], strict=False)
            ),
            row[-1],
        ]
        for row in rows
    ]


def prediction(digit: Digit) -> Content:
    """Return the predicted class and how sure the network is of it."""
    if not all(map(math.isfinite, digit.logits)):
        return Content.styled(NOT_FINITE, "$wrong")
    sign, style = "", "bold"
    if digit.label is not None:
        sign, style = ("✓ ", "bold $right") if digit.right else ("✗ ", "bold $wrong")
    text = sign + class_label(digit.predicted_name, LONGEST_NAME)
    sure = format_percent(max(digit.probabilities()))
    return Content.styled(text, style) + Content(f" {sure}")


def test_accuracy(
    off: tuple[Unit, ...], scored: UnitsScored | None, *, with_units: bool
) -> Content:
    """Return the test accuracy with or without the units; in place of the latter a key where it is
    not known."""
    if scored is None or scored.off != off or not scored.samples:
        return Content("") if with_units else key("e", "test accuracy", "focused.evaluate")
    correct = scored.correct if with_units else scored.correct_without
    text = f"test {correct / scored.samples:.2%}"
    if scored.done < 1:
        return Content(text) if with_units else Content(f"{text} of {scored.samples:,}")
    difference = scored.correct_without - scored.correct
    if with_units or not difference:
        return Content(text)
    return Content(f"{text}, {abs(difference):,} {'more' if difference > 0 else 'fewer'} correct")


def list_units(off: tuple[Unit, ...]) -> str:
    """Return the units by their layers."""
    ordered = sorted(off, key=lambda unit: unit.layer)
    return "; ".join(
        f"{printable(layer)} {', '.join(str(unit.number) for unit in units)}"
        for layer, units in groupby(ordered, lambda unit: unit.layer)
    )
