"""What `eval` and `predict` compute and print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from core.errors import DataError, UsageError
from core.events import Notice
from core.responses import Digit
from tui.cli.output.tables import encodable, needs_ascii
from tui.text.console import complain
from tui.text.digit_art import draw_bar, draw_digit, draw_grey
from tui.text.formats import format_loss, format_percent, plural, printable

if TYPE_CHECKING:
    from torch import Tensor

    from core.checkpoints.header import CheckpointInfo
    from core.data.images import ImageDigit

BATCH = 32  # images that are read before the network runs
ORIGINAL_WIDTH = 22  # columns; beside it are 28 of the network's input, and the bars


def load_images(info: CheckpointInfo, data: str | None, split: str) -> tuple[Tensor, Tensor]:
    """Return images (N, 28, 28) and labels (N,) of the dataset that a checkpoint was trained on.

    They are read from the folder `data`, by default from where they were then. Raises DataError.
    """
    from core.runs.data_folder import load_run_data

    loading = load_run_data(info.dataset, info.config, data)
    while True:
        try:
            event = next(loading)
        except StopIteration as done:
            _, tensors = done.value
            break
        if isinstance(event, Notice):
            complain(event.message)
    if split == "test":
        return tensors.test_images, tensors.test_labels
    return tensors.train_images, tensors.train_labels


def predict_image(path: Path, index: int, split: str, data: str | None) -> Digit:
    """Return the prediction of a checkpoint for one image of its dataset.

    Raises UsageError for an index that is out of range, CheckpointError and DataError.
    """
    from core.checkpoints.io import load_model
    from core.models.inference import predict_digits

    info, model = load_model(path)
    images, labels = load_images(info, data, split)
    if not 0 <= index < len(labels):
        raise UsageError(
            f"--index must be 0 to {len(labels) - 1:,} for the {split} images of {info.dataset}, "
            f"not {index}"
        )
    return predict_digits(model, images, labels, (index,))[0]


def predict_images(path: Path, images: Sequence[str]) -> Iterator[tuple[ImageDigit, Digit] | None]:
    """Yield each digit of the image files with its prediction; None for an unreadable file.

    Why it cannot be read is reported on stderr. Raises CheckpointError.
    """
    from core.checkpoints.io import load_model
    from core.models.inference import predict_images

    _, model = load_model(path)
    reading = _read_images(images)
    while batch := list(islice(reading, BATCH)):
        pictures = [each for each in batch if each]
        digits = iter(predict_images(model, tuple(each.pixels for each in pictures)))
        for picture in batch:
            yield (picture, replace(next(digits), label=picture.label)) if picture else None


def _read_images(images: Sequence[str]) -> Iterator[ImageDigit | None]:
    from core.data.images import find_images, read_image

    # After an error of one folder, the chain continues with the next.
    paths = chain.from_iterable(find_images([name], complain) for name in images)
    while True:
        try:
            path = next(paths, None)
            if path is None:
                return
            yield from read_image(path)
        except DataError as error:
            complain(str(error))
            yield None


def prediction_row(digit: Digit, temperature: float) -> dict[str, Any]:
    """Return what `predict --json` prints of one prediction, beside where the image is from."""
    return {
        "label": digit.label,
        "predicted": digit.predicted,
        "probabilities": digit.probabilities(temperature),
        "temperature": temperature,
    }


def image_row(image: ImageDigit, digit: Digit, temperature: float) -> dict[str, Any]:
    """Return what `predict --json` prints of one digit in an image file."""
    return {
        "path": image.path,
        "box": list(image.box),
        "position": image.position,
        **prediction_row(digit, temperature),
        "warnings": list(image.warnings),
    }


def print_prediction(digit: Digit, temperature: float) -> None:
    """Print an image of the dataset beside its prediction."""
    beside = [_result(digit), "", *_bars(digit, temperature, 24)]
    if temperature != 1:
        beside.append(f"softmax temperature {temperature:g}")
    _print_beside(draw_digit(digit.pixels), beside)


def print_image(picture: ImageDigit, digit: Digit, temperature: float) -> None:
    """Print an image, the network's input made of a digit in it, and the prediction.

    The lines are at most 80 columns wide, except the name.
    """
    name = encodable(printable(picture.path))
    if picture.count > 1:
        name += f", digit {picture.position + 1} of {picture.count}"
    softmax = "" if temperature == 1 else f", softmax temperature {temperature:g}"
    print(f"{name}: {_result(digit)}{softmax}")
    for warning in picture.warnings:
        print("\n".join(wrap(f"warning: {warning}", 80)))
    original = draw_grey(picture.original, picture.width, picture.height, ORIGINAL_WIDTH, 14)
    lines = [
        f"{left:{ORIGINAL_WIDTH}}  {right}"
        for left, right in zip(original, draw_digit(digit.pixels), strict=True)
    ]
    _print_beside(lines, ["", "", *_bars(digit, temperature, 10, is_short=True)], gap=2)
    print()


def _print_beside(lines: Sequence[str], beside: list[str], gap: int = 3) -> None:
    beside += [""] * (len(lines) - len(beside))
    for line, text in zip(lines, beside, strict=True):
        print(f"{line}{'':{gap}}{text}".rstrip())


def _result(digit: Digit) -> str:
    if digit.label is None:
        return f"predicted {digit.predicted}"
    result = "correct" if digit.right else "wrong"
    return f"predicted {digit.predicted}, true {digit.label}: {result}"


def _bars(digit: Digit, temperature: float, width: int, *, is_short: bool = False) -> list[str]:
    """Return a line for each class; a short one takes 21 columns beside its bar."""
    lines = []
    for number, share in enumerate(digit.probabilities(temperature)):
        mark = "predicted" if number == digit.predicted else ""
        if number == digit.label and not digit.right:
            mark = "true"
        arrow = "<-" if mark else ""
        text = arrow if is_short else f"{arrow} {mark}"
        filled = draw_bar(share, width, plain=needs_ascii())
        lines.append(f"{number} {filled} {share:7.2%} {text}".rstrip())
    return lines


def evaluate_split(path: Path, data: str | None, split: str = "test") -> dict[str, Any]:
    """Return what `eval --json` prints for a checkpoint on its dataset.

    Raises CheckpointError and DataError.
    """
    from core.checkpoints.io import load_model
    from core.models.inference import predict

    info, model = load_model(path)
    images, labels = load_images(info, data, split)
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": info.dataset,
        "split": split,
        **_metrics(predict(model, images), labels),
    }
    for name in ("accuracy", "loss"):  # on the training split they are not test metrics
        report[f"test_{name}"] = report[name] if split == "test" else None
    return report


def evaluate_images(path: Path, images: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Return what `eval --json` prints for labelled images, and how many could not be read.

    Each image that cannot be read is reported on stderr. Raises CheckpointError, and DataError if
    no image has a label.
    """
    import torch

    from core.checkpoints.header import read_info

    info = read_info(path)
    digits = [found[1] if found else None for found in predict_images(path, images)]
    readable = [each for each in digits if each]
    labelled = [each for each in readable if each.label is not None]
    if not readable:
        raise DataError("none of the images can be read: nothing to evaluate")
    if not labelled:
        raise DataError(
            "the images have no labels, because no folder of theirs is named 0 to 9: "
            "use `mnist-tui predict`"
        )
    if len(readable) > len(labelled):
        count = plural(len(readable) - len(labelled), "image")
        complain(f"skipped {count} without a label: not in a folder named 0 to 9")
    logits = torch.tensor([each.logits for each in labelled])
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": None,
        "images": list(images),
        "test_accuracy": None,
        "test_loss": None,
        **_metrics(logits, torch.tensor([each.label for each in labelled])),
    }
    return report, len(digits) - len(readable)


