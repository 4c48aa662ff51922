"""`mnist-tui checkpoints import` and `export`: weights from and for other programs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CheckpointError, UsageError
from tui.cli.checkpoints.scaling import (
    InputMean,
    InputStd,
    TriedDataset,
    WithScaling,
    explain_input,
    explain_names,
    read_scaling_options,
)
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import (
    AsJson,
    CheckpointsDir,
    DataDir,
    NetworkFile,
    RunOrCheckpoint,
    name_network_file,
)
from tui.text.console import complain
from tui.text.formats import printable

RunName = Annotated[
    str | None, typer.Option(metavar="NAME", help="name of the new run  [default: FILE's name]")
]
WeightsKey = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="key of the weights where FILE contains several networks"),
]
FittingArch = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|LAYERS|FILE.py:NAME",
        callback=name_network_file,
        help="network of the weights, as train --arch takes it  [default: found from the weights]",
        show_default=False,
    ),
]


def import_checkpoint(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="written by torch.save or safetensors")
    ],
    name: RunName = None,
    key: WeightsKey = None,
    arch: FittingArch = None,
    mean: InputMean = None,
    std: InputStd = None,
    dataset: TriedDataset = "auto",
    data: DataDir = None,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Import weights that other programs saved.

    FILE is written by torch.save (a state dict, alone or under any key, or a whole network, whose
    code is not run) or by safetensors. The network is found by the shapes of the tensors, whatever
    their names: one with a name, else a chain of conv and linear layers, whose strides, padding and
    pooling follow from the shapes or are tried on training images. --key may be dotted, as
    model.net.

    Only a safetensors file of mnist-tui states how pixels were scaled for the network. For others,
    without --mean and --std, the usual scalings are tried on training images that are on this
    machine: (0.5, 0.5), (0, 1) as with ToTensor() alone, (0.1307, 0.3081), (0.286, 0.353) and
    pixels of 0 to 255; then those of black ink on white, whose std is negative.
    """
    if not file:
        raise UsageError("FILE must not be empty")
    from core.runs.imported import import_file
    from core.user import expand

    scaling = read_scaling_options(mean, std, dataset)
    folder = checkpoints_folder(checkpoints)
    imported = import_file(
        expand(file), folder, name, key=key, arch=arch, scaling=scaling, dataset=dataset, data=data
    )
    for note in filter(None, (imported.note, imported.scaling_note, imported.dataset_note)):
        complain(note)
    if as_json:
        print_json(asdict(imported) | {"path": str(imported.path)})
    else:
        print(f"{printable(str(imported.path))}: {imported.arch}")


def export_checkpoint(
    checkpoint: RunOrCheckpoint,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="file to write  [default: RUN-KIND.pth in the current directory]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="pth|onnx|pt2|safetensors", help="file format  [default: FILE's suffix, or pth]"
        ),
    ] = None,
    with_scaling: WithScaling = False,
    force: Annotated[bool, typer.Option("--force", help="replace FILE if it exists")] = False,
    as_json: AsJson = False,
    arch: NetworkFile = None,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Export a network for use without mnist-tui.

    pth and safetensors hold the weights (a state dict); onnx and pt2 hold the layers too, and with
    --with-scaling also the scaling of the input, so that they take pixels of 0 to 1.
    """
    from core.checkpoints.export_weights import FORMATS, export
    from core.runs.resolve import resolve_checkpoint
    from core.user import expand

    if format is not None and f".{format}" not in FORMATS:
        raise UsageError(f"--format must be one of pth, onnx, pt2, safetensors, not {format!r}")
    source = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    target = _default_target(source, f".{format or 'pth'}") if file is None else expand(file)
    if file is not None and format is not None and target.suffix != f".{format}":
        raise UsageError(f"--format {format} does not match {target}: leave one of them out")
    _check_outside_runs(target)
    info, difference = export(source, target, force=force, with_scaling=with_scaling)
    note, fields = explain_input(info.scaling, with_scaling)
    if as_json:
        row = {"path": str(target), "checkpoint": str(source), "arch": info.arch}
        print_json(row | {"bytes": target.stat().st_size, "difference": difference} | fields)
        return
    if difference:
        complain(f"exported: its logits differ from the checkpoint's by up to {difference:.1g}")
    elif difference is not None:
        complain("exported: its logits are the same as the checkpoint's")
    for text in filter(None, (note, explain_names(source, info, target))):
        complain(text)
    print(printable(str(target)))


def _default_target(checkpoint: Path, suffix: str) -> Path:
    """Return a file in the current directory, named after the run and the kind of checkpoint."""
    from core.checkpoints.header import SUFFIX
    from core.runs.imported import safe_name
    from core.runs.resolve import is_run

    run = checkpoint.absolute().parent
    stem = checkpoint.name.removesuffix(SUFFIX)
    return Path(safe_name(f"{run.name}-{stem}" if is_run(run) else stem) + suffix)


def _check_outside_runs(target: Path) -> None:
    """Raise CheckpointError for a file that would be listed as a checkpoint of a run."""
    from core.checkpoints.header import SUFFIX
    from core.runs.resolve import is_run

    if target.suffix == SUFFIX and is_run(target.parent):
        raise CheckpointError(
            f"{target} is in the folder of a run, whose checkpoints hold more than exported "
            "weights: choose another folder"
        )
