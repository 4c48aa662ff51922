"""The fields of the form of settings: one row each."""

from collections.abc import Callable
from typing import Any

from textual.containers import Horizontal
from textual.content import Content
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Label, Static

from core.config import FIELDS
from tui.text.formats import shorten_folder
from tui.text.settings import LABELS, MORE_LABELS, NAMES, NOTED, form_help, format_value
from tui.widgets.line_input import DECIMAL, WHOLE, NumberInput
from tui.widgets.network_select import NetworkSelect
from tui.widgets.select import CompactSelect, Describe
from tui.widgets.setting_locks import why_locked

FIND_WIDTH = 5  # columns of the door to the learning rate finder


class RateInput(NumberInput):
    KEYS = "ctrl+f find a rate"


def make_field(
    name: str,
    value: Any,
    choices: Callable[[str], list[str]],
    describe: Describe,
    classes: Callable[[], int],
) -> CompactSelect | NumberInput:
    """Return the widget for a setting. `classes` counts those of the dataset that is selected."""
    field, title = FIELDS[name], NAMES[name]
    if name == "arch":
        return NetworkSelect(value, classes, title=title, id=name)
    if field.metadata["choices"] or name == "device":
        return CompactSelect(choices(name), value, title=title, describe=describe, id=name)
    pattern = WHOLE if isinstance(field.default, int) else DECIMAL
    kind = RateInput if name == "learning_rate" else NumberInput
    return kind(format_value(value), restrict=pattern, compact=True, id=name)


def field_row(name: str, widget: CompactSelect | NumberInput) -> Horizontal:
    """Return the row of a field: its label, the field, and what stands beside it."""
    parts: list[Widget] = [Label(LABELS.get(name, NAMES[name])), widget]
    if name in NOTED:
        parts.append(Static(classes="note", id=f"{name}-note"))
    if name == "learning_rate":
        opens = Style.from_meta({"@click": "app.open('find_rate')"})
        parts.append(Static(Content.styled("find", "underline").stylize(opens), id="find-rate"))
    kinds = {"more": name in MORE_LABELS, "choice": isinstance(widget, CompactSelect)}
    row = Horizontal(*parts, classes="field")
    return row.add_class(*(kind for kind, applies in kinds.items() if applies))


def keys_of(field: Widget) -> str:
    """Return what can be done in a field; nothing where a mission locks it."""
    if getattr(field, "is_locked", False):
        return ""
    return f"{getattr(field, 'KEYS', 'type')} · "


def explain_field(field: CompactSelect | NumberInput, opened: frozenset[str] | None) -> str:
    """Return what a setting is for; of one that a mission locks, why, where it leaves `opened`."""
    if field.is_locked:
        return why_locked(opened or ())
    text = form_help(field.id or "")
    if isinstance(field, CompactSelect) and field.value != "auto":  # which the text explains
        chosen = field.describe(field.value)
        return f"{text}. {shorten_folder(field.name_shown)}: {chosen}" if chosen else text
    return text
