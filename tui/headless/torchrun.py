"""Several processes that torchrun has started: the first rank does the output, the others none."""

import os
import signal
import sys
from functools import cache
from typing import TYPE_CHECKING

from core.compute.import_guard import LoadError
from core.errors import UserError, exit_status, first_line
from core.files import redirect_to_devnull
from core.training.ranks import Place, launched
from tui.signals import ENDING, WARNING
from tui.text.console import one_line
from tui.text.formats import printable

if TYPE_CHECKING:
    from core.training.distributed import Ranks

# Commands that all ranks run together; the first rank alone runs any other.
COMMANDS = ("train", "resume")


def silence_other_ranks() -> None:
    """Redirect the output of all ranks but the first, which have the same command line."""
    try:
        place = launched()
    except UserError:  # the command reports it
        return
    if place is None:
        return
    # Without torch's own warnings, above all that another process has ended.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if place.rank:
        command = next(iter(sys.argv[1:]), "")
        if command and not command.startswith("-") and command not in COMMANDS:
            sys.exit(0)
        _original_stderr()
        redirect_to_devnull([1, 2])


@cache
def _original_stderr() -> int:
    """Return a copy of stderr as it is at the first call: a rank reports there why it ends."""
    return os.dup(2)


def is_follower() -> bool:
    """Return whether this process is another rank than the first. Raises UsageError."""
    place = launched()
    return place is not None and place.rank > 0


def join_ranks() -> "Ranks | None":
    """Wait for all processes of torchrun; None if there is only this one. Raises UserError.

    Meanwhile a signal ends this process at once: it has nothing to save.
    """
    place = launched()
    if place is None:
        return None
    # Python's own handler would wait for the other processes too.
    old = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from core.training.distributed import join  # loads torch

        return join(place)
    finally:
        signal.signal(signal.SIGINT, old)


def follow_first_rank() -> int:
    """Train as the first rank says, and return the exit status. Signals are ignored: the first rank
    handles them, saves, and ends all ranks."""
    place = launched()
    assert place
    ranks = None
    try:
        ranks = join_ranks()
        assert ranks
        for each in (*ENDING, *WARNING):
            signal.signal(each, signal.SIG_IGN)
        ranks.follow()
    except LoadError as error:
        _complain(place, str(error))
        return exit_status(error.reason)
    except UserError as error:
        from core.training.distributed import RankLost

        # All ranks notice that one is lost; one report is enough.
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
    text = f"mnist-tui: process {place.rank} of {place.world}: {printable(one_line(message))}\n"
    os.write(_original_stderr(), text.encode(errors="replace"))
