"""`mnist-tui runs compare`."""

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, RunNames


def compare_runs(
    runs: RunNames, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """Compare two to four runs.

    Prints their metrics, the settings that differ, the accuracy of each class, and their curves on
    one chart.
    """
    from core.runs.resolve import resolve_run
    from tui.analysis.run_comparison import MIN_COMPARED
    from tui.cli.output.run_comparison import comparison_row, print_comparison
    from tui.cli.output.run_report import read_run_files
    from tui.state.app_state import MAX_COMPARED

    if not MIN_COMPARED <= len(runs) <= MAX_COMPARED:
        raise UsageError(f"name two to four runs to compare, not {len(runs)}")
    folder = checkpoints_folder(checkpoints)
    folders = [resolve_run(each, folder) for each in runs]
    found = [read_run_files(each) for each in folders]
    print_json(comparison_row(found)) if as_json else print_comparison(found)
