"""What `predict` computes and prints."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

from core.class_names import DIGITS
from core.digit import Digit, with_class_names
from core.errors import DataError, UsageError
from core.events import Event, Notice
from tui.cli.output.tables import encodable, needs_ascii, output_width
from tui.text.console import complain
from tui.text.digit_art import SIDE, draw_bar, draw_digit
from tui.text.formats import class_label, fit_cells, printable, widest_label
from tui.text.picture_art import draw_picture

if TYPE_CHECKING:
    from torch import Tensor

    from core.checkpoints.header import CheckpointInfo
    from core.data.images import ImageDigit
    from core.novelty.detector import Detector

T = TypeVar("T")
BATCH = 32  # images that are read before the network runs
GAP = 2  # columns between drawings and bars
LEAST_ORIGINAL = 14  # columns; with fewer left for it, the original stands above
BAR, LEAST_BAR, BESIDE_BAR = 10, 6, 13  # columns of a bar, and of the text beside it
WIDE_BAR, BESIDE_WIDE_BAR = 24, 23
LONGEST_LABEL = 16  # columns of the name of a class
MOST_BARS, TOP_BARS = 14, 10  # classes that all have a bar, and the most probable ones of more


def load_images(
    path: Path, info: CheckpointInfo, data: str | None, split: str, dataset: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return images (N, 28, 28) and labels (N,) of the dataset that a checkpoint was trained on,
    or of another one those of the network's classes.

    They are read from the folder `data`, by default from where they were then. Raises DataError,
    and CheckpointError where the dataset of the checkpoint has other classes.
    """
    from core.data.matching import load_matching
    from core.runs.data_folder import check_classes, load_run_data

    if dataset is not None:
        matched = _finish(load_matching(dataset, data, info.class_names, split))
        if left_out := matched.describe_left_out():
            complain(f"{printable(dataset)}: {left_out}")
        return matched.images, matched.labels
    check_classes(path, info)
    _, tensors = _finish(load_run_data(info.dataset, info.config, data))
    return tensors.of_split(split)


def _finish(loading: Generator[Event, None, T]) -> T:
    """Return what is loaded; a Notice is printed on stderr."""
    while True:
        try:
            event = next(loading)
        except StopIteration as done:
            loaded: T = done.value
            return loaded
        if isinstance(event, Notice):
            complain(event.message)


def predict_image(
    path: Path, index: int, split: str, data: str | None, dataset: str | None = None
) -> Digit:
    """Return the prediction of a checkpoint for one image of its dataset, or of another one.

    Raises UsageError for an index that is out of range, CheckpointError and DataError.
    """
    from core.checkpoints.io import load_model
    from core.models.inference import predict_digits
    from core.novelty.sign import mark_unlike

    info, model = load_model(path)
    images, labels = load_images(path, info, data, split, dataset)
    if not 0 <= index < len(labels):
        raise UsageError(
            f"--index must be 0 to {len(labels) - 1:,} for the {split} images of "
            f"{printable(dataset or info.dataset)}, not {index}"
        )
    digits = predict_digits(model, images, labels, (index,))
    digits = with_class_names(digits, info.class_names)
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
        digits = iter(mark_unlike(with_class_names(predicted, info.class_names), detector))
        for picture in batch:
            label = picture.find_label(info.class_names) if picture else None
            yield (picture, replace(next(digits), label=label)) if picture else None


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
    """Return what `predict --json` prints of one prediction, beside where the image is from.

    Classes that are not the ten digits have names too.
    """
    names: dict[str, Any] = {}
    if digit.class_names != DIGITS:
        label = None if digit.label is None else digit.name_of(digit.label)
        names = {"label_name": label, "predicted_name": digit.predicted_name}
    return {
        "label": digit.label,
        "predicted": digit.predicted,
        **names,
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
    return [*([digit.unlike_text()] if digit.is_unlike else []), *(image.warnings if image else ())]


def print_prediction(digit: Digit, temperature: float) -> None:
    """Print an image of the dataset beside its prediction, or above it where that is too wide."""
    columns = _columns()
    width = min(SIDE, columns)
    with_bar = BESIDE_WIDE_BAR + _label_width(digit) - 1
    beside = columns - width - GAP - with_bar
    length = beside if beside >= LEAST_BAR else columns - with_bar
    doubt = "".join(f"warning: {each}" for each in warnings_of(digit))
    texts = wrap(doubt, length + with_bar) or [""]
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
    with_bar = BESIDE_BAR + _label_width(digit) - 1
    bars = _bars(digit, temperature, max(1, min(BAR, columns - with_bar)), is_short=True)
    seen = [*draw_digit(digit.pixels, inputs, max(1, inputs // 2)), "network input"]
    beside_input = columns - SIDE - GAP
    beside_both = beside_input - GAP - BAR - with_bar
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
    predicted = encodable(class_label(digit.predicted_name))
    if digit.label is None:
        return f"predicted {predicted}"
    result = "correct" if digit.right else "wrong"
    true = encodable(class_label(digit.name_of(digit.label)))
    return f"predicted {predicted}, true {true}: {result}"


def _label_width(digit: Digit) -> int:
    """Return the columns of the longest name of a class beside its bar."""
    return widest_label(map(encodable, digit.class_names), LONGEST_LABEL)


def _bars(digit: Digit, temperature: float, width: int, *, is_short: bool = False) -> list[str]:
    """Return a line for each class: its bar and BESIDE_WIDE_BAR or BESIDE_BAR columns, and more for
    a longer name than that of a digit. Of many classes there are the most probable ones."""
    shares, label = digit.probabilities(temperature), _label_width(digit)
    shown = list(range(len(shares)))
    if len(shares) > MOST_BARS:
        by_share = sorted(shown, key=lambda number: -shares[number])
        shown = [each for each in by_share if each in by_share[:TOP_BARS] or each == digit.label]
    lines = []
    for number in shown:
        share = shares[number]
        mark = "predicted" if number == digit.predicted else ""
        if number == digit.label and not digit.right:
            mark = "true"
        arrow = "<-" if mark else ""
        text = arrow if is_short else f"{arrow} {mark}"
        filled = draw_bar(share, width, plain=needs_ascii())
        name = class_label(encodable(digit.name_of(number)), label)
        lines.append(f"{fit_cells(name, label)} {filled} {share:7.2%} {text}".rstrip())
    if rest := len(shares) - len(shown):
        lines.append(f"and {rest:,} less probable classes")
    return lines
