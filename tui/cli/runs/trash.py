"""`mnist-tui runs restore` and `mnist-tui runs trash`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir
from tui.text.console import complain
from tui.text.formats import format_age, format_size, printable

if TYPE_CHECKING:
    from core.runs.trash import Trashed


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
        print_json([trashed_row(each) for each in list_trash(folder)])
    else:
        _print_trash(folder, list_trash(folder))


def trashed_row(trashed: "Trashed") -> dict[str, Any]:
    """Return what `runs trash --json` and the delete commands print of one deletion."""
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
    use = disk_use(folder)
    complain(
        f"{_items(trashed)} in the trash of {folder}: {format_size(use.trash)}; "
        f"the runs take {format_size(use.runs)}"
    )


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
