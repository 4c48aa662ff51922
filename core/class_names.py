"""The names of the classes that a network tells apart."""

from collections.abc import Sequence

DIGITS = tuple("0123456789")
MOST_CLASSES = 1000
LONGEST_NAME = 100


def find_names_problem(names: Sequence[object]) -> str | None:
    """Return why these cannot be the names of classes, or None; the text continues a sentence."""
    if not 2 <= len(names) <= MOST_CLASSES:
        return f"there must be 2 to {MOST_CLASSES:,} classes, not {len(names):,}"
    for name in names:
        if not isinstance(name, str) or not name:
            return "the name of a class is empty or no text"
        if len(name) > LONGEST_NAME:
            return f"the name of a class is longer than {LONGEST_NAME} characters"
    if len(set(names)) < len(names):
        return "two classes have the same name"
    return None
