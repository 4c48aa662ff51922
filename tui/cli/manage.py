"""Commands that keep runs tidy: names, notes, stars, and a trash to bring things back from."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from core.errors import UsageError, UserError
from tui.cli.checkpoints import checkpoints_app
from tui.cli.console import AsJson, CheckpointsDir, folder_of, print_json
from tui.cli.runs import runs_app
from tui.text.console import complain
from tui.text.formats import format_age, format_size, printable

if TYPE_CHECKING:
    from core.runs.manage import Pruned
    from core.runs.trash import Trashed

RUN_HELP = "a run's name, or its folder"
OneRun = Annotated[str, typer.Argument(help=RUN_HELP, metavar="RUN")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="ask nothing")]


@runs_app.command()
def rename(
    run: OneRun,
    name: Annotated[str, typer.Argument(help="what it is to be called", metavar="NAME")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Give a run another name."""
    from core.runs import manage as tidying

    place = _run(run, checkpoints)
    complain(f"{place.name} is called {tidying.rename(place, name).name} now")


@runs_app.command()
def note(
    run: OneRun,
    text: Annotated[str, typer.Argument(help='one line; "" takes it away', metavar="TEXT")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Write a note to a run, even while it goes on."""
    from core.runs import manage as tidying

    place = _run(run, checkpoints)
    line = tidying.note(place, text)
    complain(f"{place.name}: {line}" if line else f"{place.name} has no note now")


@runs_app.command()
def star(
    run: OneRun,
    off: Annotated[bool, typer.Option("--off", help="take the star away")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Mark a run with a star, even while it goes on."""
    from core.runs import manage as tidying

    place = _run(run, checkpoints)
    tidying.star(place, not off)
    complain(f"{place.name} has {'no' if off else 'a'} star now")


@runs_app.command()
def prune(
    runs: Annotated[list[str] | None, typer.Argument(help=RUN_HELP, metavar="RUN")] = None,
    every: Annotated[bool, typer.Option("--all", help="all runs that are not going on")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="say what would go, move nothing")] = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Keep the best and last checkpoints alone.

    Those of epochs and steps are moved to the trash.
    """
    from core.runs import manage as tidying
    from core.runs.catalog import scan_runs

    if every == bool(runs):
        raise UsageError("say which runs, or --all")
    folder = folder_of(checkpoints)
    act = tidying.prunable if dry else tidying.prune
    if every:
        places = [each.folder for each in scan_runs(folder) if not each.is_live]
        pruned, failed = _each(places, act)
    else:
        pruned, failed = _each(runs or [], lambda name: act(_run(name, checkpoints)))
    if as_json:
        print_json([_pruned_row(each) for each in pruned])
    else:
        _print_pruned(pruned, dry, failed=failed)
    return 1 if failed else 0


def _pruned_row(pruned: Pruned) -> dict[str, Any]:
    return {"run": pruned.run, "files": list(pruned.files), "bytes": pruned.bytes}


def _print_pruned(pruned: list[Pruned], dry: bool, *, failed: bool) -> None:
    for each in pruned:
        if each.files:
            print(f"{printable(each.run)}  {_files(len(each.files))}  {format_size(each.bytes)}")
    count, size = sum(len(each.files) for each in pruned), sum(each.bytes for each in pruned)
    if not count and not failed:
        complain("there is nothing to prune: no run has more than its best and last")
    elif dry:
        complain(f"{_files(count)} for the trash; once emptied, that frees {format_size(size)}")
    else:
        complain(
            f"{_files(count)} moved to the trash; `mnist-tui runs restore RUN` brings back, "
            f"`mnist-tui runs trash --empty` frees {format_size(size)}"
        )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


@runs_app.command(name="delete")
def delete_runs(
    runs: Annotated[list[str], typer.Argument(help=RUN_HELP, metavar="RUN")],
    yes: Yes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move runs to the trash. Nothing is asked, since `runs restore` brings them back."""
    return _delete(runs, lambda name: _run(name, checkpoints), as_json)


@checkpoints_app.command(name="delete")
def delete_checkpoints(
    whats: Annotated[
        list[str],
        typer.Argument(
            help="a checkpoint file, or a run's name or folder for all of it",
            metavar="CHECKPOINT_OR_RUN",
        ),
    ],
    yes: Yes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move checkpoints or runs to the trash. Nothing is asked: `runs restore` brings them back."""
    from core.runs.resolve import resolve_either

    folder = folder_of(checkpoints)
    return _delete(whats, lambda name: resolve_either(name, folder), as_json)


def _delete(names: list[str], find: Callable[[str], Path], as_json: bool) -> int:
    from core.runs.manage import delete

    deleted, failed = _each(names, lambda name: delete(find(name)))
    if as_json:
        print_json([_trashed_row(each) for each in deleted])
        return 1 if failed else 0
    for each in deleted:
        elsewhere = not _is_same(each.folder, folder_of(None))
        option = f" --checkpoints {_quoted(str(each.folder))}" if elsewhere else ""
        complain(
            f"{each.what} is in the trash; to bring it back: "
            f"mnist-tui runs restore {_quoted(each.run)}{option}"
        )
    return 1 if failed else 0


@runs_app.command()
def restore(
    name: Annotated[str, typer.Argument(help="what the run was called", metavar="NAME")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Bring back what was last deleted or pruned of a run."""
    from core.runs import trash

    complain(f"{trash.restore_latest(name, folder_of(checkpoints))} is back")


@runs_app.command(name="trash")
def show_trash(
    as_json: AsJson = False,
    empty: Annotated[bool, typer.Option("--empty", help="delete it all for good")] = False,
    yes: Yes = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """List what can be brought back, or empty the trash."""
    from core.runs.trash import list_trash

    folder = folder_of(checkpoints)
    if empty:
        _empty(folder, yes, as_json)
    elif as_json:
        print_json([_trashed_row(each) for each in list_trash(folder)])
    else:
        _print_trash(folder, list_trash(folder))


def _print_trash(folder: Path, trashed: list[Trashed]) -> None:
    from core.runs.manage import disk_use

    for each in trashed:
        ago = format_age(time.time() - each.at)
        print(f"{printable(each.what)}  {format_size(each.bytes)}  {ago}")
    use = disk_use(folder)
    complain(
        f"{_things(trashed)} in the trash of {folder}: {format_size(use.trash)}, "
        f"beside {format_size(use.runs)} of runs"
    )


def _things(trashed: list[Trashed]) -> str:
    return "1 thing" if len(trashed) == 1 else f"{len(trashed)} things"


def _empty(folder: Path, yes: bool, as_json: bool) -> None:
    from core.runs.trash import empty_trash, list_trash

    trashed = list_trash(folder)
    if trashed and not yes:
        if not sys.stdin.isatty():
            raise UsageError("emptying the trash cannot be undone: add --yes, there is no terminal")
        what = f"{_things(trashed)} in the trash of {printable(str(folder))}"
        if not typer.confirm(f"Delete {what} for good?", err=True):
            raise typer.Exit(1)
    size = empty_trash(folder)
    print_json({"bytes": size}) if as_json else complain(f"{format_size(size)} freed")


def _trashed_row(trashed: Trashed) -> dict[str, Any]:
    return {
        "run": trashed.run,
        "files": list(trashed.files),
        "bytes": trashed.bytes,
        "deleted_at": trashed.at,
        "path": str(trashed.place),
    }


T = TypeVar("T")


def _each(names: Iterable[T], act: Callable[[T], Any]) -> tuple[list[Any], bool]:
    """What came of each, and whether one failed, which has been said then: the others are done."""
    done, failed = [], False
    for name in names:
        try:
            done.append(act(name))
        except UserError as error:
            complain(str(error))
            failed = True
    return done, failed


def _run(name: str, checkpoints: str | None) -> Path:
    from core.runs.resolve import resolve_run

    return resolve_run(name, folder_of(checkpoints))


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)
