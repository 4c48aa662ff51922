"""The command mnist-tui. What is heavy is imported in the functions that need it."""

import gc
import os
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from core.config import TrainConfig, parse
from core.errors import UserError, exit_status, explain
from tui import cli_carry, cli_tidy, cli_verify
from tui.cli_checkpoints import checkpoints_app
from tui.cli_predict import evaluate, predict
from tui.cli_runs import runs_app
from tui.options import with_config
from tui.shell import (
    HELP,
    AsJson,
    CheckpointsDir,
    DataDir,
    complain,
    folder_of,
    one_line,
    print_json,
    refuse_options_before,
    write_any_text,
)

# typer gives out one of the errors that a command line can have; this is what all of them are.
CommandLineError: Any = typer.BadParameter.__mro__[2]


class Commands(typer.core.TyperGroup):
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from tui.guide import epilogue  # which no command waits for

        self.epilog = epilogue()
        super().format_epilog(ctx, formatter)


app = typer.Typer(
    name="mnist-tui",
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
app.add_typer(checkpoints_app, name="checkpoints")
app.add_typer(runs_app, name="runs")
MORE_COMMANDS = (cli_carry, cli_tidy, cli_verify)  # imported for what they add


def main() -> None:
    """Runs the command line and exits: 0 fine, 1 failed, 2 wrong usage, 3 diverged."""
    write_any_text()
    try:
        status = typer.main.get_command(app).main(prog_name="mnist-tui", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        complain(str(error))
        status = exit_status(error.reason)
    except CommandLineError as error:
        where = error.ctx.command_path if error.ctx else "mnist-tui"
        complain(f"{one_line(error.format_message())} (see {where} --help)")
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        # The reader has gone, as with `| head`. Python would say so once more at its exit.
        _say_no_more()
        status = 141
    except OSError as error:  # a full disk that stdout goes to, say
        _say_no_more()
        complain(f"what there is to say cannot be written ({explain(error)})")
        status = 1
    sys.exit(status or 0)


def _say_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mnist-tui {version('mnist-tui')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="print the version", is_eager=True, callback=_print_version),
]


@app.callback(invoke_without_command=True)
@with_config
def start_app(
    context: typer.Context,
    config: TrainConfig,
    start: Annotated[bool, typer.Option("--start", help="begin training at once")] = False,
    slow_link: Annotated[
        bool,
        typer.Option(
            "--slow-link",
            envvar="MNIST_TUI_SLOW_LINK",
            show_envvar=False,
            help="write at most 1 KB a second, figures before charts",
        ),
    ] = False,
    version: Version = False,
) -> int:
    """Train a neural network on handwritten digits, and watch it learn.

    Without a command this opens the app. Each option can also be set by an environment variable,
    such as MNIST_TUI_DATA for --data.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, context.invoked_subcommand)
        return 0
    if not has_terminal():
        complain("no terminal here: training with plain output, as `mnist-tui train` does")
        from tui.plain import train_plainly

        return train_plainly(config)
    gc.disable()  # until the first frame: there is no garbage yet, and much to look through
    from tui.app import MnistApp
    from tui.settings import load_settings

    settings, said = load_settings()
    if said:
        complain(said)
    settings = replace(settings, slow=slow_link)
    application = MnistApp(config, start=start, settings=settings)
    application.run()
    if application.farewell:
        print(application.farewell)
    return application.return_code or 0


@app.command()
@with_config
def train(
    config: TrainConfig,
    as_json: Annotated[bool, typer.Option("--json", help="print events, one JSON a line")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")] = False,
) -> int:
    """Train without the app.

    Shows a progress bar on a terminal, and plain lines elsewhere.
    """
    from tui.plain import train_plainly

    return train_plainly(config, as_json=as_json, quiet=quiet)


@app.command()
def resume(
    run: Annotated[
        str,
        typer.Argument(
            help="a run's name, its folder or one of its checkpoints", metavar="RUN_OR_CHECKPOINT"
        ),
    ],
    epochs: Annotated[
        str | None, typer.Option(metavar="N", help="train to so many epochs in all")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="another device than before")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print events, one JSON a line")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")] = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Go on with a run exactly where it stopped."""
    from core.resume import take_up
    from tui.plain import train_plainly

    more = None if epochs is None else parse("epochs", epochs)
    other = None if device is None else parse("device", device)
    config, taken_up = take_up(run, folder_of(checkpoints), more, data, other)
    return train_plainly(config, taken_up, as_json=as_json, quiet=quiet)


app.command(name="eval")(evaluate)
app.command()(predict)


@app.command()
def devices(as_json: AsJson = False) -> None:
    """List what can train here, and why not when it can't."""
    from core.devices import list_devices

    found = [
        {
            "name": each.name,
            "description": each.description,
            "available": each.available,
            "reason": each.reason,
        }
        for each in list_devices()
    ]
    _print_choices(found, as_json)


@app.command()
def archs(as_json: AsJson = False) -> None:
    """List the networks."""
    from core.architectures import ARCHITECTURES

    found = [
        {"name": each.name, "description": each.description, "parameters": each.parameters}
        for each in ARCHITECTURES.values()
    ]
    _print_choices(found, as_json)


@app.command()
def datasets(as_json: AsJson = False, data: DataDir = None) -> None:
    """List the datasets, and whether they are here."""
    from core.datasets import DATASETS

    found = []
    for each in DATASETS.values():
        reason = each.missing(data)
        found.append(
            {
                "name": each.name,
                "description": each.description,
                "available": reason is None,
                "reason": reason,
            }
        )
    _print_choices(found, as_json)


def _print_choices(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    width = max(len(each["name"]) for each in found)
    for each in found:
        said = each["description"]
        if "parameters" in each:
            said += f" ({each['parameters']:,} parameters)"
        if not each.get("available", True):
            said += f" – not here: {each['reason']}"
        print(f"{each['name']:{width}}  {said}")
