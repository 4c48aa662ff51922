"""Every command of mnist-tui, a line each.

To add a command: write its function in tui/cli, with an annotated parameter for each option
(tui/cli/options.py has those that commands share) and a docstring, which is its help; then register
it below. What the command prints goes to tui/cli/output. Import torch and other large modules
inside the function: `mnist-tui --help` must not wait for them.
"""

from typing import Any

import typer

from tui.cli.archs import (
    ARCHS_USAGE,
    SHOW,
    NamesOrCommands,
    add_arch,
    list_archs,
    remove_arch,
    show_arch,
)
from tui.cli.attach import attach
from tui.cli.checkpoints.show import list_checkpoints, show_checkpoint
from tui.cli.checkpoints.verify import verify_checkpoints
from tui.cli.checkpoints.weights import export_checkpoint, import_checkpoint
from tui.cli.choices import list_datasets, list_devices
from tui.cli.doctor import doctor
from tui.cli.missions import list_missions, start_mission
from tui.cli.predict import evaluate, predict
from tui.cli.race.race import HOW_RACES_END, race
from tui.cli.runs import manage
from tui.cli.runs.show import compare_runs, export_metrics, list_runs, show_run
from tui.cli.start_app import start_app
from tui.cli.train import HOW_TRAINING_ENDS, resume, train


class WithKeys(typer.core.TyperGroup):
    """A group whose help ends with the keys of the app."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from tui.help import epilogue  # only --help needs it

        self.epilog = epilogue()
        super().format_epilog(ctx, formatter)


def _group(**options: Any) -> typer.Typer:
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=settings,
        **options,
    )


app = _group(cls=WithKeys)
app.callback(invoke_without_command=True)(start_app)
app.command("train", epilog=HOW_TRAINING_ENDS)(train)
app.command("resume", epilog=HOW_TRAINING_ENDS)(resume)
app.command("race", epilog=HOW_RACES_END)(race)
app.command("attach")(attach)
app.command("eval")(evaluate)
app.command("predict")(predict)
app.command("doctor")(doctor)
app.command("devices")(list_devices)
archs = _group(cls=NamesOrCommands, subcommand_metavar=ARCHS_USAGE)
app.add_typer(archs, name="archs")
archs.callback(invoke_without_command=True)(list_archs)
archs.command(SHOW, hidden=True)(show_arch)
archs.command("add")(add_arch)
archs.command("remove")(remove_arch)
app.command("datasets")(list_datasets)
missions = _group()
app.add_typer(missions, name="missions")
missions.callback(invoke_without_command=True)(list_missions)
missions.command("list")(list_missions)
missions.command("start")(start_mission)

checkpoints = _group()
app.add_typer(checkpoints, name="checkpoints")
CHECKPOINTS_HELP = "List, inspect, verify, import and export checkpoints."
checkpoints.callback(invoke_without_command=True, help=CHECKPOINTS_HELP)(list_checkpoints)
checkpoints.command("list")(list_checkpoints)
checkpoints.command("show")(show_checkpoint)
checkpoints.command("import")(import_checkpoint)
checkpoints.command("export")(export_checkpoint)
checkpoints.command("delete")(manage.delete_checkpoints)
checkpoints.command("verify")(verify_checkpoints)

runs = _group()
app.add_typer(runs, name="runs")
RUNS_HELP = "List, show, compare and clean up runs."
runs.callback(invoke_without_command=True, help=RUNS_HELP)(list_runs)
runs.command("list")(list_runs)
runs.command("show")(show_run)
runs.command("compare")(compare_runs)
runs.command("export-metrics")(export_metrics)
runs.command("rename")(manage.rename)
runs.command("note")(manage.note)
runs.command("star")(manage.star)
runs.command("prune")(manage.prune)
runs.command("delete")(manage.delete_runs)
runs.command("restore")(manage.restore)
runs.command("trash")(manage.show_trash)
