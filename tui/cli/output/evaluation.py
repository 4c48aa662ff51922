"""What `eval` computes and prints."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.class_names import DIGITS, name_of
from core.digit import Digit
from core.errors import DataError
from core.responses.scores import Corruption
from tui.analysis.confusion import confused_pairs, describe_pair
from tui.cli.output.corruption_table import (
    describe,
    print_corruptions,
    score_table,
    table_rows,
)
from tui.cli.output.prediction import load_images, predict_images, warnings_of
from tui.cli.output.tables import encodable, needs_ascii, output_width
from tui.text.console import complain
from tui.text.formats import (
    class_label,
    class_labels,
    cut_labels,
    format_loss,
    format_percent,
    plural,
    printable,
    right_cells,
    widest_label,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

NAMED = 3  # files and folders of images in the heading
# Columns of the confusion matrix: of a row's name, and of a cell.
HEAD, LONGEST_HEAD, CELL, WIDE_CELL = 5, 20, 6, 13
MOST_PAIRS = 20  # of confused classes, where the matrix is too wide


def evaluate_split(
    path: Path,
    data: str | None,
    split: str = "test",
    corruptions: Sequence[Corruption] = (),
    dataset: str | None = None,
) -> dict[str, Any]:
    """Return what `eval --json` prints for a checkpoint on its dataset, or on another one; see
    _evaluate.

    Raises CheckpointError and DataError.
    """
    from core.checkpoints.io import load_model

    info, model = load_model(path)
    images, labels = load_images(path, info, data, split, dataset)
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": dataset or info.dataset,
        "split": split,
        "class_names": list(info.class_names),
        **_evaluate(model, images, labels, corruptions),
    }
    for name in ("accuracy", "loss"):  # on the training split they are not test metrics
        report[f"test_{name}"] = report[name] if split == "test" else None
    return report


def evaluate_images(
    path: Path, images: Sequence[str], data: str | None, corruptions: Sequence[Corruption] = ()
) -> tuple[dict[str, Any], int]:
    """Return what `eval --json` prints for labelled images, and how many could not be read.

    An image with several digits has no label, so it is left out. Each image that cannot be read is
    reported on stderr. Corruptions are of the network's input, 28×28 pixels. Raises
    CheckpointError, and DataError if no image has a label.
    """
    from core.checkpoints.header import read_info

    info = read_info(path)
    digits: list[Digit] = []
    warned, several, unlabelled, unreadable = Counter[str](), [], 0, 0
    for found in predict_images(path, images, data):
        if found is None:
            unreadable += 1
            continue
        image, digit = found
        if image.count > 1:
            several += [image.path] if image.position == 0 else []
        elif digit.label is None:
            unlabelled += 1
        else:
            digits.append(digit)
            warned.update(warnings_of(digit, image))
    if not digits:
        raise DataError(_nothing_to_evaluate(len(several), unlabelled, info.class_names))
    if unlabelled:
        complain(f"skipped {_without_label(unlabelled, info.class_names)}")
    report = {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": None,
        "images": list(images),
        "unlike": _count_unlike(digits),
        "warnings": dict(warned.most_common()),
        "several_digits": several,
        "test_accuracy": None,
        "test_loss": None,
        "class_names": list(info.class_names),
        **_evaluate_digits(path, digits, corruptions),
    }
    return report, unreadable


def _without_label(count: int, names: Sequence[str]) -> str:
    classes = "0 to 9"
    if tuple(names) != DIGITS:
        more = ", …" * (len(names) > NAMED)
        classes = f"after a class ({', '.join(class_labels(names[:NAMED]))}{more})"
    return f"{plural(count, 'image')} without a label: not in a folder named {classes}"


def _evaluate_digits(
    path: Path, digits: Sequence[Digit], corruptions: Sequence[Corruption]
) -> dict[str, Any]:
    """Return the metrics of predictions that are known, or with corruptions of new ones."""
    import torch

    labels = torch.tensor([each.label for each in digits])
    if not corruptions:
        return _metrics(torch.tensor([each.logits for each in digits]), labels)
    from core.checkpoints.io import load_model
    from core.data.batches import SIDE

    pixels = bytearray(b"".join(each.pixels for each in digits))
    images = torch.frombuffer(pixels, dtype=torch.uint8).view(-1, SIDE, SIDE)
    return _evaluate(load_model(path)[1], images, labels, corruptions)


def _evaluate(
    model: nn.Module, images: Tensor, labels: Tensor, corruptions: Sequence[Corruption]
) -> dict[str, Any]:
    """Return the metrics of images, uint8 (N, 28, 28): with one corruption, which is `corrupt`, or
    as they are, and those of several in `corruptions`."""
    from core.data.corruptions import corrupt
    from core.models.inference import predict

    if len(corruptions) == 1:
        logits = predict(model, corrupt(images, corruptions[0]))
        return _metrics(logits, labels) | {"corrupt": describe(corruptions[0])}
    logits = predict(model, images)
    report = _metrics(logits, labels)
    if corruptions:
        scores = score_table(model, images, labels, corruptions, logits.shape[1])
        report["corruptions"] = table_rows(scores)
    return report


def _nothing_to_evaluate(several: int, unlabelled: int, names: Sequence[str]) -> str:
    if not several and not unlabelled:
        return "none of the images can be read: nothing to evaluate"
    parts = [_without_label(unlabelled, names)] if unlabelled else []
    if several:
        parts.append(f"{_with_several(several)}: a folder's name is the label of one digit")
    return f"{'; '.join(parts)}: use `mnist-tui predict`"


def _with_several(count: int) -> str:
    return f"{plural(count, 'image')} with several digits"


def _count_unlike(digits: Sequence[Digit]) -> int | None:
    """Return how many images are unlike any digit; None where that is not known."""
    if any(each.is_unlike is None for each in digits):
        return None
    return sum(each.is_unlike is True for each in digits)


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

    split = report.get("split", "image")
    on = report["dataset"] or _name_images(report["images"], plural(report["samples"], "image"))
    if corrupt := report.get("corrupt"):
        on += ", {kind} {strength:g} {unit}, seed {seed}".format(**corrupt)
    print(encodable(printable(f"{report['checkpoint']}: {report['arch']} on {on}")))
    accuracy, loss = format_percent(report["accuracy"]), format_loss(report["loss"])
    count = f"{report['correct']:,} of {report['samples']:,}"
    print(f"{split} accuracy {accuracy} ({count}), {split} loss {loss}")
    for name in sorted(METRICS.keys() - {"accuracy", "loss"}):
        print(f"{split} {name} {report[name]:.4g}")
    for warning, number in report.get("warnings", {}).items():
        print(f"{number:,} of {plural(report['samples'], 'image')}: {warning}")
    if several := report.get("several_digits"):
        print("left out", encodable(printable(_name_images(several, _with_several(len(several))))))
    if rows := report.get("corruptions"):
        print(f"\nAccuracy with each corruption, level 1 to 5, seed {rows[0]['seed']}")
        print_corruptions(report)
        return
    print_confusion(report["confusion"], report["class_names"])


def print_confusion(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Print the matrix, or the most confused pairs where the terminal is too narrow for it."""
    labels = [class_label(encodable(name_of(names, each))) for each in range(len(confusion))]
    head = max(HEAD, widest_label(labels, LONGEST_HEAD))
    if sys.stdout.isatty() and head + CELL * len(labels) > output_width() and len(labels) > 10:
        pairs = confused_pairs(tuple(map(tuple, confusion)))
        print(f"\nConfused most often (the matrix of {len(labels)} classes: --json)")
        for pair in pairs[:MOST_PAIRS]:
            print(encodable(describe_pair(pair, names, output_width())))
        return
    print("\nConfusion matrix (rows: true class, columns: predicted class)")
    cell = max(CELL, 1 + widest_label(labels, WIDE_CELL - 1))
    if sys.stdout.isatty() and head + cell * len(labels) > output_width():
        cell = CELL
    print(" " * head + "".join(right_cells(each, cell) for each in cut_labels(labels, cell - 1)))
    zero = "." if needs_ascii() else "·"
    for label, row in zip(labels, confusion, strict=True):
        name = right_cells(class_label(label, head), head)
        print(name + "".join(f"{count or zero:>{cell}}" for count in row))


def _name_images(paths: Sequence[str], what: str) -> str:
    """Return what the images are, and the first names of their files and folders."""
    names = ", ".join(paths[:NAMED])
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return f"{what}: {names}{more}"
