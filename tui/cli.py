"""The command mnist-tui. What is heavy is imported in the functions that need it."""

import gc
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.config import TrainConfig, parse
from core.errors import UsageError, UserError, exit_status
from tui.guide import epilogue
from tui.options import config_option, with_config

# typer gives out one of the errors that a command line can have; this is what all of them are.
CommandLineError: Any = typer.BadParameter.__mro__[2]

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
app = typer.Typer(
    name="mnist-tui",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
checkpoints_app = typer.Typer(rich_markup_mode=None, context_settings=HELP)
app.add_typer(checkpoints_app, name="checkpoints")

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
CheckpointsDir = Annotated[str | None, config_option("checkpoints")]
DataDir = Annotated[str | None, config_option("data")]
Checkpoint = Annotated[
    str,
    typer.Argument(help="a checkpoint file, a run's folder, or a run's name", metavar="CHECKPOINT"),
]


def main() -> None:
    """Runs the command line and exits: 0 fine, 1 failed, 2 wrong usage, 3 diverged."""
    try:
        status = typer.main.get_command(app).main(prog_name="mnist-tui", standalone_mode=False)
    except UserError as error:
        complain(str(error))
        status = exit_status(error.reason)
    except CommandLineError as error:
        complain(f"{_one_line(error.format_message())} (see mnist-tui --help)")
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        # The reader has gone, as with `| head`. Python would say so once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status or 0)


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"mnist-tui: {_one_line(message)}", file=sys.stderr)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


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


@app.callback(invoke_without_command=True, epilog=epilogue())
@with_config
def start_app(
    context: typer.Context,
    config: TrainConfig,
    start: Annotated[bool, typer.Option("--start", help="begin training at once")] = False,
    version: Version = False,
) -> int:
    """Train a neural network on handwritten digits, and watch it learn.

    Without a command this opens the app. Each option can also be set by an environment variable,
    such as MNIST_TUI_DATA for --data.
    """
    if context.invoked_subcommand:
        _refuse_options_before(context, context.invoked_subcommand)
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
    application = MnistApp(config, start=start, settings=settings)
    application.run()
    if application.farewell:
        print(application.farewell)
    return application.return_code or 0


def _refuse_options_before(context: typer.Context, command: str) -> None:
    for name in context.params:
        if str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            option = "json" if name == "as_json" else name.replace("_", "-")
            raise UsageError(f"options go after the command: mnist-tui {command} --{option} …")


@app.command()
@with_config
def train(
    config: TrainConfig,
    as_json: Annotated[bool, typer.Option("--json", help="print events, one JSON a line")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")] = False,
) -> int:
    """Train without the app: a progress bar on a terminal, plain lines elsewhere."""
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
    """Go on with a run exactly where it stopped, as if it never had."""
    from core.resume import take_up
    from tui.plain import train_plainly

    more = None if epochs is None else parse("epochs", epochs)
    other = None if device is None else parse("device", device)
    config, taken_up = take_up(run, _folder(checkpoints), more, data, other)
    return train_plainly(config, taken_up, as_json=as_json, quiet=quiet)


@app.command(name="eval")
def evaluate(
    checkpoint: Checkpoint,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Score a checkpoint on the test digits."""
    from tui.reports import evaluate_checkpoint, print_evaluation

    report = evaluate_checkpoint(_find(checkpoint, checkpoints), data)
    print_json(report) if as_json else print_evaluation(report)


@app.command()
def predict(
    checkpoint: Checkpoint,
    index: Annotated[int, typer.Option(metavar="N", help="which digit, from 0")],
    split: Annotated[str, typer.Option(metavar="test|train", help="which digits")] = "test",
    temperature: Annotated[
        float, typer.Option(metavar="T", help="above 1 shows more than the first guess")
    ] = 1.0,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Draw a digit, and what a checkpoint makes of it."""
    from tui.reports import predict_digit, print_prediction

    if split not in ("test", "train"):
        raise UsageError(f"--split must be test or train, not {split!r}")
    if not 0.01 <= temperature <= 1000:
        raise UsageError(f"--temperature must be a number, 0.01 to 1,000, not {temperature}")
    digit = predict_digit(_find(checkpoint, checkpoints), index, split, data)
    if as_json:
        print_json(
            [
                {
                    "index": digit.index,
                    "label": digit.label,
                    "predicted": digit.predicted,
                    "probabilities": digit.probabilities(temperature),
                    "split": split,
                    "temperature": temperature,
                }
            ]
        )
    else:
        print_prediction(digit, temperature)


@checkpoints_app.callback(invoke_without_command=True)
def checkpoints_default(
    context: typer.Context, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """What has been trained: list it, look at one."""
    if context.invoked_subcommand:
        _refuse_options_before(context, "checkpoints " + context.invoked_subcommand)
    else:
        list_checkpoints(as_json, checkpoints)


@checkpoints_app.command(name="list")
def list_checkpoints(as_json: AsJson = False, checkpoints: CheckpointsDir = None) -> None:
    """List all checkpoints, newest first; broken files too, with what is wrong."""
    from core import checkpoints as files
    from tui.reports import checkpoint_row, print_checkpoints

    folder = _folder(checkpoints)
    listed = files.list_checkpoints(folder)
    if as_json:
        print_json([checkpoint_row(each) for each in listed])
    elif listed:
        print_checkpoints(listed)
    else:
        complain(f"there are no checkpoints in {folder}; `mnist-tui train` makes some")


@checkpoints_app.command(name="show")
def show_checkpoint(
    checkpoint: Checkpoint, as_json: AsJson = False, checkpoints: CheckpointsDir = None
) -> None:
    """Show all that a checkpoint says of itself."""
    from core import checkpoints as files
    from tui.reports import checkpoint_row, print_checkpoint

    path = _find(checkpoint, checkpoints)
    files.read_info(path)
    listed = files.inspect(path, path.stat().st_size)
    print_json(checkpoint_row(listed, whole=True)) if as_json else print_checkpoint(listed)


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


def _folder(given: str | None) -> Path:
    return TrainConfig(checkpoints=given).folder if given else TrainConfig().folder


def _find(name: str, folder: str | None) -> Path:
    from core.checkpoints import find

    return find(name, _folder(folder))
