"""`mnist-tui runs delete`, and what it shares with `mnist-tui checkpoints delete`."""

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder, for_each, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunNames
from tui.cli.runs.trash import trashed_row
from tui.text.console import complain

# Earlier versions had --yes here, to no effect: scripts that use it still work.
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

    folder = checkpoints_folder(checkpoints)
    return move_to_trash(runs, lambda name: resolve_run(name, folder), as_json)


def move_to_trash(names: list[str], resolve: Callable[[str], Path], as_json: bool) -> int:
    """Delete what each name means, and print how to restore it. Returns the exit status."""
    from core.runs.manage import delete

    deleted, has_failed = for_each(names, lambda name: delete(resolve(name)))
    if as_json:
        print_json([trashed_row(each) for each in deleted])
        return 1 if has_failed else 0
    for each in deleted:
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
