"""Tables and charts for the command line, as wide as the terminal is."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len, set_cell_size

from tui.preferences import Preferences, takes_unicode
from tui.text.formats import printable, truncate

# Where nobody looks at it nothing is cut off.
NO_END = 10_000
GAP = "  "
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
# The terminal's colours for numbers of tui.charts.chart: axis, raw, smoothed, test, mark, a to d.
TERMINAL_COLOURS = dict(enumerate(("2", "36", "36;1", "33", "2", "35", "32", "33", "31"), 1))


def width_here() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else NO_END


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    less: Sequence[str] = (),
    below: bool = False,
) -> None:
    """Rows of cells under their titles. Where they are too wide, what is in the last column goes
    below its row, if it may; then the columns in `less` go, the first first; then lines are cut.
    """
    table = [list(head), *([printable(cell) for cell in row] for row in rows)]
    width = width_here()
    columns = [max(cell_len(row[column]) for row in table) for column in range(len(head))]
    kept = list(range(len(head)))

    def too_wide() -> bool:
        return sum(columns[column] for column in kept) + len(GAP) * (len(kept) - 1) > width

    under = below and too_wide()
    if under:
        kept.pop()
    for title in less:
        if too_wide():
            kept.remove(list(head).index(title))
    for number, row in enumerate(table):
        parts = [set_cell_size(row[column], columns[column]) for column in kept]
        print(truncate(GAP.join(parts).rstrip(), width))
        if under and number and row[-1]:
            print(truncate(f"{GAP}{row[-1]}", width))


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and what they are, one a line."""
    column = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print(f"{name:{column}}  {printable(value)}")


def colours_here() -> bool:
    """https://no-color.org"""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def chart_preferences(**chosen: object) -> Preferences:
    """Those that a chart on the command line is drawn with: in ASCII where its reader may have no
    more, as in a file."""
    plain = not (sys.stdout.isatty() and takes_unicode())
    return replace(Preferences(), ascii=plain, **chosen)  # type: ignore[arg-type]


def print_chart(text: str, preferences: Preferences) -> None:
    """What plotext has drawn, in the terminal's own colours or in none."""
    if preferences.ascii:
        from tui.text.ascii import to_ascii

        text = to_ascii(text)
    if colours_here():
        text = COLOUR.sub(lambda found: _coloured(found[1]), text)
    else:
        text = COLOUR.sub("", text)
    for line in text.removesuffix("\n").split("\n"):
        print(line.rstrip())


def _coloured(code: str) -> str:
    number = code.rpartition(";")[2]
    own = TERMINAL_COLOURS.get(int(number)) if code.startswith("38") else None
    return f"\x1b[{own or 0}m"
