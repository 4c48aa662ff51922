"""`mnist-tui devices`, `archs` and `datasets`: list what can be chosen."""

from textwrap import fill
from typing import Annotated, Any

import typer

from core.errors import UsageError, printable
from tui.cli.console import print_json
from tui.cli.options import AsJson, DataDir
from tui.cli.output.tables import output_width


def list_devices(as_json: AsJson = False) -> None:
    """List the devices to train on.

    Unavailable devices are listed too, with the reason.
    """
    from core.compute.devices import list_devices as find_devices

    _print([vars(each) for each in find_devices()], as_json)


def list_archs(
    name: Annotated[
        str | None,
        typer.Argument(
            help="print its layers too, as PyTorch modules with their names in a state dict",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the network architectures, or the layers of one."""
    from core.models.architectures import ARCHITECTURES
    from core.models.networks import resolve_network

    if name not in (None, *ARCHITECTURES):
        raise UsageError(f"there is no architecture {name!r}; there is {', '.join(ARCHITECTURES)}")
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "description": each.description,
            "parameters": resolve_network(each.name).parameters,
            "network": each.text,
        }
        for each in ARCHITECTURES.values()
        if name in (None, each.name)
    ]
    if name is None:
        _print(rows, as_json)
    else:
        _print_layers(name, rows[0], as_json)


def _print_layers(name: str, row: dict[str, Any], as_json: bool) -> None:
    from core.models.summary import describe_network
    from tui.cli.output.tables import print_table

    network = describe_network(name)
    if as_json:
        keys = ("name", "module", "shape", "parameters")
        layers = [{key: getattr(each, key) for key in keys} for each in network.layers]
        print_json([row | {"input": network.input, "layers": layers}])
        return
    _print([row], as_json)
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


def list_datasets(as_json: AsJson = False, data: DataDir = None) -> None:
    """List the datasets to train on.

    Unavailable datasets are listed too, with the reason.
    """
    from core.data.datasets import DATASETS

    rows: list[dict[str, Any]] = []
    for name, each in DATASETS.items():
        reason = each.missing(data)
        row: dict[str, Any] = {"name": name, "description": each.description}
        row |= {"available": reason is None, "reason": reason}
        row["train_samples"] = each.train_samples
        rows.append(row | {"classes": len(each.class_names), "class_names": each.class_names})
    if as_json:
        print_json(rows)
        return
    margin = 2 + max(map(len, DATASETS))
    for row, each in zip(rows, DATASETS.values(), strict=True):
        where = printable(each.describe_place(data))
        for label, text in ((row["name"], each.description), ("", where)):
            before, width = f"{label:{margin}}", max(margin + 20, output_width())
            print(fill(text, width, initial_indent=before, subsequent_indent=" " * margin))
    print(f"{'folder:DIR':{margin}}images of your own in DIR, one subfolder for each class")


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    width = max(len(each["name"]) for each in rows)
    for each in rows:
        parameters = f" ({each['parameters']:,} parameters)" if "parameters" in each else ""
        reason = "" if each.get("available", True) else f" – unavailable: {each['reason']}"
        print(f"{each['name']:{width}}  {each['description']}{parameters}{reason}")
