"""Gives a command an option for each field of TrainConfig, and hands it the config they make."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from core.config import FIELDS, TrainConfig, flag, make_config, parse


def environment_variable(name: str) -> str:
    return "MNIST_TUI_" + name.upper()


def _help(name: str) -> str:
    field = FIELDS[name]
    choices = field.metadata["choices"]
    text = field.metadata["help"] + (f": {', '.join(choices())}" if choices else "")
    return text if field.default is None else f"{text}  [default: {field.default}]"


def config_option(name: str) -> Any:
    """The option for one field. It takes text, so that one place says what is allowed."""
    return typer.Option(
        flag(name),
        envvar=environment_variable(name),
        show_envvar=False,
        help=_help(name),
        metavar=FIELDS[name].metadata["metavar"],
    )


def file_option() -> Any:
    return typer.Option(
        "--config",
        envvar=environment_variable("config"),
        show_envvar=False,
        help="a TOML file of settings, named as the options are. An option goes before the "
        "environment, that before the file, that before the preset and the defaults; a folder in "
        "it is seen from the current one",
        metavar="FILE",
    )


def with_config(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with those options in place of its parameter `config`, and one for a file.

    What is not given comes from the environment, then from the file, then from the preset, then
    from the defaults.
    """
    own = [each for each in inspect.signature(command).parameters.values() if each.name != "config"]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, config_option(name)],
        )
        for name in FIELDS
    ]
    added.append(
        inspect.Parameter(
            "config",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, file_option()],
        )
    )

    @wraps(command)
    def wrapped(**given: Any) -> Any:
        context = given.get("context")
        if context is not None and context.invoked_subcommand:
            # The subcommand reads the environment for itself; what is wrong there is its to say.
            passed = {k: v for k, v in given.items() if k not in FIELDS and k != "config"}
            return command(config=TrainConfig(), **passed)
        chosen = _from_file(given.pop("config"))
        texts = {name: given.pop(name) for name in FIELDS}
        chosen |= {name: parse(name, text) for name, text in texts.items() if text is not None}
        return command(config=make_config(**chosen), **given)

    wrapped.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return wrapped


def _from_file(path: str | None) -> dict[str, Any]:
    """Raises UsageError."""
    if path is None:
        return {}
    from core.config_file import read_settings

    return read_settings(path)
