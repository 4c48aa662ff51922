"""The names of the classes that a network distinguishes."""

from collections.abc import Iterable, Sequence

DIGITS = tuple("0123456789")
MOST_CLASSES = 1000
LONGEST_NAME = 100
# Labels of more classes than this have two bytes each.
BYTE_CLASSES = 256
SHOWN = 20  # characters of a name that is too long
NAMED = 3  # classes that a message names


def find_names_problem(names: Sequence[object]) -> str | None:
    """Return why these cannot be the names of classes, or None; the text continues a sentence."""
    if not 2 <= len(names) <= MOST_CLASSES:
        return f"there must be 2 to {MOST_CLASSES:,} classes, not {len(names):,}"
    for name in names:
        if not isinstance(name, str) or not name:
            return "the name of a class is empty or not text"
        if len(name) > LONGEST_NAME:
            start = repr(name[:SHOWN])
            return f"the name of a class, {start}…, is longer than {LONGEST_NAME} characters"
    if len(set(names)) < len(names):
        return "two classes have the same name"
    return None


def name_of(names: Sequence[str], number: int) -> str:
    """Return the name of a class, its number where it has none."""
    return names[number] if 0 <= number < len(names) else str(number)


def describe_difference(names: Sequence[str], others: Sequence[str]) -> tuple[str, str]:
    """Return how two lists of class names differ: of each the first three names, or three from the
    first difference on; and the number of classes where it differs."""
    pairs = list(zip(names, others, strict=False))
    same = next((place for place, (one, other) in enumerate(pairs) if one != other), len(pairs))
    start = same if same >= NAMED else 0
    counts = len(names) != len(others)
    return _describe(names, start, counts=counts), _describe(others, start, counts=counts)


def _describe(names: Sequence[str], start: int, *, counts: bool) -> str:
    shown = list(names[start : start + NAMED])
    listed = ["…"] * bool(start) + shown + ["…"] * (start + len(shown) < len(names))
    return ", ".join(listed) + (f" ({len(names):,} classes)" if counts else "")


def pack_labels(labels: Iterable[int], classes: int) -> bytes:
    """Return labels as bytes: one each, of more than 256 classes two in native byte order."""
    if classes <= BYTE_CLASSES:
        return bytes(labels)
    from array import array

    return array("H", labels).tobytes()


def unpack_labels(packed: bytes, classes: int) -> Sequence[int]:
    """Return what `pack_labels` was given; of a damaged message fewer."""
    if classes <= BYTE_CLASSES:
        return packed
    return memoryview(packed[: len(packed) // 2 * 2]).cast("H")
