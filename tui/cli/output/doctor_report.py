"""What `doctor` prints: a line for each check, as soon as it is done."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.events import Preparing
from tui.text.formats import plural, printable

SIGNS = {OK: "✓", WARNING: "!", PROBLEM: "✗"}
WIDEST = 100
# Sign, verdict and name stand in columns; the text is wrapped beside them.
NAME_WIDTH = 14
INDENT = len("✓ warning  ") + NAME_WIDTH + 1


def summary(problems: int, warnings: int) -> str:
    """Return the last line."""
    warned = plural(warnings, "warning")
    if not problems:
        return "This machine can train" + (f" ({warned})." if warnings else ".")
    found = plural(problems, "problem") + (f" and {warned}" if warnings else "")
    return f"This machine has {found}: follow the advice above."


def print_checks(events: Iterable[Check | Preparing], *, is_quiet: bool) -> Iterator[Check]:
    """Print each check when it comes, unless quiet, and yield it.

    What is waited for is shown on a terminal, on stderr, until the next check comes.
    """
    group = ""
    with _waiting(is_shown=sys.stderr.isatty() and not is_quiet) as show_waiting:
        for event in events:
            if isinstance(event, Preparing):
                show_waiting(event.message)
                continue
            show_waiting("")
            if not is_quiet:
                if event.group != group:
                    print(f"{'' if not group else chr(10)}{event.group}")
                    group = event.group
                print("\n".join(lines(event, _width())), flush=True)
            yield event


@contextmanager
def _waiting(*, is_shown: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that shows a message in the last line, and for "" clears that line.

    It is cleared by blanks and a carriage return, since a terminal may know no escapes.
    """
    length = 0

    def show(message: str) -> None:
        nonlocal length
        if not is_shown or not (message or length):
            return
        # Some terminals go to the next line once their last column is written to.
        text = f"  {message} ..."[: _width() - 1] if message else ""
        print(text.ljust(length), end="\r", file=sys.stderr, flush=True)
        length = len(text)

    try:
        yield show
    finally:
        show("")


def _width() -> int:
    return min(WIDEST, shutil.get_terminal_size().columns)


def lines(check: Check, width: int) -> list[str]:
    """Return sign, verdict, name and finding, wrapped at `width` columns; below it the advice."""
    head = f"{SIGNS[check.verdict]} {check.verdict:7}  {printable(check.name):{NAME_WIDTH}} "
    # A narrow terminal has no room for columns: the text goes below the head.
    indent = INDENT if width >= 2 * INDENT else 4
    body = _wrap(printable(check.what), width - indent)
    if len(head) <= indent:
        head += body.pop(0)
    advice = _wrap(f"→ {printable(check.advice)}", width - indent) if check.advice else []
    marks = ["", *["  "] * len(advice)]
    advice = [mark + line for mark, line in zip(marks, advice, strict=False)]
    return [head.rstrip(), *(" " * indent + line for line in [*body, *advice])]


def _wrap(text: str, width: int) -> list[str]:
    """Wrap the text; paths and options stay in one piece, so that they can be copied."""
    return textwrap.wrap(text, max(width - 2, 20), break_long_words=False, break_on_hyphens=False)