def _metrics(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    from core.models.metrics import METRICS, confusion

    return {
        "samples": len(labels),
        "correct": int((logits.argmax(1) == labels).sum()),
        **{name: metric(logits, labels) for name, metric in METRICS.items()},
        "confusion": confusion(logits, labels).tolist(),
    }


def print_evaluation(report: dict[str, Any]) -> None:
    from core.models.metrics import METRICS

    dataset = report.get("dataset") or "images"
    split = report.get("split", "image")
    print(encodable(printable(f"{report['checkpoint']}: {report['arch']} on {dataset}")))
    accuracy, loss = format_percent(report["accuracy"]), format_loss(report["loss"])
    count = f"{report['correct']:,} of {report['samples']:,}"
    print(f"{split} accuracy {accuracy} ({count}), {split} loss {loss}")
    for name in sorted(METRICS.keys() - {"accuracy", "loss"}):
        print(f"{split} {name} {report[name]:.4g}")
    print("\nConfusion matrix (rows: true class, columns: predicted class)")
    print("     " + "".join(f"{number:6}" for number in range(len(report["confusion"]))))
    zero = "." if needs_ascii() else "·"
    for number, row in enumerate(report["confusion"]):
        print(f"{number:5}" + "".join(f"{count or zero:>6}" for count in row))
