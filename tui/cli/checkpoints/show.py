"""`mnist-tui checkpoints show`."""

from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunOrCheckpoint


def show_checkpoint(
    checkpoint: RunOrCheckpoint, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """Show all fields of a checkpoint's header.

    Of a run, the best checkpoint is shown.
    """
    from core.checkpoints.header import read_info
    from core.runs.catalog import read_checkpoint_file
    from core.runs.resolve import resolve_checkpoint
    from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoint

    path = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    read_info(path)  # raises where the file is broken
    file = read_checkpoint_file(path, path.stat().st_size)
    print_json(checkpoint_row(file, is_full=True)) if as_json else print_checkpoint(file)
