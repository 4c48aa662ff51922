"""How a class is chosen by keys: by its own key, by typing its name, or by arrows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from tui.screens.quiz.chips import Chips
from tui.state.quiz import find_keys, find_names


@dataclass(frozen=True)
class TypedAnswer:
    """`text` is what was typed of a name, `cursor` the position of the marked class in `shown`."""

    names: tuple[str, ...]
    text: str = ""
    cursor: int | None = None

    @cached_property
    def keys(self) -> dict[str, int] | None:
        """The classes by their keys; None where their names have to be typed."""
        return find_keys(self.names)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The classes to choose from."""
        return find_names(self.names, self.text)

    @property
    def chosen(self) -> int | None:
        """The class that enter answers with."""
        return None if self.cursor is None else self.shown[self.cursor]

    def consumes(self, character: str | None) -> bool:
        """Return whether a key belongs to the answer. A space only does inside of a name, since it
        pauses training."""
        if not character or not character.isprintable():
            return False
        if character == " ":
            return bool(self.text)
        return character.isalnum() or any(character in name for name in self.names)

    def press(self, character: str) -> tuple[int | None, TypedAnswer]:
        """Return the class that a key answers with, and what is typed then. A key that fits no name
        changes nothing."""
        if self.keys is not None:
            return self.keys.get(character), self
        typed = replace(self, text=self.text + character, cursor=0)
        return None, typed if typed.shown else self

    def erased(self) -> TypedAnswer:
        text = self.text[:-1]
        return replace(self, text=text, cursor=0 if text else None)

    def moved(self, chips: Chips, rows: int, columns: int) -> TypedAnswer:
        """Return it with the mark moved over the classes as they are shown, at first to the
        first."""
        if self.cursor is None:
            return replace(self, cursor=0)
        return replace(self, cursor=chips.neighbour(self.cursor, rows, columns))
