"""`mnist-tui eval` and `mnist-tui predict`: what a checkpoint makes of digits and of images."""

from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import AsJson, Checkpoint, CheckpointsDir, DataDir, find_checkpoint, print_json

SPLITS = ("test", "train")

Images = Annotated[
    list[str] | None,
    typer.Argument(
        help="image files, or folders of them; in a folder named 0 to 9, an image is that digit",
        metavar="IMAGE",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="test|train", help="which of the dataset's digits (test)"),
]


def checked(split: str | None) -> str:
    if split not in (None, *SPLITS):
        raise UsageError(f"--split must be test or train, not {split!r}")
    return split or "test"


def evaluate(
    checkpoint: Checkpoint,
    images: Images = None,
    split: Split = None,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Score a checkpoint on test digits or your images.

    Images have the digit that they are as the name of their folder: 7/photo.png. With --split train
    it is scored on the digits that it was trained on.
    """
    from tui.cli.output.evaluation import evaluate_checkpoint, evaluate_images, print_evaluation

    which = checked(split)
    if images and split:
        raise UsageError("give either images or --split, not both")
    path = find_checkpoint(checkpoint, checkpoints)
    if images:
        report, broken = evaluate_images(path, images)
    else:
        report, broken = evaluate_checkpoint(path, data, which), 0
    print_json(report) if as_json else print_evaluation(report)
    return 1 if broken else 0


def predict(
    checkpoint: Checkpoint,
    images: Images = None,
    index: Annotated[int | None, typer.Option(metavar="N", help="which digit, from 0")] = None,
    split: Split = None,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="above 1 shows more than the first guess")
    ] = 1.0,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Draw digits, and what a checkpoint makes of them.

    Images may be of any size and kind, dark on light or light on dark: they are cropped, scaled and
    centred as MNIST's were.
    """
    from tui.cli.output.evaluation import (
        predict_digit,
        predict_images,
        print_picture,
        print_prediction,
    )
    from tui.cli.output.evaluation import prediction_row as row

    which = checked(split)
    if not 0.01 <= temperature <= 1000:
        raise UsageError(f"--temperature must be a number, 0.01 to 1,000, not {temperature}")
    if bool(images) == (index is not None):
        raise UsageError("give either --index N, a digit of the dataset, or images: one of the two")
    if images and split:
        raise UsageError("--split goes with --index, not with images")
    path = find_checkpoint(checkpoint, checkpoints)
    if index is not None:
        digit = predict_digit(path, index, which, data)
        if as_json:
            print_json([{"index": index, **row(digit, temperature), "split": which}])
        else:
            print_prediction(digit, temperature)
        return 0
    found, broken = [], 0
    for asked in predict_images(path, images or []):
        if asked is None:
            broken += 1
        elif as_json:
            picture, digit = asked
            found.append({"path": picture.path, **row(digit, temperature)})
        else:
            print_picture(*asked, temperature)
    if as_json:
        print_json(found)
    return 1 if broken else 0
