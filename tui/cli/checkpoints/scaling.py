"""Options of `checkpoints import` and `export` for the scaling of a network's input."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError, printable

if TYPE_CHECKING:
    from core.checkpoints.header import CheckpointInfo
    from core.models.input_scaling import InputScaling

InputMean = Annotated[
    str | None,
    typer.Option(
        metavar="M",
        help="input scaling: the network was trained on (pixel / 255 - M) / S  [default: found]",
        show_default=False,
    ),
]
InputStd = Annotated[
    str | None, typer.Option(metavar="S", help="input scaling, see --mean", show_default=False)
]
TriedDataset = Annotated[
    str,
    typer.Option(
        metavar="NAME|folder:DIR",
        help="dataset with the classes of the network, to try scalings on and evaluate on later  "
        "[default: auto]",
        show_default=False,
    ),
]
WithScaling = Annotated[
    bool,
    typer.Option("--with-scaling", help="onnx and pt2: scale pixels of 0 to 1 inside the network"),
]


def read_scaling_options(mean: str | None, std: str | None, dataset: str) -> "InputScaling | None":
    """Return the scaling of --mean and --std, None where it is to be found. Raises UsageError."""
    from core.checkpoints.import_scaling import check_scaling
    from core.data.datasets import DATASETS, is_dataset

    if not is_dataset(dataset):
        names = ", ".join(("auto", *DATASETS))
        raise UsageError(f"--dataset must be one of {names} or folder:DIR, not {dataset!r}")
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise UsageError("--mean and --std belong together: pass both or neither")
    return check_scaling(_parse_number("--mean", mean), _parse_number("--std", std))


def _parse_number(option: str, text: str) -> float:
    """Return the number of an option, which may be a tuple of one, as Normalize takes it.

    Raises UsageError.
    """
    bare = text.strip()
    if bare[:1] + bare[-1:] in ("()", "[]"):
        bare = bare[1:-1]
    try:
        return float(bare.strip().removesuffix(","))
    except ValueError:
        one = "one number, since the images have one channel"
        raise UsageError(f"{option} must be {one}, not {printable(text)!r}") from None


def explain_names(checkpoint: Path, info: "CheckpointInfo", target: Path) -> str:
    """Return how the tensors of exported weights are named, "" where the names are the same as in
    the file that the weights were imported from, or the target holds the layers too."""
    from core.checkpoints.export_weights import PROGRAMS
    from core.checkpoints.find_network import expected_shapes, list_names
    from core.runs.description import is_imported, read_description

    found = read_description(checkpoint.absolute().parent)
    same_names = found.get("imported_names") is not False or not is_imported(found)
    if same_names or target.suffix in PROGRAMS:
        return ""
    names = list_names(list(expected_shapes(info.find_network())))
    spec = f'"{info.network}"' if info.network else info.arch
    return (
        f"its tensors have the names of {printable(info.arch)}, not those of the file imported: "
        f"{names}; `mnist-tui archs {spec}` prints the layers that they load into; onnx and pt2 "
        "hold the layers too"
    )


def explain_input(scaling: "InputScaling", with_scaling: bool) -> tuple[str, dict[str, Any]]:
    """Return how to feed an exported network, as a note and as fields of JSON; `scaling` is that of
    its checkpoint."""
    from core.checkpoints.export_weights import TO_TENSOR, describe_input

    scaling = TO_TENSOR if with_scaling else scaling
    text = describe_input(scaling)
    fields = {"input": text, "input_mean": scaling.mean, "input_std": scaling.std}
    return text, fields
