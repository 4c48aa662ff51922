"""What `predict` computes and prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from core.errors import DataError, UsageError
from core.events import Notice
from core.responses import UNLIKE, Digit
from tui.cli.output.tables import encodable, needs_ascii, output_width
from tui.text.console import complain
from tui.text.digit_art import SIDE, draw_bar, draw_digit
from tui.text.formats import printable
from tui.text.picture_art import draw_picture

if TYPE_CHECKING:
    from torch import Tensor

    from core.checkpoints.header import CheckpointInfo
    from core.data.images import ImageDigit
    from core.novelty.detector import Detector

BATCH = 32  # images that are read before the network runs
GAP = 2  # columns between drawings and bars
LEAST_ORIGINAL = 14  # columns; with fewer left for it, the original stands above
BAR, LEAST_BAR, BESIDE_BAR = 10, 6, 13  # columns of a bar, and of the text beside it
WIDE_BAR, BESIDE_WIDE_BAR = 24, 23


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
    from core.novelty.sign import mark_unlike

    info, model = load_model(path)
    images, labels = load_images(info, data, split)
    if not 0 <= index < len(labels):
        raise UsageError(
            f"--index must be 0 to {len(labels) - 1:,} for the {split} images of {info.dataset}, "
            f"not {index}"
        )
    digits = predict_digits(model, images, labels, (index,))
    return mark_unlike(digits, load_detector(info, data))[0]


def load_detector(info: CheckpointInfo, data: str | None) -> Detector | None:
    """Return what finds images that are unlike any digit of a checkpoint's dataset; None, and a
    message on stderr, where the training images are not on this machine."""
    from core.novelty.sign import MISSING, find_detector
    from core.runs.data_folder import digits_folder

    detector = find_detector(info.dataset, data or digits_folder(info.dataset, info.config))
    if detector is None:
        complain(MISSING.format(info.dataset))
    return detector


def predict_images(
    path: Path, images: Sequence[str], data: str | None
) -> Iterator[tuple[ImageDigit, Digit] | None]:
    """Yield each digit of the image files with its prediction; None for an unreadable file.

    `data` is the folder of the dataset that the checkpoint was trained on. Why a file cannot be
    read is reported on stderr. Raises CheckpointError.
    """
    from core.checkpoints.io import load_model
    from core.models.inference import predict_images
    from core.novelty.sign import mark_unlike

    info, model = load_model(path)
    detector, reading = load_detector(info, data), _read_images(images)
    while batch := list(islice(reading, BATCH)):
        pictures = [each for each in batch if each]
        predicted = predict_images(model, tuple(each.pixels for each in pictures))
        digits = iter(mark_unlike(predicted, detector))
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
        "warnings": warnings_of(digit, image),
    }


def warnings_of(digit: Digit, image: ImageDigit | None = None) -> list[str]:
    """Return the reasons to doubt a prediction, and that it is of the right part of an image."""
    return [*([UNLIKE] if digit.is_unlike else []), *(image.warnings if image else ())]


def print_prediction(digit: Digit, temperature: float) -> None:
    """Print an image of the dataset beside its prediction, or above it where that is too wide."""
    columns = _columns()
    width = min(SIDE, columns)
    beside = columns - width - GAP - BESIDE_WIDE_BAR
    length = beside if beside >= LEAST_BAR else columns - BESIDE_WIDE_BAR
    doubt = "".join(f"warning: {each}" for each in warnings_of(digit))
    texts = wrap(doubt, length + BESIDE_WIDE_BAR) or [""]
    texts = [_result(digit), *texts, *_bars(digit, temperature, max(1, min(WIDE_BAR, length)))]
    if temperature != 1:
        texts.append(f"softmax temperature {temperature:g}")
    drawing = draw_digit(digit.pixels, width, max(1, width // 2))
    if beside >= LEAST_BAR:
        _print_beside([drawing, texts], [width])
    else:
        print("\n".join([*(line.rstrip() for line in drawing), *texts]))


def print_image(picture: ImageDigit, digit: Digit, temperature: float) -> None:
    """Print an image, the network's input made of a digit in it, and the prediction.

    A frame in the image shows what the input was made of. In a narrow terminal the bars stand
    below the drawings, and in a very narrow one the drawings below each other. The lines are at
    most as wide as the terminal, and 80 columns in a pipe, except the name.
    """
    columns = _columns()
    name = encodable(printable(picture.path))
    if picture.count > 1:
        name += f", digit {picture.position + 1} of {picture.count}"
    softmax = "" if temperature == 1 else f", softmax temperature {temperature:g}"
    print(f"{name}: {_result(digit)}{softmax}")
    for warning in warnings_of(digit, picture):
        print("\n".join(wrap(f"warning: {warning}", min(80, columns))))
    inputs = min(SIDE, columns)
    bars = _bars(digit, temperature, max(1, min(BAR, columns - BESIDE_BAR)), is_short=True)
    seen = [*draw_digit(digit.pixels, inputs, max(1, inputs // 2)), "network input"]
    beside_input = columns - SIDE - GAP
    beside_both = beside_input - GAP - BAR - BESIDE_BAR
    if beside_both >= LEAST_ORIGINAL:
        width = min(SIDE, beside_both)
        _print_beside([_original(picture, width), seen, ["", "", *bars]], [width, inputs])
    elif beside_input >= LEAST_ORIGINAL:
        width = min(SIDE, beside_input)
        _print_beside([_original(picture, width), seen], [width])
        print("\n".join(bars))
    else:
        blocks = [*_original(picture, inputs), *seen, *bars]
        print("\n".join(line.rstrip() for line in blocks))
    print()


def _columns() -> int:
    """Return how wide lines may be: as the terminal, and 80 columns in a pipe."""
    return max(1, output_width()) if sys.stdout.isatty() else 80


def _original(picture: ImageDigit, width: int) -> list[str]:
    """Return the lines of the image as it is in the file, with its caption below."""
    size, rows = (picture.width, picture.height), max(1, width // 2)
    drawn = draw_picture(picture.original, size, picture.share, width, rows, plain=needs_ascii())
    lines = ["".join(text for text, _ in line) for line in drawn]
    return [*(line for line in lines if line.strip()), "original"]


def _print_beside(blocks: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print blocks of lines side by side; the widths are of all but the last."""
    for line in zip_longest(*blocks, fillvalue=""):
        parts = [f"{text:{width}}" for text, width in zip(line, (*widths, 0), strict=True)]
        print((" " * GAP).join(parts).rstrip())


def _result(digit: Digit) -> str:
    if digit.label is None:
        return f"predicted {digit.predicted}"
    result = "correct" if digit.right else "wrong"
    return f"predicted {digit.predicted}, true {digit.label}: {result}"


def _bars(digit: Digit, temperature: float, width: int, *, is_short: bool = False) -> list[str]:
    """Return a line for each class: BESIDE_WIDE_BAR columns and its bar, or BESIDE_BAR."""
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
