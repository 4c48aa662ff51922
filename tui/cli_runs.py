"""`mnist-tui runs`: what has been trained, one run after the other."""

import typer

from tui.shell import HELP, AsJson, CheckpointsDir, refuse_options_before

runs_app = typer.Typer(rich_markup_mode=None, context_settings=HELP)


@runs_app.callback(invoke_without_command=True)
def runs_default(
    context: typer.Context, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """The runs: list them, look at one, compare some."""
    if context.invoked_subcommand:
        refuse_options_before(context, "runs " + context.invoked_subcommand)
