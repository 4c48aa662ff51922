"""`mnist-tui eval`: the accuracy and the loss of a checkpoint."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, DataDir, RunOrCheckpoint

SPLITS = ("test", "train")

Images = Annotated[
    list[str] | None,
    typer.Argument(
        help="image files or folders; the name of an image's folder, 0 to 9, is its label",
        metavar="IMAGE",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="|".join(SPLITS), help="split of the dataset  [default: test]"),
]


def parse_split(text: str | None) -> str:
    if text not in (None, *SPLITS):
        raise UsageError(f"--split must be test or train, not {text!r}")
    return text or "test"


def evaluate(
    checkpoint: RunOrCheckpoint,
    images: Images = None,
    split: Split = None,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Evaluate a checkpoint on the test set or on your images.

    Your images need labels: put each into a folder that is named after its digit, as in
    7/photo.png.
    """
    from core.runs.resolve import resolve_checkpoint
    from tui.cli.output.evaluation import evaluate_images, evaluate_split, print_evaluation

    chosen = parse_split(split)
    if images and split:
        raise UsageError("use either images or --split, not both")
    path = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    if images:
        report, unreadable = evaluate_images(path, images)
    else:
        report, unreadable = evaluate_split(path, data, chosen), 0
    print_json(report) if as_json else print_evaluation(report)
    return 1 if unreadable else 0
