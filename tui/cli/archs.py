"""`mnist-tui archs`, `archs NAME`, `archs add` and `archs remove`: built-in and saved networks."""

from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError, printable
from tui.cli.console import print_json, refuse_options_before
from tui.cli.options import AsJson, name_network_file
from tui.cli.output.tables import output_width, print_table
from tui.text.console import complain

if TYPE_CHECKING:
    from core.models.networks import Network
    from core.responses.layers import NetworkDescribed

SHOW = "show"  # the command that a name or layers after `archs` mean
ARCHS_USAGE = "[NAME|LAYERS|add|remove]"


class NamesOrCommands(typer.core.TyperGroup):
    """A group where an argument that is not a command is that of SHOW."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        is_command = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if is_command else [SHOW, *args])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from tui.help import format_rows
        from tui.text.network_help import layer_texts

        self.epilog = format_rows(
            "Layers:", {name.replace("…", "..."): text for name, text in layer_texts().items()}
        )
        super().format_epilog(ctx, formatter)


ArchName = Annotated[str, typer.Argument(metavar="NAME", help="name of a saved network")]


def list_archs(context: typer.Context, as_json: AsJson = False) -> None:
    """List the built-in and saved networks, or print the layers of one.

    NAME is one of the list, LAYERS a network such as "conv 16 3, relu, maxpool 2, linear".
    """
    if context.invoked_subcommand == SHOW:
        context.obj = as_json  # from before the name
        return
    if context.invoked_subcommand:
        refuse_options_before(context, "archs " + context.invoked_subcommand)
        return
    rows = [_row(each, name, is_saved=is_saved) for name, each, is_saved in _list_networks()]
    print_json(rows) if as_json else _print(rows)


def show_arch(
    context: typer.Context,
    arch: Annotated[
        str,
        typer.Argument(
            metavar="NAME|LAYERS",
            help="a network as train --arch takes it",
            callback=name_network_file,
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Print a network's layers, as PyTorch modules with their names in a state dict."""
    from core.models.architectures import ARCHITECTURES, CUSTOM
    from core.models.networks import is_meant_as_name, resolve_network
    from core.models.saved_networks import find_label, list_saved
    from core.models.summary import describe_network

    try:
        network = resolve_network(arch)
        described = describe_network(network.spec)
    except UsageError:
        if not is_meant_as_name(arch):
            raise
        there = ", ".join((*ARCHITECTURES, *list_saved()))
        raise UsageError(f"there is no network {arch!r}; the networks are {there}") from None
    name = find_label(network.spec)
    is_saved = network.file is None and name not in (*ARCHITECTURES, CUSTOM)
    row = _row(network, name, is_saved=is_saved)
    if not (as_json or context.obj):
        _print([row])
        if row["description"] != network.text and network.file is None:
            print(fill(network.text, output_width(), initial_indent="\nAs text: "))
        _print_layers(described)
        return
    keys = ("name", "module", "shape", "parameters")
    layers = [{key: getattr(each, key) for key in keys} for each in described.layers]
    print_json([row | {"input": described.input, "layers": layers}])


def add_arch(
    name: ArchName,
    layers: Annotated[
        str, typer.Argument(metavar="LAYERS", help="its layers, or the name of a network to copy")
    ],
    force: Annotated[bool, typer.Option("--force", help="replace a network of that name")] = False,
) -> None:
    """Save a network under a name, which --arch and the form then take."""
    from core.models.network_file.named import is_file_spec
    from core.models.network_text import normalize_text
    from core.models.networks import resolve_network
    from core.models.saved_networks import find_saved, save_network

    if is_file_spec(layers):
        raise UsageError("only layers can be saved under a name, not a Python file")
    network = resolve_network(layers)
    known = find_saved(name)
    if known and normalize_text(known) != network.text and not force:
        raise UsageError(f"{name} is the name of {known}; pass --force to replace it")
    save_network(name, network.text)
    _print([_row(network, name, is_saved=True)])


def remove_arch(name: ArchName) -> None:
    """Remove a saved network. Runs and checkpoints keep its layers."""
    from core.models.saved_networks import remove_network

    remove_network(name)


def _list_networks() -> Iterator[tuple[str, "Network", bool]]:
    """Yield the names and networks, and whether the user has saved it."""
    from core.models.architectures import ARCHITECTURES
    from core.models.networks import read_network, resolve_network
    from core.models.saved_networks import list_saved

    yield from ((name, resolve_network(name), False) for name in ARCHITECTURES)
    try:
        saved = list_saved()
    except UsageError as error:  # the built-in networks are listed nevertheless
        complain(str(error))
        return
    for name, text in saved.items():
        try:
            yield name, read_network(text), True
        except UsageError as error:
            complain(f"{name} cannot be built: {error}")


def _row(network: "Network", name: str, *, is_saved: bool) -> dict[str, Any]:
    """Return what `archs --json` prints of a network."""
    known = network.architecture
    return {
        "name": name,
        "description": known.description if known and not is_saved else network.text,
        "parameters": network.parameters,
        "network": network.text,
        "saved": is_saved,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    """Print a network a line, or more where its layers need them."""
    margin = 2 + max(len(each["name"]) for each in rows)
    width = max(margin + 20, output_width())
    for each in rows:
        saved = "saved: " if each["saved"] else ""
        text = f"{saved}{each['description']} ({each['parameters']:,} parameters)"
        before = f"{printable(each['name']):{margin}}"
        print(fill(printable(text), width, initial_indent=before, subsequent_indent=" " * margin))


def _print_layers(network: "NetworkDescribed") -> None:
    print(f"\nInput {_format_shape(network.input)}")
    print_table(
        ("NAME", "OUTPUT", "PARAMETERS", "MODULE"),
        [
            (each.name, _format_shape(each.shape), f"{each.parameters:,}", each.module)
            for each in network.layers
        ],
        optional=("PARAMETERS", "OUTPUT"),
    )


def _format_shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
