"""`mnist-tui checkpoints`, `checkpoints list` and `checkpoints show`."""

from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder, print_json, refuse_options_before
from tui.cli.options import AsJson, CheckpointsDir, RunOrCheckpoint
from tui.text.console import complain


def list_checkpoints(
    context: typer.Context, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """List the checkpoints, newest first.

    Broken files are listed too, with what is wrong.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, "checkpoints " + context.invoked_subcommand)
        return
    from core.runs import catalog
    from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoints

    folder = checkpoints_folder(checkpoints)
    found = catalog.list_checkpoints(folder)
    if as_json:
        print_json([checkpoint_row(each) for each in found])
    elif found:
        print_checkpoints(found)
    else:
        complain(f"no checkpoints in {folder}; `mnist-tui train` saves some")


def show_checkpoint(
    checkpoint: RunOrCheckpoint,
    source: Annotated[
        bool,
        typer.Option("--source", help="print the Python file that the network was built from"),
    ] = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Show all fields of a checkpoint's header.

    Of a run, the best checkpoint is shown. `--source > mynet.py` writes the file as it was: read it
    before you name it with --arch, which runs it.
    """
    from core.checkpoints.header import read_info
    from core.runs.catalog import read_checkpoint_file
    from core.runs.resolve import resolve_checkpoint
    from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoint, print_source

    path = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    info = read_info(path)  # raises where the file is broken
    if source:
        print_source(path, info)
        return
    file = read_checkpoint_file(path, path.stat().st_size)
    print_json(checkpoint_row(file, is_full=True)) if as_json else print_checkpoint(file)
