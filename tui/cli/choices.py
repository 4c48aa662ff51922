"""`mnist-tui devices` and `datasets`: list what can be chosen."""

from textwrap import fill
from typing import Any

from core.errors import printable
from tui.cli.console import print_json
from tui.cli.options import AsJson, DataDir
from tui.cli.output.tables import output_width


def list_devices(as_json: AsJson = False) -> None:
    """List the devices to train on.

    Unavailable devices are listed too, with the reason.
    """
    from core.compute.devices import list_devices as find_devices

    _print([vars(each) for each in find_devices()], as_json)


def list_datasets(as_json: AsJson = False, data: DataDir = None) -> None:
    """List the datasets to train on.

    Unavailable datasets are listed too, with the reason.
    """
    from core.data.datasets import DATASETS, find_dataset

    rows: list[dict[str, Any]] = []
    found = {name: find_dataset(name) for name in DATASETS}
    for name, each in found.items():
        reason = each.missing(data)
        row: dict[str, Any] = {"name": name, "description": each.description}
        row |= {"available": reason is None, "reason": reason}
        row["train_samples"] = each.train_samples
        rows.append(row | {"classes": len(each.class_names), "class_names": each.class_names})
    if as_json:
        print_json(rows)
        return
    margin = 2 + max(map(len, found))
    for row, each in zip(rows, found.values(), strict=True):
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
        reason = "" if each["available"] else f" – unavailable: {each['reason']}"
        print(f"{each['name']:{width}}  {each['description']}{reason}")
