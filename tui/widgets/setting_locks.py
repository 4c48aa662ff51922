"""Settings that a mission locks in the form, and the marks of those that it leaves open."""

from __future__ import annotations

from collections.abc import Collection

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Label

from tui.text.settings import LABELS, MORE_LABELS, NAMES
from tui.widgets.line_input import NumberInput
from tui.widgets.select import CompactSelect, More

MARK = "▸ "


def why_locked(opened: Collection[str]) -> str:
    """Return why a setting cannot be changed, where a mission leaves these open."""
    if not opened:
        return "locked by the mission: train with these settings"
    names = ", ".join(NAMES[name].lower() for name in NAMES if name in opened)
    return f"locked by the mission: change only what {MARK}marks ({names})"


def lock_fields(form: Widget, opened: Collection[str] | None) -> None:
    """Lock the rows of the form but those of the settings `opened`, and mark these; None unlocks
    all."""
    state = f" · {MARK}can be changed" if opened else " · locked by the mission"
    form.border_title = "Setup" + ("" if opened is None else state)
    form.set_class(opened is not None, "-mission")
    if opened and not MORE_LABELS.keys().isdisjoint(opened):
        form.query_one(More).is_open = True  # which makes their fields
    for row in form.query(".field").results(Horizontal):
        _lock_row(row, opened)
    show_open_field(form)


def show_open_field(form: Widget) -> None:
    """Scroll to the first setting that is open, where the form is too long for the window."""
    for row in [*form.query(".-open")][:1]:
        form.call_after_refresh(form.scroll_to_widget, row, animate=False, force=True)


def focus_open_field(form: Widget) -> None:
    """Focus the first setting that is open, or the first one."""
    rows = [*form.query(".-open"), *form.query(".field")]
    rows[0].children[1].focus()


def _lock_row(row: Horizontal, opened: Collection[str] | None) -> None:
    field = next(each for each in row.children if isinstance(each, CompactSelect | NumberInput))
    name = field.id or ""
    is_open = opened is not None and name in opened
    field.is_locked = opened is not None and not is_open
    row.set_class(field.is_locked, "-locked")
    row.set_class(is_open, "-open")
    label, sign = LABELS.get(name, NAMES[name]), MARK if is_open else " " * len(MARK)
    row.query_one(Label).update(Content(label if opened is None else sign + label))
