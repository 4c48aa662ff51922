"""What `eval` and `predict` work out and print."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import CheckpointInfo
from core.errors import DataError, UsageError
from core.events import Digit, Notice
from tui.text.digit_art import draw_bar, draw_digit, draw_grey
from tui.text.formats import format_loss, format_percent, printable

if TYPE_CHECKING:
    from torch import Tensor

    from core.data.datasets import Tensors
    from core.data.images import ImageFile

AT_A_TIME = 32  # images that are read before the network is asked
ORIGINAL_WIDTH = 22  # columns; beside it are 28 of the digit, and the bars


def load_digits(name: str, data: str | None) -> Tensors:
    """The dataset of that name. Raises DataError."""
    from core.data.datasets import load_dataset
    from tui.text.console import complain

    loading = load_dataset(name, data)
    while True:
        try:
            event = next(loading)
        except StopIteration as done:
            return done.value[1]
        if isinstance(event, Notice):
            complain(event.message)


def load_digits_of(info: CheckpointInfo, data: str | None) -> Tensors:
    """The digits that a checkpoint was trained on: in that folder, else where they were then.
    Raises DataError.
    """
    from core.runs.resume import digits_folder

    return load_digits(info.dataset, data or digits_folder(info.config))


def evaluate_checkpoint(path: Path, data: str | None, split: str = "test") -> dict[str, Any]:
    """What `eval --json` prints. Raises CheckpointError and DataError."""
    from core.checkpoints.io import load_model
    from core.models.inference import predict

    info, model = load_model(path)
    images, labels = digits_of(load_digits_of(info, data), split)
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": info.dataset,
        "split": split,
        **_scores(predict(model, images), labels),
    }
    for name in ("accuracy", "loss"):  # those of training digits are no test figures
        report[f"test_{name}"] = report[name] if split == "test" else None
    return report


def evaluate_images(path: Path, images: Sequence[str]) -> tuple[dict[str, Any], int]:
    """What `eval --json` prints of images in folders named 0 to 9, and how many could not be read,
    each of which has been complained of. Raises CheckpointError, and DataError where there is no
    such image.
    """
    import torch

    from core.checkpoints.header import read_info
    from tui.text.console import complain

    info = read_info(path)
    logits, labels, unlabelled, broken = [], [], 0, 0
    for asked in predict_images(path, images):
        if asked is None:
            broken += 1
        elif asked[1].label is None:
            unlabelled += 1
        else:
            logits.append(asked[1].logits)
            labels.append(asked[1].label)
    if not labels and not unlabelled:
        raise DataError("none of the images can be read: there is nothing to score")
    if not labels:
        raise DataError(
            "what the images are is not known, as they are in no folders named 0 to 9: "
            "use `mnist-tui predict`"
        )
    if unlabelled:
        many = f"{unlabelled:,} image{'' if unlabelled == 1 else 's'}"
        complain(f"left out {many} in no folder named 0 to 9")
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": None,
        "images": list(images),
        "test_accuracy": None,
        "test_loss": None,
        **_scores(torch.tensor(logits), torch.tensor(labels)),
    }
    return report, broken


def _scores(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    from core.models.metrics import METRICS, confusion

    return {
        "samples": len(labels),
        "correct": int((logits.argmax(1) == labels).sum()),
        "accuracy": METRICS["accuracy"](logits, labels),
        "loss": METRICS["loss"](logits, labels),
        "confusion": confusion(logits, labels).tolist(),
    }


def print_evaluation(report: dict[str, Any]) -> None:
    of = report.get("dataset", "images")
    split = report.get("split", "image")
    print(encodable(printable(f"{report['checkpoint']}: {report['arch']} on {of}")))
    accuracy, loss = format_percent(report["accuracy"]), format_loss(report["loss"])
    count = f"{report['correct']:,} of {report['samples']:,}"
    print(f"{split} accuracy {accuracy} ({count}), {split} loss {loss}")
    print("\nWhat each digit was taken for, rows actual, columns predicted:")
    print("     " + "".join(f"{digit:6}" for digit in range(10)))
    none = "." if in_plain() else "·"
    for digit, row in enumerate(report["confusion"]):
        print(f"{digit:5}" + "".join(f"{count or none:>6}" for count in row))


def digits_of(tensors: Tensors, split: str) -> tuple[Tensor, Tensor]:
    """Images (N, 28, 28) and labels (N,)."""
    if split == "test":
        return tensors.test_images, tensors.test_labels
    return tensors.train_images, tensors.train_labels


def predict_digit(path: Path, index: int, split: str, data: str | None) -> Digit:
    """What the network in a checkpoint makes of one digit. Raises UsageError and others."""
    from core.checkpoints.io import load_model
    from core.models.inference import describe_digits

    info, model = load_model(path)
    images, labels = digits_of(load_digits_of(info, data), split)
    if not 0 <= index < len(labels):
        raise UsageError(
            f"--index must be 0 to {len(labels) - 1:,} for the {split} digits of {info.dataset}, "
            f"not {index}"
        )
    return describe_digits(model, images, labels, (index,))[0]


def predict_images(path: Path, images: Sequence[str]) -> Iterator[tuple[ImageFile, Digit] | None]:
    """What the network makes of each image; None for one that cannot be read, after a line that
    says why. Raises CheckpointError."""
    from core.checkpoints.io import load_model
    from core.models.inference import describe_images

    _, model = load_model(path)
    reading = _read_pictures(images)
    while some := list(islice(reading, AT_A_TIME)):
        pictures = [each for each in some if each]
        digits = iter(describe_images(model, tuple(each.pixels for each in pictures)))
        for picture in some:
            if picture:
                yield picture, replace(next(digits), label=picture.label)
            else:
                yield None


def _read_pictures(images: Sequence[str]) -> Iterator[ImageFile | None]:
    from core.data.images import find_images, read_image
    from tui.text.console import complain

    for given in images:
        try:
            for path in find_images([given]):
                try:
                    yield read_image(path)
                except DataError as error:
                    complain(str(error))
                    yield None
        except DataError as error:  # of the folder
            complain(str(error))
            yield None


def prediction_row(digit: Digit, temperature: float) -> dict[str, Any]:
    """What `predict --json` says of each digit, beside where it is from."""
    return {
        "label": digit.label,
        "predicted": digit.predicted,
        "probabilities": digit.probabilities(temperature),
        "temperature": temperature,
    }


def print_prediction(digit: Digit, temperature: float) -> None:
    lines = draw_digit(digit.pixels)
    beside = [_verdict(digit), "", *_bars(digit, temperature, 24)]
    if temperature != 1:
        beside.append(f"softmax temperature {temperature:g}")
    _print_beside(lines, beside)


def print_picture(picture: ImageFile, digit: Digit, temperature: float) -> None:
    """In 80 columns: the original, as bright as it is, what the network sees of it, and what it
    makes of that."""
    name = encodable(printable(picture.path))
    heat = "" if temperature == 1 else f", softmax temperature {temperature:g}"
    print(f"{name}: {_verdict(digit)}{heat}")
    original = draw_grey(picture.original, picture.width, picture.height, ORIGINAL_WIDTH, 14)
    lines = [
        f"{left:{ORIGINAL_WIDTH}}  {right}"
        for left, right in zip(original, draw_digit(digit.pixels), strict=True)
    ]
    _print_beside(lines, ["", "", *_bars(digit, temperature, 10, short=True)], gap=2)
    print()


def _print_beside(lines: Sequence[str], beside: list[str], gap: int = 3) -> None:
    beside += [""] * (len(lines) - len(beside))
    for line, text in zip(lines, beside, strict=True):
        print(f"{line}{'':{gap}}{text}".rstrip())


def _verdict(digit: Digit) -> str:
    if digit.label is None:
        return f"predicted {digit.predicted}"
    verdict = "right" if digit.right else "wrong"
    return f"predicted {digit.predicted}, actual {digit.label}: {verdict}"


def _bars(digit: Digit, temperature: float, width: int, *, short: bool = False) -> list[str]:
    """One line a class; short ones have 21 columns beside the bar."""
    lines = []
    for number, share in enumerate(digit.probabilities(temperature)):
        mark = "<- predicted" if number == digit.predicted else ""
        if number == digit.label and not digit.right:
            mark = "<- actual"
        mark = mark.removesuffix(" predicted").removesuffix(" actual") if short else mark
        filled = draw_bar(share, width, plain=in_plain())
        lines.append(f"{number} {filled} {share:7.2%} {mark}".rstrip())
    return lines


def in_plain() -> bool:
    """Whether what is printed to can show ASCII alone, as far as is known."""
    return not (sys.stdout.encoding or "").lower().startswith("utf")


def encodable(text: str) -> str:
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
