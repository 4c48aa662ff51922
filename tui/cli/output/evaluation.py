"""What `eval` computes and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DataError
from core.responses import UNLIKE, Digit
from tui.cli.output.prediction import load_images, predict_images
from tui.cli.output.tables import encodable, needs_ascii
from tui.text.console import complain
from tui.text.formats import format_loss, format_percent, plural, printable

if TYPE_CHECKING:
    from torch import Tensor

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

    Each image that cannot be read is reported on stderr. Raises CheckpointError, and DataError if
    no image has a label.
    """
    import torch

    from core.checkpoints.header import read_info

    info = read_info(path)
    digits = [found[1] if found else None for found in predict_images(path, images, data)]
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
        "unlike": _count_unlike(labelled),
        "test_accuracy": None,
        "test_loss": None,
        **_metrics(logits, torch.tensor([each.label for each in labelled])),
    }
    return report, len(digits) - len(readable)


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
    on = report["dataset"] or _name_images(report["images"], report["samples"])
    print(encodable(printable(f"{report['checkpoint']}: {report['arch']} on {on}")))
    accuracy, loss = format_percent(report["accuracy"]), format_loss(report["loss"])
    count = f"{report['correct']:,} of {report['samples']:,}"
    print(f"{split} accuracy {accuracy} ({count}), {split} loss {loss}")
    for name in sorted(METRICS.keys() - {"accuracy", "loss"}):
        print(f"{split} {name} {report[name]:.4g}")
    if unlike := report.get("unlike"):
        print(f"{unlike:,} of {plural(report['samples'], 'image')}: {UNLIKE}")
    print("\nConfusion matrix (rows: true class, columns: predicted class)")
    print("     " + "".join(f"{number:6}" for number in range(len(report["confusion"]))))
    zero = "." if needs_ascii() else "·"
    for number, row in enumerate(report["confusion"]):
        print(f"{number:5}" + "".join(f"{count or zero:>6}" for count in row))


def _name_images(paths: Sequence[str], count: int) -> str:
    """Return the number of images and the names of the files and folders that they are from."""
    names = ", ".join(paths[:NAMED])
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return f"{plural(count, 'image')}: {names}{more}"
