"""`mnist-tui checkpoints import` and `export`: weights from other programs, and for them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tui.cli.checkpoints import checkpoints_app
from tui.cli.console import (
    AsJson,
    Checkpoint,
    CheckpointsDir,
    find_checkpoint,
    folder_of,
    print_json,
)
from tui.text.console import complain
from tui.text.formats import printable


@checkpoints_app.command(name="import")
def import_checkpoint(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="what torch.save or safetensors wrote")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="what to call it, else as the file is called")
    ] = None,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Take in weights that other programs saved.

    FILE is a state dict, as torch.save writes it, or a safetensors file. Its network is found by
    the names and shapes of its tensors.
    """
    from core.files import expand
    from core.runs.imported import import_file

    imported = import_file(expand(file), folder_of(checkpoints), name)
    if imported.note:
        complain(imported.note)
    if as_json:
        print_json(asdict(imported) | {"path": str(imported.path)})
    else:
        print(f"{printable(str(imported.path))}: {imported.arch}")


@checkpoints_app.command(name="export")
def export_checkpoint(
    checkpoint: Checkpoint,
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="where to; else its run and kind, here, as .pth"),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="pth|onnx|pt2|safetensors", help="else by FILE's suffix"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a FILE that exists")] = False,
    as_json: AsJson = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Write a network for use without mnist-tui.

    pth is a state dict, safetensors the same; onnx and pt2 hold the network's layers too.
    """
    from core.checkpoints.export_weights import FORMATS, export
    from core.errors import UsageError
    from core.files import expand

    if form is not None and f".{form}" not in FORMATS:
        raise UsageError(f"--format must be one of pth, onnx, pt2, safetensors, not {form!r}")
    source = find_checkpoint(checkpoint, checkpoints)
    target = _default_target(source, f".{form or 'pth'}") if file is None else expand(file)
    if file is not None and form is not None and target.suffix != f".{form}":
        raise UsageError(f"--format {form} is not the suffix of {target}; leave one of them out")
    _check_outside_runs(target)
    exported = export(source, target, force=force)
    if as_json:
        row = {"path": str(exported.path), "checkpoint": str(source), "arch": exported.arch}
        size = exported.path.stat().st_size
        print_json(row | {"bytes": size, "difference": exported.difference})
        return
    if exported.difference is not None:
        complain(f"loaded again, its logits differ by {_small(exported.difference)} from ours")
    print(printable(str(exported.path)))


def _default_target(checkpoint: Path, suffix: str) -> Path:
    """Return a file in the current folder, named after the run and the kind of checkpoint."""
    from core.checkpoints.header import SUFFIX
    from core.runs.imported import safe_name
    from core.runs.resolve import is_run

    run = checkpoint.absolute().parent
    stem = checkpoint.name.removesuffix(SUFFIX)
    return Path(safe_name(f"{run.name}-{stem}" if is_run(run) else stem) + suffix)


def _check_outside_runs(target: Path) -> None:
    from core.checkpoints.header import SUFFIX
    from core.errors import CheckpointError
    from core.runs.resolve import is_run

    if target.suffix == SUFFIX and is_run(target.parent):
        raise CheckpointError(
            f"{target} would be among the checkpoints of a run, which have more in them than an "
            "export: choose another folder"
        )


def _small(difference: float) -> str:
    return f"{difference:.1g}" if difference else "nothing"
