"""Values of options: text is taken as it is, all else by typer."""

from typing import Annotated

import pytest
import typer

from tui.cli.parameters import skip_conversion


def report(
    name: str,
    size: Annotated[int, typer.Option(min=1)] = 3,
    also: Annotated[list[str] | None, typer.Option()] = None,
    upper: Annotated[str | None, typer.Option(callback=lambda text: text and text.upper())] = None,
) -> object:
    return name, size, also, upper


@pytest.mark.parametrize(
    "arguments",
    [["a"], ["a", "--size", "4"], ["a", "--also", "b", "--also", "c"], ["a", "--upper", "d"]],
)
def test_command_gets_the_values_of_typer(arguments):
    app = typer.Typer(add_completion=False)
    app.command()(report)

    def call(command):
        return command.main(list(arguments), standalone_mode=False)

    plain = call(typer.main.get_command(app))
    assert call(skip_conversion(typer.main.get_command(app))) == plain


@pytest.mark.parametrize("arguments", [[], ["a", "--size", "0"], ["a", "--size", "x"]])
def test_wrong_values_are_refused(arguments):
    app = typer.Typer(add_completion=False)
    app.command()(report)
    with pytest.raises(typer.BadParameter.__mro__[2]):
        skip_conversion(typer.main.get_command(app)).main(arguments, standalone_mode=False)
