"""The lines above the cards of the Digits view: what is selected, and of when the predictions are.

All names and signs of keys in them can be clicked.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.class_names import DIGITS, name_of
from core.events import Scored
from tui.analysis.digit_selection import DigitSelection, SelectionKind, why_unavailable
from tui.preferences import Preferences
from tui.screens.captions import between, choices, key, line
from tui.state.app_state import OpenedCheckpoint
from tui.state.run_state import RunState
from tui.state.summaries import NOT_STARTED, describe_untrained
from tui.text.formats import cell_width, class_label, format_percent, printable
from tui.widgets.cards.card_layout import CardLayout

NAMES: dict[SelectionKind, str] = {
    "index": "in order",
    "class": "one class",
    "random": "random",
    "uncertain": "unsure",
    "mistakes": "mistakes",
}
ABOUT: dict[SelectionKind, str] = {
    "index": "the test images, which the network is not trained on",
    "class": "the images of one class",
    "random": "a random sample of the test images",
    "uncertain": "the two most probable classes are closest",
    "mistakes": "the surest mistakes first",
}

LONGEST_CLASS = 12  # columns of a class's name among others
OF_A_CELL = "the surest predictions first"


def kinds_line(offered: Sequence[SelectionKind], kind: SelectionKind) -> Content:
    """Return the kinds of selection, with the present one marked."""
    named = [(NAMES[each], f"select('{each}')") for each in offered]
    return (
        key("f", "", "step('kind', 1)")
        + " "
        + choices(named, offered.index(kind) if kind in offered else None)
    )


def about_line(
    selection: DigitSelection,
    classes: Sequence[int | None],
    names: Sequence[str] = DIGITS,
    width: int = 1000,
) -> Content:
    """Return what is selected, with the classes that it can be narrowed to; None is all. Of many
    classes those around the selected one are shown, as many as `width` columns have space for."""
    kind = selection.kind
    is_cell = selection.actual is not None and selection.predicted is not None
    about = Content.styled(OF_A_CELL if is_cell else ABOUT[kind], "$quiet")
    if kind == "index":
        return line(about, key("#", "go to", "go_to"))
    if kind == "random":
        return line(about, key("f5", "another sample", "step('sample', 1)"))
    if not classes:
        return about
    place = classes.index(selection.actual) if selection.actual in classes else None
    space = width - about.cell_length - len("  ↑  ↓")
    strip = class_strip(classes, place, names, space, "only_class")
    up, down = key("↑", "", "step('class', -1)"), key("↓", "", "step('class', 1)")
    return line(about, between(up, strip, down))


def class_strip(
    classes: Sequence[int | None], place: int | None, names: Sequence[str], space: int, action: str
) -> Content:
    """Return the names of classes, that at `place` marked, each with a click action that takes its
    number; None is all. Those around the place are shown, as many as the space has columns for."""
    labels = [
        "all" if each is None else class_label(name_of(names, each), LONGEST_CLASS)
        for each in classes
    ]
    start, end = _around(place or 0, [cell_width(each) + 2 for each in labels], space)
    shown = [(labels[at], f"{action}({classes[at]})") for at in range(start, end)]
    strip = choices(shown, None if place is None else place - start)
    return Content("…" * (start > 0)) + strip + Content("…" * (end < len(labels)))


def _around(place: int, widths: Sequence[int], space: int) -> tuple[int, int]:
    """Return the first of the neighbours of a place that fit into that space, and the end."""
    if sum(widths) <= space:
        return 0, len(widths)
    start, end = place, place + 1
    used = widths[place] + 2  # and an … at each end
    while True:
        sides = [(start - 1, start - 1, end), (end, start, end + 1)]
        fitting = [
            each for each in sides if 0 <= each[0] < len(widths) and used + widths[each[0]] <= space
        ]
        if not fitting:
            return start, end
        # The shorter side first, so that the place stays in the middle.
        added, start, end = min(fitting, key=lambda each: max(place - each[1], each[2] - 1 - place))
        used += widths[added]


def temperature_part(preferences: Preferences) -> Content:
    """Return at which softmax temperature the bars are, between the keys that change it."""
    lower = key("T", "", "app.set('temperature', -1)")
    higher = key("t", "", "app.set('temperature')")
    return between(lower, Content(f"bars at temperature {preferences.temperature:g}"), higher)


def display_parts(preferences: Preferences, style: str, layout: CardLayout) -> tuple[Content, ...]:
    """Return how digits and bars are shown, the less important last."""
    most = f"{layout.most_bars} largest" if layout.most_bars else "all"
    shown = most if preferences.all_classes else "largest"
    return (
        key("E", "why", "app.open('why')"),
        key("a", f"{shown} bars", "app.set('all_classes')"),
        key("y", style, "app.set('digit_style')"),
    )


def describe_empty(
    state: RunState, opened: OpenedCheckpoint | None, selection: DigitSelection, dataset: str
) -> str | None:
    """Return why the selected images of a run cannot be shown; None where they can. `dataset` is
    that of the next run."""
    if state.has_not_started:
        return f"{NOT_STARTED} {printable(state.message)}"
    if state.started is None and not state.digits:
        if missing := describe_untrained(state, dataset):
            return missing
        when = "Training is starting" if state.is_active else "Press space to train"
        return f"{when}: images appear here"
    if state.phase == "failed" and not state.checkpoint:
        return "The run failed before its first checkpoint: there are no predictions"
    if opened and opened.error and opened.path == state.checkpoint and not state.is_active:
        return f"✗ {printable(opened.error)}"
    why = why_unavailable(selection, state.labels, state.evaluation)
    return f"{selection.kind}: {why}" if why else None


def epoch_line(state: RunState, earlier: Scored | None, *, can_step: bool) -> Content:
    """Return of when the predictions are, and how accurate the network was then."""
    step = earlier.step if earlier else state.digits_step
    if earlier:
        text = f"after epoch {earlier.epoch}"
    else:
        text = f"now, step {step:,}" if step > 0 else "before training" if step == 0 else "now"
    if scores := [score for score in state.scores if score.step <= step]:
        text += f", test accuracy {format_percent(scores[-1].accuracy)}"
    epoch = Content(text)
    if can_step:
        back, forth = key("[", "", "step('epoch', -1)"), key("]", "", "step('epoch', 1)")
        epoch = between(back, epoch, forth)
    return line(Content.styled("predictions", "$quiet"), epoch)


def page_part(first: int, capacity: int, count: int, *, start: int) -> Content:
    """Return which of `count` digits are shown, between the keys that turn pages.

    `start` is the number of the first of them.
    """
    last = min(first + capacity, count)
    if last <= first:
        return Content("")
    shown = f"{first + start:,}–{last - 1 + start:,}" if last > first + 1 else f"{first + start:,}"
    text = Content(f"{shown} of {count:,}")
    return between(key("←", "", "step('page', -1)"), text, key("→", "", "step('page', 1)"))


def with_right(left: Content, parts: Sequence[Content], width: int) -> Content:
    """Return a line whose end is as many of the parts as fit, the first of them most likely."""
    for count in range(len(parts), 0, -1):
        right = line(*parts[:count])
        free = width - left.cell_length - right.cell_length
        if free >= 2:
            return left + " " * free + right
    return left
