"""`mnist-tui checkpoints delete`."""

from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder
from tui.cli.options import AsJson, CheckpointsDir
from tui.cli.runs.delete import AcceptYes, move_to_trash


def delete_checkpoints(
    names: Annotated[
        list[str],
        typer.Argument(
            help="checkpoint files, or runs to delete as a whole", metavar="RUN_OR_CHECKPOINT"
        ),
    ],
    yes: AcceptYes = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Move checkpoints or runs to the trash.

    `mnist-tui runs restore` restores them.
    """
    from core.runs.resolve import resolve_either

    folder = checkpoints_folder(checkpoints)
    return move_to_trash(names, lambda name: resolve_either(name, folder), as_json)
