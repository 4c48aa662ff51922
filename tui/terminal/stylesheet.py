"""A Textual stylesheet that matches the rules of alike widgets once.

Textual parses all style sheets twice more for each new view, and matches all rules again for each
widget and each of its component classes: half the time that a view takes to open.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import count
from typing import Any, cast
from weakref import WeakKeyDictionary

from textual.app import App
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widget import Widget

from tui.terminal.textual_private import cache_focus_within

MAX_NUMBERS = 50_000

# Of its identity as before, but without a call of Python for each rule and widget.
RuleSet.__hash__ = object.__hash__  # type: ignore[method-assign]


class KnownRules:
    """What a node's rules depend on, numbered, and the rules of those that were matched."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._next = count(1)
        self.rules: dict[int, RulesMap] = {}

    def number(self, thing: Hashable) -> int:
        number = self._numbers.get(thing)
        if number is None:
            if len(self._numbers) > MAX_NUMBERS:
                self._numbers.clear()
                self.rules.clear()
            number = self._numbers[thing] = next(self._next)
        return number


KNOWN = KnownRules()


class Lookup(dict[tuple[Any, ...], RulesMap]):
    """The cache that Textual's `apply` asks about one node: by its path, not by its parent."""

    def __init__(self, path: int) -> None:
        self._path = path
        self.was_asked = False  # else the rules depend on more than the path

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        self.was_asked = True
        return KNOWN.rules.get(self._path, default)

    def __setitem__(self, key: tuple[Any, ...], rules: RulesMap) -> None:
        KNOWN.rules[self._path] = rules


class CachingStylesheet(Stylesheet):
    """Finds rules by paths: types, ids, classes, states and rules of the nodes from the app on.

    Rules that depend on the order of widgets are matched each time.
    """

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        cache_focus_within(self)
        self._current = variables
        self._sheet: list[RuleSet] = []
        self._sheet_number = 0
        self._selected: dict[Hashable, int] = {}
        # The sheet and the path for which a node's rules were applied.
        self._applied: WeakKeyDictionary[DOMNode, tuple[int, int]] = WeakKeyDictionary()
        self._outer: tuple[DOMNode, int] | None = None  # whose component classes are being styled
        self._all_known = True

    def set_variables(self, variables: dict[str, str]) -> None:
        """Forget what was parsed, if a variable has changed."""
        if variables != self._current:
            self._current = variables
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is new."""
        self.parse()

    def apply(
        self,
        node: DOMNode,
        *,
        animate: bool = False,
        cache: dict[tuple[Any, ...], RulesMap] | None = None,
    ) -> None:
        """Apply the rules to a node and to its component classes, unless they are as before."""
        self._number_sheet()
        if self._outer and node.parent is self._outer[0]:
            lookup = Lookup(self._number(node, self._outer[1]))
            super().apply(node, animate=animate, cache=lookup)
            self._all_known &= lookup.was_asked
            return
        path = self._path(node, cast(dict[Any, Any], {} if cache is None else cache))
        if self._applied.get(node) == (self._sheet_number, path) and node.is_running:
            return
        lookup = Lookup(path)
        self._outer, self._all_known = (node, path), True
        try:
            super().apply(node, animate=animate, cache=lookup)
        finally:
            self._outer = None
        if lookup.was_asked and self._all_known:
            self._applied[node] = self._sheet_number, path
        else:
            self._applied.pop(node, None)

    def _number_sheet(self) -> None:
        rules = self.rules
        if rules is not self._sheet:
            self._sheet = rules
            self._sheet_number = KNOWN.number(tuple(rules))
            self._selected = {}

    def _path(self, node: DOMNode, seen: dict[Any, Any]) -> int:
        """Return the number of a node's path; `seen` has those of nodes that are styled with it."""
        number = seen.get(node)
        if number is None:
            parent = node.parent
            above = 0 if parent is None else self._path(parent, seen)
            number = seen[node] = self._number(node, above)
        return cast(int, number)

    def _number(self, node: DOMNode, above: int) -> int:
        state: Hashable = None
        if isinstance(node, Widget):
            state = (
                node.mouse_hover,
                node.has_focus,
                node.disabled,
                node.can_focus,
                node.has_focus_within,
            )
        elif isinstance(node, App):
            state = node.pseudo_classes
        kind = type(node), node.id, node.classes
        if kind not in self._selected:
            self._selected[kind] = self._number_rules(*kind)
        return KNOWN.number((kind, self._selected[kind], state, above))

    def _number_rules(self, kind: type[DOMNode], id: str | None, classes: frozenset[str]) -> int:
        """Return the number of the rules that can match such a node."""
        names = {"*", *(each.__name__ for each in kind.__mro__)}
        names |= {f"#{id}", *(f".{name}" for name in classes)}
        chosen = sorted(names & self.rules_map.keys())
        return KNOWN.number(tuple(rule for name in chosen for rule in self.rules_map[name]))
