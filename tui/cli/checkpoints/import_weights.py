"""`mnist-tui checkpoints import`: weights that other programs saved."""

from dataclasses import asdict
from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir
from tui.text.console import complain
from tui.text.formats import printable


def import_checkpoint(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="written by torch.save or safetensors")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="name of the new run  [default: FILE's name]")
    ] = None,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Import weights that other programs saved.

    FILE is a state dict saved by torch.save, or a safetensors file. The architecture is found by
    the names and shapes of the tensors.
    """
    from core.files import expand
    from core.runs.imported import import_file

    imported = import_file(expand(file), checkpoints_folder(checkpoints), name)
    if imported.note:
        complain(imported.note)
    if as_json:
        print_json(asdict(imported) | {"path": str(imported.path)})
    else:
        print(f"{printable(str(imported.path))}: {imported.arch}")
