"""`mnist-tui eval` and `mnist-tui predict`: what a checkpoint predicts, and how often correctly."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from core.class_names import DIGITS
from core.config import FIELDS
from core.data.corruptions import CORRUPTIONS, parse_corruption
from core.data.image_formats import has_image_name
from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, DataDir, NetworkFile, RunOrCheckpoint

SPLITS = ("test", "train")

Images = Annotated[
    list[str] | None,
    typer.Argument(
        help="image files or folders; an image in a folder that is named after a class, such as 7, "
        "has that label. Those "
        "that take more than 1 GB of memory to decode are refused: more than 125 megapixels, JPEG "
        "500 (progressive 245), WebP 62",
        metavar="IMAGE",
        show_default=False,
    ),
]
Split = Annotated[
    str | None, typer.Option(metavar="|".join(SPLITS), help="split of the dataset  [default: test]")
]
OtherDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME|folder:DIR",
        help="another dataset than the run's, such as drawn; its images are matched to the "
        "network's classes by the names of the labels, and those of other labels are left out",
        show_default=False,
    ),
]


CORRUPT_HELP = (
    f"corrupt the images: {', '.join(CORRUPTIONS)}, with a strength such as noise:60 for an "
    "evaluation, without one for a table of five strengths; all for a table of every kind"
)
Corrupt = Annotated[
    str | None, typer.Option("--corrupt", metavar="KIND[:STRENGTH]|all", help=CORRUPT_HELP)
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="seed of the random numbers of --corrupt  [default: 0]"),
]


def _parse_split(text: str | None) -> str:
    if text not in (None, *SPLITS):
        raise UsageError(f"--split must be test or train, not {text!r}")
    return text or "test"


def _check_dataset(name: str | None, images: list[str] | None) -> str | None:
    """Return the name of the dataset, None for the run's. Raises UsageError and DataError."""
    from core.data.datasets import is_dataset
    from core.data.folder.source import absolute_name

    if name is None:
        return None
    if images:
        raise UsageError("use either images or --dataset, not both")
    if not is_dataset(name):
        raise UsageError(f"--dataset must be {FIELDS['dataset'].metadata['allowed']}, not {name!r}")
    return absolute_name(name)


def _refuse_images(run: str, command: str) -> None:
    """Raise UsageError where an image or a folder of images stands in the place of the run."""
    if os.path.isdir(run):
        what = "a folder of images" if _has_images_alone(run) else ""
    else:
        what = "an image" if has_image_name(run) else ""
    if what:
        example = f"`mnist-tui {command} RUN {shlex.quote(run)}`"
        raise UsageError(
            f"{run} is {what}, not a run: name a run first, as in {example} "
            "(`mnist-tui runs` lists them)"
        )


def _has_images_alone(folder: str) -> bool:
    """Return whether a folder has images, or folders of labelled ones, and no checkpoint."""
    from core.checkpoints.header import SUFFIX

    try:
        names = os.listdir(folder)
    except OSError:
        return False
    has_images = any(has_image_name(each) or each in DIGITS for each in names)
    return has_images and not any(each.endswith(SUFFIX) for each in names)


