"""Runs that have been: read back from their folders, to be looked at beside the live one."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import CheckpointError, explain
from core.events import Event, from_json
from core.headers import read_info
from core.runs import EVENTS, read_description
from core.saving import BEST, LAST
from tui.state import RunState, fold

# More than these and the live one cannot be told apart on a chart.
MOST_EARLIER = 4


def read_run(folder: Path) -> RunState:
    """The state that a run's record ends in; that of no run where there is no record. A line that
    is broken is passed over. Its paths are of the run's folder, whatever they were. Raises OSError.
    """
    state = RunState()
    try:
        file = (folder / EVENTS).open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return state
    with file:
        for line in file:
            event = from_json(line)
            if event and _plausible(event):
                # By somebody else's hand there may be anything in it.
                with suppress(TypeError, ValueError, AttributeError, ArithmeticError):
                    state = fold(state, event)
    return moved_to(folder, state)


def moved_to(folder: Path, state: RunState) -> RunState:
    """The run's state with the folder where it is now: it may have been renamed since it told."""
    path = state.checkpoint
    return replace(
        state,
        started=state.started and replace(state.started, run=folder.name, folder=str(folder)),
        checkpoint=str(folder / Path(path).name) if isinstance(path, str) else None,
    )


def _plausible(event: Event) -> bool:
    return isinstance(getattr(event, "step", 0), int) and isinstance(event.time, int | float)


@dataclass(frozen=True)
class Past:
    """One run of a listing. `accuracy` is its best, 0 to 1; `when` is when it last said something,
    unix seconds."""

    folder: Path
    name: str
    arch: str
    accuracy: float | None
    when: float


def list_runs(folder: Path) -> list[Past]:
    """The runs in a folder that have a record, newest first, by their run.json and the header of
    one checkpoint. Raises CheckpointError where the folder is there and cannot be read.
    """
    try:
        places = [Path(each.path) for each in os.scandir(folder) if each.name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({explain(error)})") from None
    found = []
    for place in places:
        with suppress(OSError):  # no run, or deleted meanwhile
            found.append(_past(place, (place / EVENTS).stat().st_mtime))
    return sorted(found, key=lambda past: past.when, reverse=True)


def _past(place: Path, when: float) -> Past:
    config = read_description(place).get("config")
    arch = config.get("arch") if isinstance(config, dict) else None
    accuracy = None
    for name in (BEST, LAST):
        with suppress(CheckpointError):
            accuracy = read_info(place / name).test_accuracy
            break
    return Past(place, place.name, str(arch or "–"), accuracy, when)


def place_of(state: RunState) -> str | None:
    """What tells one run from all others."""
    return os.path.abspath(state.started.folder) if state.started else None


def laid_under(
    earlier: tuple[RunState, ...], before: RunState, taken_up: Path | None
) -> tuple[RunState, ...]:
    """The earlier runs, and with them the one before, once another starts; but not the one that is
    taken up, since that is the live one again.
    """
    live = None if taken_up is None else os.path.abspath(taken_up)
    own = [before] if before.started and before.curves.losses.points else []
    rest = [each for each in earlier if place_of(each) != place_of(before)]
    runs = [lightened(each) for each in (*rest, *own) if place_of(each) != live]
    return tuple(runs[-MOST_EARLIER:])


def lightened(state: RunState) -> RunState:
    """Without what no chart shows: an evaluation of every digit takes 400 KB."""
    return replace(state, evaluations=(), labels=b"", digits=(), opened=None, devices=())
