"""`mnist-tui runs show`."""

from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunName


def show_run(run: RunName, as_json: AsJson = False, checkpoints: CheckpointsDir = None) -> None:
    """Show a run's metrics, settings, checkpoints and losses."""
    from core.runs.resolve import resolve_run
    from tui.cli.output.run_report import print_run, read_run_files, show_row

    info, state = read_run_files(resolve_run(run, checkpoints_folder(checkpoints)))
    print_json(show_row(info, state)) if as_json else print_run(info, state)