def evaluate(
    checkpoint: RunOrCheckpoint,
    images: Images = None,
    dataset: OtherDataset = None,
    split: Split = None,
    corrupt: Corrupt = None,
    seed: Seed = None,
    as_json: AsJson = False,
    arch: NetworkFile = None,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Evaluate a checkpoint on the test set or on your images.

    Your images need labels: put each into a folder that is named after its class, as in
    7/photo.png; a slash in the name of a class is an underscore there. A picture of several digits
    has no single label: it is left out, and named.

    --corrupt shows how fast the accuracy falls on worse images. They are made in memory, the same
    with the same seed. Strengths: noise in grey levels (standard deviation), blur in pixels
    (sigma), shift in pixels, rotate in degrees, scale a factor, invert the share of the negative,
    occlude the side of a grey square in pixels.

    --json prints samples, correct, test_accuracy, test_loss, class_names and confusion (rows: true
    class); of your images, accuracy and loss in place of the test's, warnings (how many images have
    each), unlike (how many are unlike any digit) and several_digits (the files that are left out).
    With --corrupt and a strength all of them are of the corrupted images, and corrupt names it;
    else they are of the images as they are, and corruptions has a row for each kind and strength.
    """
    from core.runs.resolve import resolve_checkpoint
    from tui.cli.output.evaluation import evaluate_images, evaluate_split, print_evaluation

    chosen = _parse_split(split)
    _refuse_images(checkpoint, "eval")
    if images and split:
        raise UsageError("use either images or --split, not both")
    other = _check_dataset(dataset, images)
    if seed is not None and corrupt is None:
        raise UsageError("--seed needs --corrupt")
    corruptions = parse_corruption(corrupt, seed or 0) if corrupt is not None else ()
    path = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    if images:
        report, unreadable = evaluate_images(path, images, data, corruptions)
    else:
        report, unreadable = evaluate_split(path, data, chosen, corruptions, other), 0
    print_json(report) if as_json else print_evaluation(report)
    return 1 if unreadable else 0


def predict(
    checkpoint: RunOrCheckpoint,
    images: Images = None,
    index: Annotated[
        int | None, typer.Option(metavar="N", help="image of the dataset, counted from 0")
    ] = None,
    dataset: OtherDataset = None,
    split: Split = None,
    temperature: Annotated[
        float,
        typer.Option(
            metavar="T",
            help="softmax temperature: above 1 evens out the probabilities (the app starts at 3)",
        ),
    ] = 1.0,
    as_json: AsJson = False,
    arch: NetworkFile = None,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Draw images beside a checkpoint's predictions.

    Your images may hold several digits, dark or light, and shadows, lines or a desk around them.

    Two drawings of each digit stand beside the probabilities. "original" is your image, its
    brightness stretched, with a frame around the part that was read. "network input" is that part
    as the network receives it: cropped, scaled and centred in 28×28 pixels as the digits of MNIST.

    A warning says what leaves doubt, for example that the digit touches the edge, or that an image
    is unlike any digit that the network was trained on.

    --json prints an array of one object for each digit: path, box (left, top, right, bottom, in
    pixels of the upright image), position (in reading order, from 0: "digit 1 of 2" has position
    0), label (null where the folder is not named after a class), predicted, probabilities,
    temperature, warnings; label_name and predicted_name where classes are not the digits 0 to 9.
    With --index it has index and split in place of path, box and position.

    Why an image cannot be read is printed on stderr; the others are predicted, and the exit status
    is 1.
    """
    chosen = _parse_split(split)
    if not 0.01 <= temperature <= 1000:
        raise UsageError(f"--temperature must be a number, 0.01 to 1,000, not {temperature}")
    _refuse_images(checkpoint, "predict")
    if bool(images) == (index is not None):
        raise UsageError("use either --index N, an image of the dataset, or your own images")
    if images and split:
        raise UsageError("--split needs --index; it cannot be used with your own images")
    other = _check_dataset(dataset, images)
    from core.runs.resolve import resolve_checkpoint
    from tui.cli.output.prediction import (
        predict_image,
        prediction_row,
        print_prediction,
        warnings_of,
    )

    path = resolve_checkpoint(checkpoint, checkpoints_folder(checkpoints))
    if index is None:
        return _predict_files(path, images or [], data, temperature, as_json)
    digit = predict_image(path, index, chosen, data, other)
    if as_json:
        row = prediction_row(digit, temperature) | {"split": chosen, "warnings": warnings_of(digit)}
        print_json([{"index": index, **row}])
    else:
        print_prediction(digit, temperature)
    return 0


def _predict_files(
    path: Path, images: list[str], data: str | None, temperature: float, as_json: bool
) -> int:
    """Print the predictions, and return 1 if an image cannot be read."""
    from tui.cli.output.prediction import image_row, predict_images, print_image

    rows, unreadable = [], 0
    for result in predict_images(path, images, data):
        if result is None:
            unreadable += 1
        elif as_json:
            image, digit = result
            rows.append(image_row(image, digit, temperature))
        else:
            print_image(*result, temperature)
    if as_json:
        print_json(rows)
    return 1 if unreadable else 0
