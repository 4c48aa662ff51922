"""`mnist-tui runs` and `mnist-tui runs list`."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json, refuse_options_before
from tui.cli.options import AsJson, CheckpointsDir
from tui.text.console import complain

Sort = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="name, star, status, arch, dataset, device, accuracy, loss, epochs, checkpoints, "
        "size, age or note",
    ),
]
Arch = Annotated[str | None, typer.Option(metavar="NAME", help="only runs of this architecture")]
Filter = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="only runs with these words in name, settings or note"),
]


def list_runs(
    context: typer.Context,
    as_json: AsJson = False,
    sort: Sort = "age",
    arch: Arch = None,
    filter: Filter = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """List the runs, newest first.

    ● marks runs in progress, ★ starred runs. Broken runs are listed too, with what is wrong.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, "runs " + context.invoked_subcommand)
        return
    from core.runs.catalog import scan_runs
    from tui.cli.output.run_table import (
        ALIASES,
        COLUMNS,
        filter_rows,
        print_rows,
        run_row,
        sort_rows,
    )

    sort = ALIASES.get(sort, sort)
    if sort not in COLUMNS:
        raise UsageError(f"--sort must be one of {', '.join(COLUMNS)}, not {sort!r}")
    folder = checkpoints_folder(checkpoints)
    rows = [run_row(each) for each in scan_runs(folder)]
    shown = sort_rows(filter_rows(rows, arch, filter), sort)
    if as_json:
        print_json(shown)
    elif shown:
        print_rows(shown)
    elif rows:
        complain(f"none of the {len(rows)} runs in {folder} match")
    else:
        complain(f"no runs in {folder}; `mnist-tui train` starts one")
