"""Options of `mnist-tui race`: each setting may be given several times, or with several values."""

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from core.config import FIELDS, flag
from core.models.network_file.named import is_file_spec, name_file
from core.race.plan import check_files, parse_values, split_values
from tui.cli.options import CONFIG_HELP, setting

# The settings that a file or a preset gives, and the values of each setting that was given.
Given = tuple[dict[str, Any], dict[str, list[Any]]]


def _name_files(texts: list[str] | None) -> list[str] | None:
    """Read the file that --arch names on this command line; return how configs name it.

    A file that an environment variable names is left to `parse`, which refuses it. Raises
    UsageError.
    """
    if not texts:
        return texts
    values = split_values("arch", texts)
    check_files(values)
    return [name_file(each).spec if is_file_spec(each) else each for each in values]


def _option(name: str) -> Any:
    field = FIELDS[name]
    choices, default = field.metadata["choices"], field.default
    text = field.metadata["help"] + (f": {', '.join(choices)}" if choices else "")
    if default is not None:
        text += f"  [default: {f'{default:g}' if isinstance(default, float) else default}]"
    # Without an environment variable, of which typer would split the value at spaces.
    return typer.Option(
        flag(name),
        help=text,
        metavar=field.metadata["metavar"],
        show_default=False,
        callback=_name_files if name == "arch" else None,
    )


def _from_environment(name: str) -> list[str]:
    text = os.environ.get("MNIST_TUI_" + name.upper())
    return [text] if text else []


def with_lanes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a command's parameter `given` by an option for each setting, and --config."""
    own = [each for each in inspect.signature(command).parameters.values() if each.name != "given"]
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, default=None, annotation=annotation)
        for name, annotation in (
            *((name, Annotated[list[str] | None, _option(name)]) for name in FIELDS),
            (
                "config",
                Annotated[
                    str | None, setting("config", "--config", help=CONFIG_HELP, metavar="FILE")
                ],
            ),
        )
    ]

    @wraps(command)
    def with_options(**options: Any) -> Any:
        path, settings = options.pop("config"), {}
        texts = {name: options.pop(name) or _from_environment(name) for name in FIELDS}
        if path is not None:
            from core.config_file import read_settings

            settings = read_settings(path)
        values = {name: parse_values(name, each) for name, each in texts.items() if each}
        return command(given=(settings, values), **options)

    with_options.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return with_options
