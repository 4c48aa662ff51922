"""race.json: what a race is, and the names of its runs, which stand beside its folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import abbreviate
from core.commands import RaceLane, RacePlan
from core.config import read_config
from core.errors import CheckpointError, UsageError, UserError, closest_match, printable, quoted
from core.events import RaceStarted
from core.files import open_no_follow, open_regular_file, replace_file
from core.locking import NoLocks, is_locked, lock
from core.race.plan import MOST_LANES, ORDERS
from core.runs.description import config_in, is_live, read_description
from core.runs.disk import explain_errors, explain_unwritable
from core.runs.layout import DESCRIPTION
from core.user import expand

RACE_FILE = "race.json"
LOCK_FILE = "race.lock"
PREFIX = "race-"
LARGEST = 2**20


@dataclass(frozen=True)
class RaceRecord:
    """A race on disk. `runs` are the names of each lane's runs, one for each seed, "" where there
    is none yet; their folders are beside the race's. `dropped` are lanes that were ended early."""

    folder: Path
    plan: RacePlan
    runs: tuple[tuple[str, ...], ...]
    dropped: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    def run_folder(self, lane: int, seed: int) -> Path | None:
        """Return the folder of a run, None where it has not begun."""
        name = self.runs[lane][seed]
        return self.folder.parent / name if name else None

    def with_run(self, lane: int, seed: int, name: str) -> RaceRecord:
        """Return the record with the name of a run that has begun."""
        runs = [[*each] for each in self.runs]
        runs[lane][seed] = name
        return replace(self, runs=tuple(map(tuple, runs)))


def create_race(plan: RacePlan, folder: Path) -> RaceRecord:
    """Make the folder of a new race in the folder for runs. Raises CheckpointError."""
    from core.runs.run_writer import claim_folder  # which commands that read need not wait for

    with explain_unwritable(folder):
        place = claim_folder(folder, PREFIX + time.strftime("%Y%m%d-%H%M%S"))
        record = RaceRecord(place, plan, tuple(("",) * plan.seeds for _ in plan.lanes))
        try:
            write_race(record)
        except OSError:
            with suppress(OSError):
                place.rmdir()
            raise
    return record


def write_race(record: RaceRecord) -> None:
    """Replace a race's race.json. Raises OSError."""
    plan = record.plan
    values = {
        "race": record.name,
        "changed": plan.changed,
        "by": plan.by,
        "seeds": plan.seeds,
        "goal": plan.goal,
        "lanes": [
            {"name": lane.name, "runs": runs, "config": asdict(lane.config)}
            for lane, runs in zip(plan.lanes, record.runs, strict=True)
        ],
        "dropped": record.dropped,
    }
    replace_file(record.folder / RACE_FILE, json.dumps(values, indent=2).encode() + b"\n")


def read_race(folder: Path) -> RaceRecord:
    """Read the race in a folder. Raises CheckpointError with what is wrong with its race.json, and
    UsageError where a person has to name the file of a network."""
    path = folder / RACE_FILE
    with open_regular_file(path) as file:
        text = file.read(LARGEST)
    try:
        values = json.loads(text)
        lanes = values["lanes"]
        plan = RacePlan(
            lanes=tuple(_read_lane(each, folder) for each in lanes),
            changed=tuple(abbreviate(str(each)) for each in values["changed"]),
            by=values["by"],
            seeds=values["seeds"],
            goal=values["goal"],
        )
        runs = tuple(tuple(each["runs"]) for each in lanes)
        record = RaceRecord(folder, plan, runs, tuple(values.get("dropped", ())))
        problem = _find_problem(record)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        problem = "it is damaged"
    except UsageError as error:
        raise UsageError(f"{printable(str(path))}: {error}") from None
    if problem:
        raise CheckpointError(f"{printable(str(path))} cannot be used: {problem}")
    return _with_renamed(record, str(values.get("race")))


def _with_renamed(record: RaceRecord, name: str) -> RaceRecord:
    """Return the record with the present names of runs that were renamed since: a run.json says of
    which race it is, and its config of which lane and seed."""
    parent, plan = record.folder.parent, record.plan
    missing = {
        (lane, seed): run
        for lane, runs in enumerate(record.runs)
        for seed, run in enumerate(runs)
        if run and not os.path.isdir(parent / run)
    }
    known = {run for runs in record.runs for run in runs}
    for place in sorted(parent.glob(f"*/{DESCRIPTION}")) if missing else ():
        found = read_description(place.parent)
        if found.get("race") != name or place.parent.name in known:
            continue
        for lane, seed in missing:
            config = plan.lanes[lane].config
            wanted = asdict(replace(config, seed=config.seed + seed))
            stored = config_in(found)
            if all(stored.get(each) == wanted.get(each) for each in ("seed", *plan.changed)):
                record = record.with_run(lane, seed, place.parent.name)
    return record


