"""`mnist-tui runs prune`."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, for_each, print_json
from tui.cli.options import AsJson, CheckpointsDir
from tui.text.console import complain
from tui.text.formats import format_size, printable

if TYPE_CHECKING:
    from core.runs.manage import Pruned


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
    from core.runs.resolve import resolve_run

    if every == bool(runs):
        raise UsageError("name the runs to prune, or use --all")
    folder = checkpoints_folder(checkpoints)
    act = partial(manage.prune, dry_run=dry)
    if every:
        folders = [each.folder for each in scan_runs(folder) if not each.is_live]
        pruned, has_failed = for_each(folders, act)
    else:
        pruned, has_failed = for_each(runs or [], lambda name: act(resolve_run(name, folder)))
    if as_json:
        print_json([_row(each) for each in pruned])
    else:
        _print_pruned(pruned, dry, has_failed=has_failed)
    return 1 if has_failed else 0


def _row(pruned: "Pruned") -> dict[str, Any]:
    return {"run": pruned.run, "files": list(pruned.files), "bytes": pruned.bytes}


def _print_pruned(pruned: "list[Pruned]", dry: bool, *, has_failed: bool) -> None:
    for each in pruned:
        if each.files:
            print(f"{printable(each.run)}  {_files(len(each.files))}  {format_size(each.bytes)}")
    count, size = sum(len(each.files) for each in pruned), sum(each.bytes for each in pruned)
    if not count and not has_failed:
        complain("nothing to prune: no run has more than its best and last checkpoints")
    elif dry:
        complain(f"{_files(count)} would be moved to the trash, {format_size(size)}")
    else:
        complain(
            f"{_files(count)} moved to the trash. `mnist-tui runs restore RUN` restores them, "
            f"`mnist-tui runs trash --empty` frees {format_size(size)}"
        )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
