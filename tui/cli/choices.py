"""`mnist-tui devices`, `archs` and `datasets`: list what can be chosen."""

from typing import Any

from tui.cli.console import print_json
from tui.cli.options import AsJson, DataDir


def list_devices(as_json: AsJson = False) -> None:
    """List the devices to train on.

    Unavailable devices are listed too, with the reason.
    """
    from core.compute.devices import list_devices as find_devices

    _print([vars(each) for each in find_devices()], as_json)


def list_archs(as_json: AsJson = False) -> None:
    """List the network architectures."""
    from core.models.architectures import ARCHITECTURES

    names = ("name", "description", "parameters")
    found = ARCHITECTURES.values()
    _print([{name: getattr(each, name) for name in names} for each in found], as_json)


def list_datasets(as_json: AsJson = False, data: DataDir = None) -> None:
    """List the datasets to train on.

    Unavailable datasets are listed too, with the reason.
    """
    from core.data.datasets import DATASETS

    rows = []
    for name, each in DATASETS.items():
        reason = each.missing(data)
        row = {"name": name, "description": each.description, "available": reason is None}
        rows.append(row | {"reason": reason})
    _print(rows, as_json)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    width = max(len(each["name"]) for each in rows)
    for each in rows:
        parameters = f" ({each['parameters']:,} parameters)" if "parameters" in each else ""
        reason = "" if each.get("available", True) else f" – unavailable: {each['reason']}"
        print(f"{each['name']:{width}}  {each['description']}{parameters}{reason}")
