"""Tables as wide as the terminal, and of full width in a pipe."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from textwrap import wrap

from tui.text.formats import cell_width, fit_cells, printable, truncate

PIPE_WIDTH = 10_000  # columns where stdout is no terminal: nothing is cut
GAP = "  "
WRAPPED = ("network", "layers", "class_names")  # of the names of pairs


def output_width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    optional: Sequence[str] = (),
    wrap_last: bool = False,
) -> None:
    """Print rows of cells below the titles of their columns.

    A row with fewer cells ends in a message that runs on over the missing columns. Where the table
    is wider than the terminal, `wrap_last` puts the last cell on a line of its own; then columns
    in `optional` are left out, the first one first; then lines are cut.
    """
    table = [list(head), *([printable(cell) for cell in row] for row in rows)]
    width = output_width()
    full = [row for row in table if len(row) == len(head)]
    columns = [max(map(cell_width, cells)) for cells in zip(*full, strict=True)]
    kept = list(range(len(head)))

    def is_too_wide() -> bool:
        return sum(columns[column] for column in kept) + len(GAP) * (len(kept) - 1) > width

    has_last_below = wrap_last and is_too_wide()
    if has_last_below:
        kept.pop()
    for title in optional:
        if is_too_wide():
            kept.remove(list(head).index(title))
    lines = []
    for number, row in enumerate(table):
        *cells, last = row
        parts = [fit_cells(cells[n], columns[n]) for n in kept if n < len(cells)]
        if not (has_last_below and len(row) == len(head)):
            parts.append(last)
        lines.append(truncate(GAP.join(parts).rstrip(), width))
        if has_last_below and number and last and len(row) == len(head):
            lines.append(truncate(f"{GAP}{last}", width))
    print("\n".join(lines))


def print_pairs(pairs: Mapping[str, object], indent: str = "") -> None:
    """Print names and values, a pair a line or more; an underscore in a name is a space."""
    names = [indent + printable(name.replace("_", " ")) for name in pairs]
    column = max(map(len, names), default=0)
    width = max(output_width() - column - len(GAP), 20)
    for name, key, value in zip(names, pairs, pairs.values(), strict=True):
        text = printable(str(value))
        # Text of many parts is wrapped, and what may be copied, such as a path, is not.
        lines = (wrap(text, width) or [text]) if key in WRAPPED else [text]
        for at, line in enumerate(lines):
            print(f"{'' if at else name:{column}}{GAP}{line}")


def needs_ascii() -> bool:
    """Return whether stdout's encoding may have no characters beyond ASCII."""
    return not (sys.stdout.encoding or "").lower().startswith("utf")


def encodable(text: str) -> str:
    """Return the text with escapes for what stdout's encoding lacks, as in a file's name."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
