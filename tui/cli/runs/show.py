"""`mnist-tui runs`, `runs list`, `show`, `compare` and `export-metrics`."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, find_run, print_json, refuse_options_before
from tui.cli.options import AsJson, CheckpointsDir, RunName, RunNames
from tui.text.console import complain

SORT_HELP = (
    "name, star, status, arch, dataset, device, accuracy, loss, epochs, checkpoints, size, age or "
    "note"
)
FILTER_HELP = "only runs with these words in name, settings or note"
TARGET_HELP = (
    "CSV file, or folder for TensorBoard; - for stdout  "
    "[default: RUN.csv or RUN.tensorboard in the current directory]"
)


def list_runs(
    context: typer.Context,
    as_json: AsJson = False,
    sort: Annotated[str, typer.Option(metavar="COLUMN", help=SORT_HELP)] = "age",
    arch: Annotated[
        str | None, typer.Option(metavar="NAME", help="only runs of this architecture")
    ] = None,
    filter: Annotated[str | None, typer.Option(metavar="TEXT", help=FILTER_HELP)] = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """List the runs, newest first.

    ● marks runs in progress, ★ starred runs. Broken runs are listed too, with what is wrong.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, "runs " + context.invoked_subcommand)
        return
    from core.runs.catalog import scan_runs
    from tui.cli.output import run_table as table

    sort = table.ALIASES.get(sort, sort)
    if sort not in table.COLUMNS:
        raise UsageError(f"--sort must be one of {', '.join(table.COLUMNS)}, not {sort!r}")
    folder = checkpoints_folder(checkpoints)
    rows = [table.run_row(each) for each in scan_runs(folder)]
    shown = table.sort_rows(table.filter_rows(rows, arch, filter), sort)
    if as_json:
        print_json(shown)
    elif shown:
        table.print_rows(shown)
    elif rows:
        complain(f"none of the {len(rows)} runs in {folder} match")
    else:
        complain(f"no runs in {folder}; `mnist-tui train` starts one")


def show_run(run: RunName, as_json: AsJson = False, checkpoints: CheckpointsDir = None) -> None:
    """Show a run's metrics, settings, checkpoints and losses.

    Of a race, the result.
    """
    from core.race.record import find_race, read_race

    if race := find_race(run, checkpoints_folder(checkpoints)):
        from tui.cli.race.table import print_record

        print_record(read_race(race), as_json=as_json)
        return
    from tui.cli.output.run_report import print_run, read_run_files, show_row

    info, state = read_run_files(find_run(run, checkpoints))
    print_json(show_row(info, state)) if as_json else print_run(info, state)


def compare_runs(
    runs: RunNames, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """Compare two to four runs.

    Prints their metrics, the settings that differ, the accuracy of each class, and their curves on
    one chart.
    """
    from tui.analysis.run_comparison import MIN_COMPARED
    from tui.cli.output.run_comparison import comparison_row, print_comparison
    from tui.cli.output.run_report import read_run_files
    from tui.state.app_state import MAX_COMPARED

    if not MIN_COMPARED <= len(runs) <= MAX_COMPARED:
        raise UsageError(f"name two to four runs to compare, not {len(runs)}")
    folders = [find_run(each, checkpoints) for each in runs]
    found = [read_run_files(each) for each in folders]
    print_json(comparison_row(found)) if as_json else print_comparison(found)


def export_metrics(
    run: RunName,
    target: Annotated[
        str | None, typer.Argument(help=TARGET_HELP, metavar="TARGET", show_default=False)
    ] = None,
    format: Annotated[str, typer.Option(metavar="csv|tensorboard", help="output format")] = "csv",
    force: Annotated[bool, typer.Option("--force", help="replace TARGET if it exists")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Export a run's metrics as CSV or for TensorBoard."""
    from tui.cli.output.metrics_export import FORMATS, export

    if format not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}")
    export(find_run(run, checkpoints), target, format, force=force)
