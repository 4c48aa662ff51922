"""`mnist-tui runs rename`, `note`, `star`, `prune`, `delete`, `restore` and `trash`; and
`mnist-tui checkpoints delete`."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from core.errors import UsageError, UserError
from tui.cli.console import checkpoints_folder, find_run, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunName, RunNames
from tui.text.console import complain
from tui.text.formats import format_age, format_size, plural, printable

if TYPE_CHECKING:
    from core.runs.manage import Pruned
    from core.runs.trash import Trashed

T = TypeVar("T")

# Earlier versions had --yes for delete too, without effect: scripts that use it still work.
AcceptYes = Annotated[bool, typer.Option("--yes", "-y", hidden=True)]


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(help="new name", metavar="NAME")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Rename a run."""
    from core.runs import manage

    folder = find_run(run, checkpoints)
    complain(f"renamed {folder.name} to {manage.rename(folder, name).name}")


def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help='one line; "" removes the note', metavar="TEXT")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Add a note to a run, also while it is in progress."""
    from core.runs import manage

    folder = find_run(run, checkpoints)
    line = manage.set_note(folder, text)
    complain(f"note of {folder.name}: {line}" if line else f"removed the note of {folder.name}")


def star(
    run: RunName,
    off: Annotated[bool, typer.Option("--off", help="remove the star")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Mark a run with a star, also while it is in progress."""
    from core.runs import manage

    folder = find_run(run, checkpoints)
    manage.set_star(folder, not off)
    complain(f"{'removed the star of' if off else 'starred'} {folder.name}")


def prune(
    runs: Annotated[
        list[str] | None, typer.Argument(help="names of runs or their folders", metavar="RUN")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="all runs that are not in progress")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="print what would be moved; move nothing")
    ] = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Keep only the best and last checkpoints of runs.

    The checkpoints of epochs and steps are moved to the trash.
    """
    from core.runs import manage
    from core.runs.catalog import scan_runs

    if every == bool(runs):
        raise UsageError("name the runs to prune, or use --all")
    act = partial(manage.prune, dry_run=dry)
    if every:
        found = scan_runs(checkpoints_folder(checkpoints))
        folders = [each.folder for each in found if not each.is_live]
        pruned, has_failed = _for_each(folders, act)
    else:
        pruned, has_failed = _for_each(runs or [], lambda name: act(find_run(name, checkpoints)))
    if as_json:
        print_json([_row(each) for each in pruned])
    else:
        _print_pruned(pruned, dry, has_failed=has_failed)
    return 1 if has_failed else 0


def _for_each(names: Iterable[T], act: Callable[[T], Any]) -> tuple[list[Any], bool]:
    """Call `act` with each name; a UserError is reported and does not keep the others from it.

    Returns the results, and whether one failed.
    """
    done, failed = [], False
    for name in names:
        try:
            done.append(act(name))
        except UserError as error:
            complain(str(error))
            failed = True
    return done, failed


def _row(found: "Pruned | Trashed") -> dict[str, Any]:
    return {"run": found.run, "files": list(found.files), "bytes": found.bytes}


def _print_pruned(pruned: "list[Pruned]", dry: bool, *, has_failed: bool) -> None:
    for each in pruned:
        if each.files:
            files = plural(len(each.files), "file")
            print(f"{printable(each.run)}  {files}  {format_size(each.bytes)}")
    count = sum(len(each.files) for each in pruned)
    files, size = plural(count, "file"), format_size(sum(each.bytes for each in pruned))
    if not count and not has_failed:
        complain("nothing to prune: no run has more than its best and last checkpoints")
    elif dry:
        complain(f"{files} would be moved to the trash, {size}")
    else:
        complain(
            f"{files} moved to the trash. `mnist-tui runs restore RUN` restores them, "
            f"`mnist-tui runs trash --empty` frees {size}"
        )


def delete_runs(
    runs: RunNames,
    yes: AcceptYes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move runs, or races with their runs, to the trash.

    `mnist-tui runs restore` restores them.
    """
    from core.runs.resolve import resolve_run

    return _delete(runs, resolve_run, checkpoints_folder(checkpoints), as_json)


