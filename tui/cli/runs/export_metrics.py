"""`mnist-tui runs export-metrics`."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder
from tui.cli.options import CheckpointsDir, RunName


def export_metrics(
    run: RunName,
    target: Annotated[
        str | None,
        typer.Argument(
            help="CSV file, or folder for TensorBoard; - for stdout  "
            "[default: RUN.csv or RUN.tensorboard in the current directory]",
            metavar="TARGET",
            show_default=False,
        ),
    ] = None,
    format: Annotated[str, typer.Option(metavar="csv|tensorboard", help="output format")] = "csv",
    force: Annotated[bool, typer.Option("--force", help="replace TARGET if it exists")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Export a run's metrics as CSV or for TensorBoard."""
    from core.runs.resolve import resolve_run
    from tui.cli.output.metrics_export import FORMATS, export

    if format not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}")
    export(resolve_run(run, checkpoints_folder(checkpoints)), target, format, force=force)
