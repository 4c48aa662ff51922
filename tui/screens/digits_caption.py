"""The caption of a view of digits: three lines that name the selection, the epoch and the page."""

from collections.abc import Sequence

from textual.content import Content

from core.events import Scored
from tui.analysis.digit_selection import DigitSelection, SelectionKind
from tui.preferences import Preferences
from tui.screens.captions import between, choices, key, line
from tui.state.run_state import RunState
from tui.text.formats import format_percent

ORDERS = {"index": "in the order of the test set", "random": "random sample"}


def kinds_line(offered: Sequence[SelectionKind], selection: DigitSelection) -> Content:
    kinds = choices([(kind, f"select('{kind}')") for kind in offered], selection.kind)
    sample, index = key("n", "new sample", "step('sample', 1)"), key("g", "go to", "go_to")
    return line(key("d", "", "step('kind', 1)") + " " + kinds, sample, index)


def options_line(
    selection: DigitSelection, classes: Sequence[int | None], preferences: Preferences
) -> Content:
    """Return the line of the class, the temperature and the style; `classes` may be selected."""
    which = Content(ORDERS.get(selection.kind, ""))
    if classes:
        named = [(_class_name(each), f"only_class({each})") for each in classes]
        less, more = key("−", "", "step('class', -1)"), key("+", "", "step('class', 1)")
        which = between(less, choices(named, _class_name(selection.actual)), more)
    lower = key("T", "", "app.set('temperature', -1)")
    higher = key("t", "", "app.set('temperature')")
    temperature = between(lower, Content(f"temperature {preferences.temperature:g}"), higher)
    return line(which, temperature, key("y", preferences.digit_style, "app.set('digit_style')"))


def epoch_text(state: RunState, earlier: Scored | None) -> str:
    """Return which predictions are shown: those of an earlier evaluation, or the present ones."""
    step = earlier.step if earlier else state.digits_step
    scores = [score for score in state.scores if score.step <= step]
    accuracy = f", test accuracy {format_percent(scores[-1].accuracy)}" if scores else ""
    if earlier:
        return f"after epoch {earlier.epoch}{accuracy}"
    return f"now, step {step:,}{accuracy}" if step >= 0 else "now"


def page_part(first: int, last: int, count: int, start: int) -> Content:
    """Return the part with the page's first and last digit, which are numbered from `start`."""
    if last <= first:
        return Content("")
    text = f"{first + start:,}–{last - 1 + start:,} of {count:,}"
    back, forth = key("←", "", "step('page', -1)"), key("→", "", "step('page', 1)")
    return between(back, Content(text), forth)


def _class_name(number: int | None) -> str:
    return "all" if number is None else str(number)
