"""`mnist-tui checkpoints verify`: whether files are what was saved, and training what it was."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from core.errors import CheckpointError, UsageError
from tui.cli_checkpoints import checkpoints_app
from tui.drawing import printable
from tui.shell import (
    AsJson,
    CheckpointsDir,
    DataDir,
    complain,
    find_checkpoint,
    folder_of,
    one_line,
    print_json,
)
from tui.verdicts import replay_lines, sign, summary, verdict

if TYPE_CHECKING:
    from core.replaying import Replayed
    from core.verifying import Verified

Named = Annotated[
    list[str] | None,
    typer.Argument(
        help="checkpoint files, runs' folders or runs' names; all where none is named",
        metavar="CHECKPOINT_OR_RUN",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option("--replay", metavar="N", help="train N steps again from it, and compare"),
]


MOST_STEPS = 10_000_000


@checkpoints_app.command(name="verify")
def verify_checkpoints(
    named: Named = None,
    steps: Steps = None,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Check that checkpoints are what was saved, to the bit; or that training from one is."""
    if steps is not None:
        return _replay(named or [], steps, as_json, data, checkpoints)
    from core.verifying import verify_all

    folder = folder_of(checkpoints)
    paths = [path for each in named for path in _paths(each, folder)] if named else _all(folder)
    if not paths and not as_json:
        complain(f"there are no checkpoints in {folder}; `mnist-tui train` makes some")
    with _telling("verifying", len(paths)) as tell:
        found = list(_kept(verify_all(paths), paths if named else [], tell))
    if as_json:
        print_json([_row(each) for each in found])
    elif found:
        _print_verified(found)
    return 0 if all(each.ok for each in found) else 1


def _all(folder: Path) -> list[Path]:
    from core.listing import scan_runs

    return [each.path for run in scan_runs(folder) for each in run.checkpoints]


def _paths(name: str, folder: Path) -> list[Path]:
    """A file, or a run's checkpoints. Raises CheckpointError."""
    from core.checkpoints import find
    from core.files import expand
    from core.listing import list_run

    if not name:
        raise UsageError("CHECKPOINT_OR_RUN must not be empty")
    for place in (expand(name), folder / name):
        if place.is_dir():
            if listed := list_run(place):
                return [each.path for each in listed]
            raise CheckpointError(f"{place} has no checkpoint in it")
    return [find(name, folder)]


class Tell(Protocol):
    def __call__(self, done: int, total: int, what: str = "") -> None: ...


@contextmanager
def _telling(what: str, total: int) -> Iterator[Tell]:
    """Shows on a terminal how far it is."""
    if not sys.stderr.isatty():
        yield lambda done, total, what="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), expand=True, transient=True) as progress:
        bar = progress.add_task(what, total=total or None)

        def tell(done: int, total: int, what: str = what) -> None:
            progress.update(bar, completed=done, total=total or None, description=what)

        yield tell


def _kept(found: Iterable["Verified"], named: list[Path], tell: Tell) -> Iterator["Verified"]:
    """Those that are there: what a run that goes on has deleted since it was listed is not
    damaged."""
    from os.path import lexists

    for done, each in enumerate(found, 1):
        tell(done, 0)
        if each.ok or each.path in named or lexists(each.path):
            yield each


def _row(verified: "Verified") -> dict[str, Any]:
    return {
        "path": str(verified.path),
        "ok": verified.ok,
        "error": verified.fault,
        "note": verified.note or None,
        "bytes": verified.bytes,
    }


def _print_verified(found: list["Verified"]) -> None:
    names = [printable(f"{each.path.parent.name}/{each.path.name}") for each in found]
    width = max(map(len, names))
    for name, each in zip(names, found, strict=True):
        print(f"{sign(each)} {name:{width}}  {printable(one_line(verdict(each)))}")
    print(summary(found))


def _replay(
    named: list[str], steps: int, as_json: bool, data: str | None, checkpoints: str | None
) -> int:
    if len(named) != 1:
        raise UsageError("--replay needs one checkpoint to train again from")
    if not 1 <= steps <= MOST_STEPS:
        raise UsageError(f"--replay must be a whole number, 1 to {MOST_STEPS:,}, not {steps}")
    path = find_checkpoint(named[0], checkpoints)
    from core.events import Notice, Preparing
    from core.replaying import Replayed, replay

    with _telling("reading", 0) as tell:
        for each in replay(path, steps, data):
            if isinstance(each, Preparing):
                tell(each.done, each.total, each.message)
            elif isinstance(each, Notice):
                complain(each.message)
    assert isinstance(each, Replayed)
    if as_json:
        print_json(_replay_row(each))
    else:
        for line in replay_lines(each):
            print(printable(line))
    return 1 if each.difference else 0


def _replay_row(replayed: "Replayed") -> dict[str, Any]:
    difference = replayed.difference
    return {
        "path": str(replayed.path),
        "identical": difference is None,
        "step": replayed.step,
        "steps": replayed.steps,
        "compared": {
            "stretches": replayed.stretches,
            "scores": replayed.scores,
            "checkpoints": replayed.checkpoints,
            "twice": replayed.twice,
        },
        "difference": None if difference is None else asdict(difference),
        "notes": replayed.notes,
        "causes": replayed.causes,
    }
