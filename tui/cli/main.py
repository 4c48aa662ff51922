"""The command mnist-tui. What is heavy is imported in the functions that need it."""

import sys
from typing import Annotated, Any

import typer

from core.config import TrainConfig
from core.errors import UsageError, UserError, exit_status, explain
from core.files import redirect_to_devnull
from core.training.ranks import launched
from tui.cli import import_export as cli_carry
from tui.cli import manage as cli_tidy
from tui.cli import verify as cli_verify
from tui.cli.attach import SlowLink, attach
from tui.cli.checkpoints import checkpoints_app
from tui.cli.console import (
    HELP,
    AsJson,
    DataDir,
    has_terminal,
    print_json,
    refuse_options_before,
    write_any_text,
)
from tui.cli.doctor import doctor
from tui.cli.launch_app import run_app
from tui.cli.options import with_config
from tui.cli.predict import evaluate, predict
from tui.cli.runs import runs_app
from tui.cli.train import HOW_IT_ENDS, OnHangup, resume, train
from tui.headless.torchrun import silence_other_ranks
from tui.signals import CONTINUE
from tui.text.console import complain, one_line

# typer gives out one of the errors that a command line can have; this is what all of them are.
CommandLineError: Any = typer.BadParameter.__mro__[2]


class Commands(typer.core.TyperGroup):
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from tui.help import epilogue  # which no command waits for

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
    silence_other_ranks()
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
        redirect_to_devnull([sys.stdout.fileno()])
        status = 141
    except OSError as error:  # a full disk that stdout goes to, say
        redirect_to_devnull([sys.stdout.fileno()])
        complain(f"what there is to say cannot be written ({explain(error)})")
        status = 1
    sys.exit(status or 0)


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
    slow_link: SlowLink = False,
    on_hangup: OnHangup = CONTINUE,
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
        from tui.headless.train import train_headless

        return train_headless(config, on_hangup=on_hangup)
    if launched():
        raise UsageError("torchrun starts no app: use the command train, as in `torchrun … train`")
    return run_app(config, start=start, on_hangup=on_hangup, slow=slow_link)


app.command(epilog=HOW_IT_ENDS)(train)
app.command(epilog=HOW_IT_ENDS)(resume)
app.command()(attach)
app.command(name="eval")(evaluate)
app.command()(predict)
app.command()(doctor)


@app.command()
def devices(as_json: AsJson = False) -> None:
    """List what can train here, and why not when it can't."""
    from core.compute.devices import list_devices

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
    from core.models.architectures import ARCHITECTURES

    found = [
        {"name": each.name, "description": each.description, "parameters": each.parameters}
        for each in ARCHITECTURES.values()
    ]
    _print_choices(found, as_json)


@app.command()
def datasets(as_json: AsJson = False, data: DataDir = None) -> None:
    """List the datasets, and whether they are here."""
    from core.data.datasets import DATASETS

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
