"""`mnist-tui runs delete`, `restore` and `trash`, and `mnist-tui checkpoints delete`."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, for_each, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunNames
from tui.text.console import complain
from tui.text.formats import format_age, format_size, printable

if TYPE_CHECKING:
    from core.runs.trash import Trashed

# Earlier versions had --yes for delete too, without effect: scripts that use it still work.
AcceptYes = Annotated[bool, typer.Option("--yes", "-y", hidden=True)]


def delete_runs(
    runs: RunNames,
    yes: AcceptYes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move runs to the trash.

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
    from core.runs.manage import delete

    deleted, has_failed = for_each(names, lambda name: delete(resolve(name, folder)))
    if as_json:
        print_json([_row(each) for each in deleted])
    for each in () if as_json else deleted:
        is_default = _is_same(each.folder, checkpoints_folder(None))
        option = "" if is_default else f" --checkpoints {quote(str(each.folder))}"
        complain(
            f"moved {each.what} to the trash; to restore: "
            f"mnist-tui runs restore {quote(each.run)}{option}"
        )
    return 1 if has_failed else 0


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def restore(
    name: Annotated[str, typer.Argument(help="name of the deleted run", metavar="RUN")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Restore what was last deleted or pruned of a run."""
    from core.runs import trash

    complain(f"restored {trash.restore_latest(name, checkpoints_folder(checkpoints))}")


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
        print_json([_row(each) for each in list_trash(folder)])
    else:
        _print_trash(folder, list_trash(folder))


def _row(trashed: "Trashed") -> dict[str, Any]:
    return {
        "run": trashed.run,
        "files": list(trashed.files),
        "bytes": trashed.bytes,
        "deleted_at": trashed.at,
        "path": str(trashed.place),
    }


def _print_trash(folder: Path, trashed: "list[Trashed]") -> None:
    from core.runs.manage import disk_use

    for each in trashed:
        ago = format_age(time.time() - each.at)
        print(f"{printable(each.what)}  {format_size(each.bytes)}  {ago}")
    runs, trash = map(format_size, disk_use(folder))
    complain(f"{_items(trashed)} in the trash of {folder}: {trash}; the runs take {runs}")


def _items(trashed: "list[Trashed]") -> str:
    return "1 item" if len(trashed) == 1 else f"{len(trashed)} items"


def _empty(folder: Path, yes: bool, as_json: bool) -> None:
    from core.runs.trash import empty_trash, list_trash

    trashed = list_trash(folder)
    if trashed and not yes:
        if not sys.stdin.isatty():
            raise UsageError("--empty deletes permanently: add --yes where there is no terminal")
        what = f"{_items(trashed)} in the trash of {printable(str(folder))}"
        if not typer.confirm(f"Permanently delete {what}?", err=True):
            raise typer.Exit(1)
    size = empty_trash(folder)
    print_json({"bytes": size}) if as_json else complain(f"freed {format_size(size)}")
