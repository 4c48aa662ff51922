"""`mnist-tui checkpoints`: what has been saved, one file after the other."""

import typer

from tui.cli.console import (
    HELP,
    AsJson,
    Checkpoint,
    CheckpointsDir,
    find_checkpoint,
    folder_of,
    print_json,
    refuse_options_before,
)
from tui.text.console import complain

checkpoints_app = typer.Typer(rich_markup_mode=None, context_settings=HELP)


@checkpoints_app.callback(invoke_without_command=True)
def checkpoints_default(
    context: typer.Context, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """What was saved: list it, look at it, carry it."""
    if context.invoked_subcommand:
        refuse_options_before(context, "checkpoints " + context.invoked_subcommand)
    else:
        list_checkpoints(as_json, checkpoints)


@checkpoints_app.command(name="list")
def list_checkpoints(as_json: AsJson = False, checkpoints: CheckpointsDir = None) -> None:
    """List the checkpoints, newest first.

    Broken files are among them, with what is wrong.
    """
    from core.runs import catalog as listing
    from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoints

    folder = folder_of(checkpoints)
    listed = listing.list_checkpoints(folder)
    if as_json:
        print_json([checkpoint_row(each) for each in listed])
    elif listed:
        print_checkpoints(listed)
    else:
        complain(f"there are no checkpoints in {folder}; `mnist-tui train` makes some")


@checkpoints_app.command(name="show")
def show_checkpoint(
    checkpoint: Checkpoint, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """Show all that a checkpoint says of itself."""
    from core.checkpoints.header import read_info
    from core.runs.catalog import read_checkpoint_file
    from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoint

    path = find_checkpoint(checkpoint, checkpoints)
    read_info(path)
    listed = read_checkpoint_file(path, path.stat().st_size)
    print_json(checkpoint_row(listed, whole=True)) if as_json else print_checkpoint(listed)