def _read_lane(values: dict[str, Any], folder: Path) -> RaceLane:
    # The folder may have been moved with its runs.
    config = read_config(values["config"] | {"checkpoints": str(folder.parent)})
    return RaceLane(abbreviate(str(values["name"])), config)


def _find_problem(record: RaceRecord) -> str | None:
    """Return what is wrong with a race that a person may have edited, or None."""
    plan = record.plan
    lanes, seeds, goal = len(plan.lanes), plan.seeds, plan.goal
    if not 2 <= lanes <= MOST_LANES:
        return f"it has {lanes} lanes, not 2 to {MOST_LANES}"
    if plan.by not in ORDERS:
        return f"its order is {printable(repr(plan.by))}, not one of {', '.join(ORDERS)}"
    if type(seeds) is not int or seeds < 1 or any(len(runs) != seeds for runs in record.runs):
        return "its seeds and its runs do not match"
    if goal is not None and not (isinstance(goal, int | float) and 0 < goal <= 1):
        return "its goal is not an accuracy from 0 to 1"
    names = [name for runs in record.runs for name in runs]
    if not all(map(_is_name, names)):
        return "a run in it is not named by a name alone"
    if any(name[:1] == "." for name in names):
        return "the name of a run in it is hidden"
    if not all(type(lane) is int and 0 <= lane < lanes for lane in record.dropped):
        return "it drops a lane that it does not have"
    return None


def _is_name(name: Any) -> bool:
    """Return whether a value can name a folder in another one; "" for none."""
    return isinstance(name, str) and os.path.basename(name) == name and name.isprintable()


def is_race(folder: Path) -> bool:
    """Return whether a folder is a race's."""
    return os.path.isfile(folder / RACE_FILE)


def find_race(text: str, folder: Path) -> Path | None:
    """Return the folder of the race that a text names, by its folder or by its name in `folder`;
    None where there is none. Raises UsageError as `expand` does."""
    return next(filter(is_race, (expand(text), folder / text)), None) if text else None


def resolve_race(text: str, folder: Path) -> Path:
    """Return the folder of a race as find_race does. Raises CheckpointError where there is none."""
    if found := find_race(text, folder):
        return found
    names = [place.parent.name for place in folder.glob(f"*/{RACE_FILE}")]
    near = closest_match(text, names)
    hint = f"; did you mean {printable(near)}?" if near else ""
    what = f"{printable(text)} is not a race, and {folder} has none of that name"
    raise CheckpointError(what + hint)


def find_race_with(run: Path) -> Path | None:
    """Return the folder of the newest race that has a run; None where there is none."""
    for place in sorted(run.parent.glob(f"{PREFIX}*/{RACE_FILE}"), reverse=True):
        with suppress(UserError, OSError):  # another race's file is damaged
            if any(run.name in names for names in read_race(place.parent).runs):
                return place.parent
    return None


def is_race_live(record: RaceRecord) -> bool:
    """Return whether a process runs the race; without locks, whether one trains a run of it."""
    try:
        return is_locked(record.folder / LOCK_FILE)
    except NoLocks:
        folders = [record.folder.parent / name for runs in record.runs for name in runs if name]
        return any(is_live(each, read_description(each)) for each in folders)


def find_race_of(runs: Sequence[Path]) -> Path | None:
    """Return the folder of the race in progress that all these runs belong to, None if there is
    none."""
    parents = {run.parent for run in runs}
    for parent in parents if len(parents) == 1 else ():
        for place in parent.glob(f"*/{RACE_FILE}"):
            with suppress(UserError):
                record = read_race(place.parent)
                names = {name for lane in record.runs for name in lane}
                if names.issuperset(run.name for run in runs) and is_race_live(record):
                    return place.parent
    return None


def race_started(record: RaceRecord) -> RaceStarted:
    """Return the first event of a race."""
    plan = record.plan
    return RaceStarted(
        race=record.name,
        folder=str(record.folder),
        lanes=tuple(lane.name for lane in plan.lanes),
        changed=plan.changed,
        by=plan.by,
        seeds=plan.seeds,
        goal=plan.goal,
        runs=record.runs,
        dropped=record.dropped,
    )


@contextmanager
def lock_race(folder: Path) -> Iterator[None]:
    """Keep other processes from running the race. Raises CheckpointError where one does.

    Without locks on the file system, those of its runs remain.
    """
    with ExitStack() as stack:
        with explain_errors(f"{folder} cannot be written"):
            file = stack.enter_context(open(folder / LOCK_FILE, "ab", opener=open_no_follow))
        try:
            is_free = lock(file)
        except NoLocks:
            is_free = True
        if not is_free:
            raise CheckpointError(
                f"another process runs the race {printable(folder.name)}: attach to it with "
                f"`mnist-tui attach {quoted(folder)}`, or stop it first"
            )
        yield
