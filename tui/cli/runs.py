"""`mnist-tui runs`: what has been trained, one run after the other."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import (
    HELP,
    AsJson,
    CheckpointsDir,
    folder_of,
    print_json,
    refuse_options_before,
)
from tui.text.console import complain

runs_app = typer.Typer(rich_markup_mode=None, context_settings=HELP)

RUN_HELP = "a run's name, or its folder"
RunName = Annotated[str, typer.Argument(help=RUN_HELP, metavar="RUN")]
Sort = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="name, star, status, network, digits, device, accuracy, loss, epochs, checkpoints, "
        "size, age or note",
    ),
]
Arch = Annotated[str | None, typer.Option(metavar="NAME", help="only runs of this network")]
Filter = Annotated[
    str | None, typer.Option(metavar="TEXT", help="only runs with this in their words")
]


@runs_app.callback(invoke_without_command=True)
def runs_default(
    context: typer.Context,
    as_json: AsJson = False,
    sort: Sort = "age",
    arch: Arch = None,
    filter: Filter = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """What was trained: list, show, compare, keep tidy."""
    if context.invoked_subcommand:
        refuse_options_before(context, "runs " + context.invoked_subcommand)
    else:
        list_runs(as_json, sort, arch, filter, checkpoints)


@runs_app.command(name="list")
def list_runs(
    as_json: AsJson = False,
    sort: Sort = "age",
    arch: Arch = None,
    filter: Filter = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """List the runs, newest first.

    ● marks those that go on. Broken ones are among them, with what is wrong.
    """
    from core.runs.catalog import scan_runs
    from tui.cli.output.run_table import COLUMNS, in_order, print_rows, run_row, wanted

    if sort not in COLUMNS:
        raise UsageError(f"--sort must be one of {', '.join(COLUMNS)}, not {sort!r}")
    folder = folder_of(checkpoints)
    rows = [run_row(each) for each in scan_runs(folder)]
    shown = in_order(wanted(rows, arch, filter), sort)
    if as_json:
        print_json(shown)
    elif shown:
        print_rows(shown)
    elif rows:
        complain(f"none of the {len(rows)} runs in {folder} is such a one")
    else:
        complain(f"there are no runs in {folder}; `mnist-tui train` makes some")


@runs_app.command(name="show")
def show_run(run: RunName, as_json: AsJson = False, checkpoints: CheckpointsDir = None) -> None:
    """Show all that is known of a run, and draw its loss."""
    from core.runs.resolve import resolve_run
    from tui.cli.output.run_report import print_run, read_told, show_row

    told = read_told(resolve_run(run, folder_of(checkpoints)))
    print_json(show_row(told)) if as_json else print_run(told)


@runs_app.command(name="compare")
def compare_runs(
    runs: Annotated[list[str], typer.Argument(help=RUN_HELP, metavar="RUN RUN [RUN [RUN]]")],
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Compare two to four runs.

    Settings that differ, figures, accuracy per class, and their curves on one chart.
    """
    from core.runs.resolve import resolve_run
    from tui.analysis.run_comparison import MIN_COMPARED
    from tui.cli.output.run_report import compared_rows, print_compared, read_told
    from tui.state.app_state import MAX_COMPARED

    if not MIN_COMPARED <= len(runs) <= MAX_COMPARED:
        raise UsageError(f"two to four runs can be compared, not {len(runs)}")
    folder = folder_of(checkpoints)
    places = [resolve_run(each, folder) for each in runs]
    told = [read_told(each) for each in places]
    print_json(compared_rows(told)) if as_json else print_compared(told)


@runs_app.command(name="export-metrics")
def export_metrics(
    run: RunName,
    target: Annotated[
        str | None,
        typer.Argument(help="a file, or a folder for TensorBoard; - for stdout", metavar="TARGET"),
    ] = None,
    format: Annotated[str, typer.Option(metavar="csv|tensorboard", help="of what is written")] = (
        "csv"
    ),
    force: Annotated[bool, typer.Option("--force", help="replace what is there")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Write a run's figures as CSV or for TensorBoard.

    By default to RUN.csv, or to the folder RUN.tensorboard, in the current folder.
    """
    from core.runs.resolve import resolve_run
    from tui.cli.output.metrics_export import FORMATS, export

    if format not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}")
    export(resolve_run(run, folder_of(checkpoints)), target, format, force=force)