def delete_checkpoints(
    names: Annotated[
        list[str],
        typer.Argument(help="checkpoint files, or runs to delete", metavar="RUN_OR_CHECKPOINT"),
    ],
    yes: AcceptYes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move checkpoints or runs to the trash.

    `mnist-tui runs restore` restores them.
    """
    from core.runs.resolve import resolve_either

    return _delete(names, resolve_either, checkpoints_folder(checkpoints), as_json)


def _delete(
    names: list[str], resolve: Callable[[str, Path], Path], folder: Path, as_json: bool
) -> int:
    from core.race.manage import delete_race
    from core.race.record import find_race
    from core.runs.manage import delete

    def act(name: str) -> "list[Trashed]":
        race = find_race(name, folder)
        return delete_race(race) if race else [delete(resolve(name, folder))]

    deleted, has_failed = _for_each(names, act)
    if as_json:
        print_json([_trash_row(each) for moved in deleted for each in moved])
    for *runs, last in () if as_json else deleted:  # of a race it is the last
        is_default = _is_same(last.folder, checkpoints_folder(None))
        option = "" if is_default else f" --checkpoints {quote(str(last.folder))}"
        what = last.what + (f" and its {plural(len(runs), 'run')}" if runs else "")
        complain(
            f"moved {what} to the trash; to restore: "
            f"mnist-tui runs restore {quote(last.run)}{option}"
        )
    return 1 if has_failed else 0


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _trash_row(trashed: "Trashed") -> dict[str, Any]:
    return _row(trashed) | {"deleted_at": trashed.at, "path": str(trashed.place)}


def restore(
    name: Annotated[str, typer.Argument(help="name of the deleted run", metavar="RUN")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Restore what was last deleted or pruned of a run, or a race with its runs."""
    from core.race.manage import restore_race
    from core.runs import trash

    place = trash.restore_latest(name, checkpoints_folder(checkpoints))
    runs = restore_race(place)
    complain(f"restored {place}" + (f" and its {plural(len(runs), 'run')}" if runs else ""))


def show_trash(
    as_json: AsJson = False,
    empty: Annotated[bool, typer.Option("--empty", help="delete all of it permanently")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="do not ask before --empty deletes")
    ] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """List what can be restored, or empty the trash."""
    from core.runs.trash import list_trash

    folder = checkpoints_folder(checkpoints)
    if empty:
        _empty(folder, yes, as_json)
    elif as_json:
        print_json([_trash_row(each) for each in list_trash(folder)])
    else:
        _print_trash(folder, list_trash(folder))


def _print_trash(folder: Path, trashed: "list[Trashed]") -> None:
    from core.runs.manage import disk_use

    for each in trashed:
        ago = format_age(time.time() - each.at)
        print(f"{printable(each.what)}  {format_size(each.bytes)}  {ago}")
    runs, trash = map(format_size, disk_use(folder))
    items = plural(len(trashed), "item")
    complain(f"{items} in the trash of {folder}: {trash}; the runs take {runs}")


def _empty(folder: Path, yes: bool, as_json: bool) -> None:
    from core.runs.trash import empty_trash, list_trash

    trashed = list_trash(folder)
    if trashed and not yes:
        if not sys.stdin.isatty():
            raise UsageError("--empty deletes permanently: add --yes where there is no terminal")
        what = f"{plural(len(trashed), 'item')} in the trash of {printable(str(folder))}"
        if not typer.confirm(f"Permanently delete {what}?", err=True):
            raise typer.Exit(1)
    size = empty_trash(folder)
    print_json({"bytes": size}) if as_json else complain(f"freed {format_size(size)}")
