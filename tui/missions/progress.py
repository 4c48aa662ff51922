"""How far the person is with each mission: a file with one line of JSON for each thing done.

Lines are only ever appended, each with one write, so that two programs lose nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from core.errors import explain, printable
from core.files import append_line, open_no_follow, read_lines
from core.user import data_folder
from tui.missions.mission import Mission
from tui.state.history import read_run
from tui.state.run_state import RunState
from tui.text.formats import plural

FILE = "missions.jsonl"
MOST_RUNS = 100  # of one attempt


@dataclass(frozen=True)
class MissionProgress:
    """How far the newest attempt at a mission is. `done` is when it was last done, in unix seconds.

    `choice` is the index of the choice that was predicted, `runs` the folders of its runs so far.
    """

    done: float | None = None
    begun: float | None = None
    choice: int | None = None
    runs: tuple[str, ...] = ()
    is_over: bool = False  # whether this attempt is done

    @property
    def can_continue(self) -> bool:
        """Whether the mission was left in the middle."""
        return self.begun is not None and not self.is_over


def begin(mission: Mission) -> str | None:
    """Note that a new attempt begins. Returns, as the others below, why that cannot be kept."""
    return _note(mission, "begun")


def note_prediction(mission: Mission, choice: int) -> str | None:
    return _note(mission, "predicted", choice=choice)


def note_run(mission: Mission, folder: str) -> str | None:
    """Note a run that was started in the mission, by its folder."""
    return _note(mission, "run", folder=str(Path(folder).absolute()))


def note_done(mission: Mission) -> str | None:
    return _note(mission, "done")


def progress_file() -> Path:
    return data_folder(FILE) / FILE


def _note(mission: Mission, what: str, **more: Any) -> str | None:
    path = progress_file()
    values = {"time": time.time(), "mission": mission.key, "what": what} | more
    try:
        append_line(path, json.dumps(values).encode())
    except OSError as error:
        where, why = printable(str(path.parent)), printable(explain(error))
        return f"The progress is not kept in {where}: {why}."
    return None


def read_progress() -> tuple[dict[str, MissionProgress], str | None]:
    """Return the progress by a mission's key, and what is wrong with the file; None where nothing
    is. Damaged lines are skipped, and stay in the file."""
    path = progress_file()
    where = printable(str(path))
    try:
        with open(path, "rb", opener=open_no_follow) as file:
            found, damaged = fold_lines(read_lines(file))
    except (FileNotFoundError, NotADirectoryError):
        return {}, None
    except OSError as error:
        return {}, f"The progress in {where} cannot be read: {printable(explain(error))}."
    if not damaged:
        return found, None
    return (
        found,
        f"{where} is damaged: {plural(damaged, 'line')} of it cannot be read, the others are used.",
    )


def fold_lines(lines: Iterable[bytes]) -> tuple[dict[str, MissionProgress], int]:
    """Return the progress by a mission's key, and the number of damaged lines."""
    found: dict[str, MissionProgress] = {}
    damaged = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            stored = json.loads(line)
            key = stored["mission"]
            found[str(key)] = _after(found.get(key, MissionProgress()), stored)
        except (ValueError, KeyError, TypeError, RecursionError):
            damaged += 1
    return found, damaged


def _after(progress: MissionProgress, stored: dict[str, Any]) -> MissionProgress:
    """Return the progress after a line. Raises ValueError, KeyError and TypeError."""
    at = stored["time"]
    if isinstance(at, bool) or not isinstance(at, int | float) or not isfinite(at):
        raise ValueError
    match stored["what"]:
        case "begun":
            return MissionProgress(done=progress.done, begun=at)
        case "predicted":
            choice = stored["choice"]
            if type(choice) is not int or not 0 <= choice < 100:
                raise ValueError
            return replace(progress, choice=choice)
        case "run":
            folder = stored["folder"]
            if not isinstance(folder, str) or "\0" in folder:
                raise ValueError
            runs = [each for each in progress.runs if each != folder]
            return replace(progress, runs=(*runs, folder)[-MOST_RUNS:])
        case "done":
            return replace(progress, done=at, is_over=True)
    return progress  # of a later version


def read_runs(progress: MissionProgress) -> tuple[RunState, ...]:
    """Return the states of the runs so far that still exist, the oldest first."""
    states = []
    for folder in progress.runs:
        try:
            state = read_run(Path(folder))
        except OSError:
            continue
        if state.started:
            states.append(state)
    return tuple(states)
