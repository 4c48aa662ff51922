"""What `eval` computes and prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DataError
from core.responses import Digit
from tui.cli.output.prediction import load_images, predict_images, warnings_of
from tui.cli.output.tables import encodable, needs_ascii
from tui.text.console import complain
from tui.text.formats import format_loss, format_percent, plural, printable

if TYPE_CHECKING:
    from torch import Tensor

NO_LABEL = "without a label: not in a folder named 0 to 9"
NAMED = 3  # files and folders of images in the heading


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


def evaluate_images(
    path: Path, images: Sequence[str], data: str | None
) -> tuple[dict[str, Any], int]:
    """Return what `eval --json` prints for labelled images, and how many could not be read.

    An image with several digits has no label, so it is left out. Each image that cannot be read is
    reported on stderr. Raises CheckpointError, and DataError if no image has a label.
    """
    import torch

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
        raise DataError(_nothing_to_evaluate(len(several), unlabelled))
    if unlabelled:
        complain(f"skipped {plural(unlabelled, 'image')} {NO_LABEL}")
    logits = torch.tensor([each.logits for each in digits])
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
        **_metrics(logits, torch.tensor([each.label for each in digits])),
    }
    return report, unreadable


def _nothing_to_evaluate(several: int, unlabelled: int) -> str:
    if not several and not unlabelled:
        return "none of the images can be read: nothing to evaluate"
    parts = [f"{plural(unlabelled, 'image')} {NO_LABEL}"] if unlabelled else []
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
    print("\nConfusion matrix (rows: true class, columns: predicted class)")
    print("     " + "".join(f"{number:6}" for number in range(len(report["confusion"]))))
    zero = "." if needs_ascii() else "·"
    for number, row in enumerate(report["confusion"]):
        print(f"{number:5}" + "".join(f"{count or zero:>6}" for count in row))


def _name_images(paths: Sequence[str], what: str) -> str:
    """Return what the images are, and the first names of their files and folders."""
    names = ", ".join(paths[:NAMED])
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return f"{what}: {names}{more}"
