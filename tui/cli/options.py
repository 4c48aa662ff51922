"""Options and arguments that several commands share, and one option for each training setting."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from core.config import FIELDS, TrainConfig, flag, make_config, parse
from core.errors import UsageError
from core.models.network_file.named import is_file_spec, name_file
from tui.cli.console import is_typed
from tui.signals import CONTINUE, ON_HANGUP


def setting(name: str, *flags: str, **options: Any) -> Any:
    """Return an option that an environment variable can give too."""
    return typer.Option(*flags, envvar="MNIST_TUI_" + name.upper(), show_envvar=False, **options)


def name_network_file(
    context: typer.Context, option: typer.CallbackParam, text: str | None
) -> str | None:
    """Read the file that --arch names on this command line, and return how a config names it.

    A file that an environment variable names is left to `parse`, which refuses it. Raises
    UsageError.
    """
    is_given = is_typed(context, option.name or "")
    return name_file(text).spec if text and is_given and is_file_spec(text) else text


def _name_file_alone(
    context: typer.Context, option: typer.CallbackParam, text: str | None
) -> str | None:
    if text and not is_file_spec(text):
        raise UsageError(
            f"--arch names a Python file here, as in mynet.py:Net, not {text!r}: any other network "
            "is in the checkpoint"
        )
    return name_network_file(context, option, text)


def config_option(name: str) -> Any:
    """Return the option for a field of TrainConfig. It takes text, which `parse` checks."""
    field = FIELDS[name]
    choices, default = field.metadata["choices"], field.default
    text = field.metadata["help"] + (f": {', '.join(choices)}" if choices else "")
    if default is not None:
        text += f"  [default: {f'{default:g}' if isinstance(default, float) else default}]"
    named = {"callback": name_network_file} if name == "arch" else {}
    return setting(name, flag(name), help=text, metavar=field.metadata["metavar"], **named)


def parse_on_hangup(text: str) -> str:
    """Return the choice. `go-on` was the name of `continue`, and still works in scripts."""
    choice = CONTINUE if text == "go-on" else text
    if choice not in ON_HANGUP:
        raise UsageError(f"--on-hangup must be {' or '.join(ON_HANGUP)}, not {text!r}")
    return choice


RunOrCheckpoint = Annotated[
    str,
    typer.Argument(
        help="a run's name, its folder or a checkpoint file", metavar="RUN_OR_CHECKPOINT"
    ),
]
RunName = Annotated[str, typer.Argument(help="a run's name or its folder", metavar="RUN")]
RunNames = Annotated[
    list[str], typer.Argument(help="names of runs or their folders", metavar="RUN")
]
CheckpointsDir = Annotated[str | None, config_option("checkpoints")]
DataDir = Annotated[str | None, config_option("data")]
# What commands that load a checkpoint take. They need no more of it than the callback does.
NetworkFile = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="FILE.py:NAME",
        callback=_name_file_alone,
        help="the Python file of a network that was trained with --arch FILE.py:NAME; its digest "
        "must be the same",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
OnHangup = Annotated[
    str,
    setting(
        "on_hangup",
        metavar="|".join(ON_HANGUP),
        callback=parse_on_hangup,
        help="on disconnect: keep training in the background, or save and exit",
    ),
]
SLOW_LINK_HELP = "for a slow connection: send at most 1 KB/s, numbers before charts"
SlowLink = Annotated[bool, setting("slow_link", "--slow-link", help=SLOW_LINK_HELP)]
CONFIG_HELP = (
    "TOML file of settings, with the options' names. Precedence: option, environment, this file, "
    "preset, default. Paths are relative to the current directory"
)


def with_config(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a command's parameter `config` by an option for each setting, and --config.

    A setting that is not given comes from the environment, then from the file, then from the
    preset, then from the defaults.
    """
    own = [each for each in inspect.signature(command).parameters.values() if each.name != "config"]
    options = {name: config_option(name) for name in FIELDS}
    options["config"] = setting("config", "--config", help=CONFIG_HELP, metavar="FILE")
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, default=None, annotation=Annotated[str | None, option])
        for name, option in options.items()
    ]

    @wraps(command)
    def with_options(**given: Any) -> Any:
        path, settings = given.pop("config"), {}
        texts = {name: given.pop(name) for name in FIELDS}
        context = given.get("context")
        if context is not None and context.invoked_subcommand:
            # The subcommand reads the environment and reports what is wrong there.
            return command(config=TrainConfig(), **given)
        if path is not None:
            from core.config_file import read_settings

            settings = read_settings(path)
        settings |= {name: parse(name, text) for name, text in texts.items() if text is not None}
        return command(config=make_config(**settings), **given)

    with_options.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return with_options
