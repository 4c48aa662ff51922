"""`mnist-tui doctor`: whether this machine trains, line by line."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from time import monotonic
from typing import Annotated

import typer

from core.doctor.check import OK, PROBLEM, WARNING, Check, is_sound
from core.events import Preparing
from tui.cli.console import AsJson, CheckpointsDir, DataDir, folder_of, print_json

SIGNS = {OK: "✓", WARNING: "!", PROBLEM: "✗"}
WIDEST = 100
# Sign, word and name stand in columns; what is said of each is wrapped beside them.
NAME_WIDTH = 14
INDENT = len("✓ warning  ") + NAME_WIDTH + 1


def doctor(
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="no GPU that trains is a problem")
    ] = False,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Check whether this machine trains.

    Looks at versions, devices, disk, data and terminal, then trains for a few seconds on each
    device and compares. What is wrong is told with what to do about it; the status is 0 where all
    is sound, and 1 where not.
    """
    from core.doctor.examine import examine

    folder, began = folder_of(checkpoints), monotonic()
    if data is not None:
        from core.config import parse
        from core.files import expand

        expand(parse("data", data))  # what cannot be meant is said before all else
    with closing(examine(data, folder, require_gpu=require_gpu)) as examined:
        try:
            found = list(_told(chain(_terminal(), examined), quiet=as_json))
        except BrokenPipeError:  # who was reading has gone, and has heard neither 0 nor 1
            return 141
    counts = {verdict: sum(each.verdict == verdict for each in found) for verdict in SIGNS}
    if as_json:
        summary = {
            "sound": is_sound(found),
            "problems": counts[PROBLEM],
            "warnings": counts[WARNING],
            "seconds": round(monotonic() - began, 1),
            "checks": [vars(each) for each in found],
        }
        print_json(summary)
    else:
        print(f"\n{verdict(counts[PROBLEM], counts[WARNING])}")
    return 0 if is_sound(found) else 1


def _terminal() -> Iterator[Check]:
    from tui.terminal.checks import judge_terminal, read_terminal

    return judge_terminal(read_terminal())


def verdict(problems: int, warnings: int) -> str:
    warned = f"{warnings} warning{'' if warnings == 1 else 's'}"
    if not problems:
        return "sound: it trains" + (f" ({warned})" if warnings else "")
    said = f"not sound: {problems} problem{'' if problems == 1 else 's'}"
    return said + (f", {warned}" if warnings else "")


def _told(examined: Iterable[Check | Preparing], *, quiet: bool) -> Iterator[Check]:
    """The checks, each printed as it comes."""
    group = ""
    with _waiting(shown=sys.stderr.isatty() and not quiet) as wait_for:
        for each in examined:
            if isinstance(each, Preparing):
                wait_for(each.message)
                continue
            wait_for("")
            if not quiet:
                if each.group != group:
                    print(f"{'' if not group else chr(10)}{each.group}")
                    group = each.group
                print("\n".join(lines(each, _width())), flush=True)
            yield each


@contextmanager
def _waiting(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """Gives what to call with what is waited for, or with nothing; it stands in a line that is
    taken back by blanks, as a terminal of any kind can show."""
    length = 0

    def wait_for(message: str) -> None:
        nonlocal length
        if not shown or not (message or length):
            return
        # The last column stays free: some terminals go to the next line once it is written to.
        said = f"  {message} ..."[: _width() - 1] if message else ""
        print(said.ljust(length), end="\r", file=sys.stderr, flush=True)
        length = len(said)

    try:
        yield wait_for
    finally:
        wait_for("")


def _width() -> int:
    return min(WIDEST, shutil.get_terminal_size().columns)


def lines(check: Check, width: int) -> list[str]:
    """The sign and its word, what it is about, what there is; below it what to do."""
    from tui.text.formats import printable

    head = f"{SIGNS[check.verdict]} {check.verdict:7}  {printable(check.name):{NAME_WIDTH}} "
    # In a window that is too narrow for columns it goes below.
    indent = INDENT if width >= 2 * INDENT else 4
    body = _wrapped(printable(check.what), width - indent)
    if len(head) <= indent:
        head += body.pop(0)
    advised = _wrapped(f"→ {printable(check.advice)}", width - indent) if check.advice else []
    marks = ["", *["  "] * len(advised)]
    advised = [mark + line for mark, line in zip(marks, advised, strict=False)]
    return [head.rstrip(), *(" " * indent + line for line in [*body, *advised])]


def _wrapped(text: str, width: int) -> list[str]:
    """Paths and options stay in one piece, so that they can be copied."""
    return textwrap.wrap(text, max(width - 2, 20), break_long_words=False, break_on_hyphens=False)
