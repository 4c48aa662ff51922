"""A key means one thing in the whole app: one table, which the README and the help have too."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import ModalScreen

import tui
from core.class_names import DIGITS
from tui.actions import ACTIONS, VIEW_KEYS, VIEWS
from tui.help import keys as keys_in_help

README = Path(__file__).parents[2] / "README.md"
# Keys whose names are not a single character, by their names in the table.
NAMED = {"escape": "esc", "delete": "del", "plus": "+", "slash": "/", "space": "space"}
NAMED["backspace"] = "backspace"
# What they do depends on what is in front: they move inside of it.
MOVING = {"up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab"}
# A dialog may also close by the key that opens it.
OPENED_BY = {"HelpDialog": {"?", "f1"}, "MessagesDialog": {"!"}, "VerifyDialog": {"V"}}
# A prompt for a label takes the digits for itself.
OPENED_BY["DigitLabelDialog"] = {*DIGITS}
ANSWERS = {"y", "n", "q", "enter"}  # to a question or a message, which they close


def below(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def bindings_of_widgets() -> list[tuple[type, Binding]]:
    """Return the bindings of all views, dialogs and widgets of the app, one for each key."""
    for module in walk_packages(tui.__path__, "tui."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    ours = [kind for kind in {*below(DOMNode)} if kind.__module__.startswith("tui.")]
    return [
        (kind, each)
        for kind in ours
        if kind.__name__ != "MnistApp"  # which has those of ACTIONS
        for binding in vars(kind).get("BINDINGS", [])
        for each in Binding.make_bindings([binding])
    ]


def shown(key: str) -> str:
    return key if key in MOVING else NAMED.get(key) or key_to_character(key) or key


def meanings() -> dict[str, set[str]]:
    """Return the labels that each key of the table has."""
    labels = {name: {*each.labels} for each in VIEW_KEYS for name in each.keys.split()}
    labels |= {key: labels[arrow] for key, arrow in (("j", "↓"), ("k", "↑"))}
    for each in ACTIONS:
        for name in filter(None, each.keys.split(",")):
            labels.setdefault(shown(name), set()).add(each.label)
    return labels


def test_no_key_is_in_the_table_twice():
    app_keys = {shown(name) for each in ACTIONS for name in each.keys.split(",")}
    table = [name for each in VIEW_KEYS for name in each.keys.split()]
    assert len(table) == len({*table})
    assert app_keys.isdisjoint(table)


def test_every_key_of_a_view_means_what_the_table_says():
    known, wrong = meanings(), []
    for kind, binding in bindings_of_widgets():
        name = shown(binding.key)
        if name.split("+")[-1] in MOVING:
            continue
        closing = ANSWERS | OPENED_BY.get(kind.__name__, set())
        closes = issubclass(kind, ModalScreen) and binding.action.startswith("dismiss")
        if closes and name in closing:
            continue
        if binding.description not in known.get(name, ()):
            wrong.append(f"{kind.__name__}: {name} is {binding.description!r}")
    assert wrong == []


def test_readme_and_help_have_every_key_of_the_table_and_no_other():
    named = {*meanings()} | {"tab", "ctrl+p"}
    section = README.read_text().partition("| key | action |")[2].partition("\n\n")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines()]
    of_readme = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    views = {str(number) for number in range(1, len(VIEWS) + 1)}
    # F1 is the other key of the help, which terminals may keep to themselves.
    assert of_readme - {"1", str(len(VIEWS))} == named - {"f1"}
    of_help = {name for each in keys_in_help() for name in each.split()}
    assert of_help == (named | views) - {"f1", "j", "k"}
