"""The program as one of several processes that torchrun has started: the first of them is the one
that a person sees, and the others are silent."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from core.errors import UserError, exit_status, first_line
from core.files import redirect_to_devnull
from core.training.distributed import RankLost, join
from core.training.ranks import Place, launched
from tui.signals import ENDING, WARNING

if TYPE_CHECKING:
    from core.training.distributed import Ranks

# Those that the processes carry out together; anything else is the first one's alone.
TOGETHER = ("train", "resume")


def stay_silent() -> None:
    """For all ranks but the first, whose command line is the same and is answered by it: what this
    one would say of it goes nowhere."""
    try:
        place = launched()
    except UserError:  # which the command says
        return
    if place is None:
        return
    # torch's own warnings, above all that another process has gone.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if place.rank:
        command = next(iter(sys.argv[1:]), "")
        if command and not command.startswith("-") and command not in TOGETHER:
            sys.exit(0)
        _keep_from_saying()


def _keep_from_saying() -> None:
    _own_stderr()
    redirect_to_devnull([1, 2])


@cache
def _own_stderr() -> int:
    """What stderr was when this was first asked: where a rank says why it ends."""
    return os.dup(2)


def follows() -> bool:
    """Whether this process does what another one says. Raises UsageError."""
    place = launched()
    return place is not None and place.rank > 0


def joined() -> "Ranks | None":
    """All processes, once they are there; None where this is one alone. Raises UserError.

    Until then a signal ends this one at once: it has nothing to save.
    """
    place = launched()
    if place is None:
        return None
    with _ended_by_signals():
        return join(place)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    # Python's own handler would wait for the others too.
    old = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def follow() -> int:
    """Trains as the first process says, and returns the exit status. Signals are for that one,
    which saves and then lets all go."""
    place = launched()
    assert place
    ranks = None
    try:
        ranks = joined()
        assert ranks
        for each in (*ENDING, *WARNING):
            signal.signal(each, signal.SIG_IGN)
        ranks.follow()
    except UserError as error:
        # Each of them sees that one is lost, be it the first, and one is enough to say so.
        if not isinstance(error, RankLost) or place.rank == 1:
            _complain(place, str(error))
        return exit_status(error.reason)
    except Exception as error:
        _complain(place, f"{type(error).__name__}: {first_line(error)}")
        return 1
    finally:
        if ranks:
            ranks.leave()
    return 0


def _complain(place: Place, message: str) -> None:
    from tui.text.console import one_line
    from tui.text.formats import printable

    said = f"mnist-tui: process {place.rank} of {place.world}: {printable(one_line(message))}\n"
    os.write(_own_stderr(), said.encode(errors="replace"))
