"""Take the values of options and arguments without pydantic where they need no conversion.

typer converts each value with pydantic, which takes a tenth of a second to load: a quarter of the
way to the app's first frame. Most of ours are text or not given. Checked against typer 0.16 and
0.29; where a version has other names, its own way is taken.
"""

from collections.abc import Callable
from functools import partial
from typing import Any


def skip_conversion(command: Any) -> Any:
    """Return a command of typer's whose parameters, and those of its subcommands, take text and
    None as they are."""
    command.get_params = partial(_get_params, command.get_params)
    for each in getattr(command, "commands", {}).values():
        skip_conversion(each)
    return command


def _get_params(get: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """Return a command's parameters, among them --help, which typer makes in the context."""
    parameters = get(context)
    for each in parameters:
        if "process_value" not in vars(each):
            each.process_value = partial(_process, each, each.process_value)
    return parameters


def _process(parameter: Any, convert: Any, context: Any, value: Any) -> Any:
    """Return what the command gets; `convert` is typer's own way."""
    is_single = not parameter.multiple and parameter.nargs == 1
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    is_missing = value is None and not parameter.required
    if not is_single or not (is_missing or (kind is str and type(value) is str)):
        return convert(context, value)
    return parameter.callback(context, parameter, value) if parameter.callback else value
