"""What `eval` and `predict` work out and print."""

import sys
from pathlib import Path
from typing import Any

from core.datasets import Tensors
from core.errors import UsageError
from core.events import Digit, Notice
from core.headers import CheckpointInfo
from tui.drawing import bar, draw_digit, loss_text, percent


def load_digits(name: str, data: str | None) -> Tensors:
    """The dataset of that name. Raises DataError."""
    from core.datasets import load
    from tui.shell import complain

    loading = load(name, data)
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
    from core.resume import digits_folder

    return load_digits(info.dataset, data or digits_folder(info.config))


def evaluate_checkpoint(path: Path, data: str | None) -> dict[str, Any]:
    """What `eval --json` prints. Raises CheckpointError and DataError."""
    from core.checkpoints import load_model
    from core.inference import predict
    from core.metrics import METRICS, confusion

    info, model = load_model(path)
    tensors = load_digits_of(info, data)
    labels = tensors.test_labels
    logits = predict(model, tensors.test_images)
    return {
        "checkpoint": str(path),
        "arch": info.arch,
        "dataset": info.dataset,
        "samples": len(labels),
        "correct": int((logits.argmax(1) == labels).sum()),
        "test_accuracy": METRICS["accuracy"](logits, labels),
        "test_loss": METRICS["loss"](logits, labels),
        "confusion": confusion(logits, labels).tolist(),
    }


def print_evaluation(report: dict[str, Any]) -> None:
    print(f"{report['checkpoint']}: {report['arch']} on {report['dataset']}")
    accuracy, loss = percent(report["test_accuracy"]), loss_text(report["test_loss"])
    count = f"{report['correct']:,} of {report['samples']:,}"
    print(f"test accuracy {accuracy} ({count}), test loss {loss}")
    print("\nWhat each digit was taken for, rows actual, columns predicted:")
    print("     " + "".join(f"{digit:6}" for digit in range(10)))
    for digit, row in enumerate(report["confusion"]):
        print(f"{digit:5}" + "".join(f"{count or '·':>6}" for count in row))


def predict_digit(path: Path, index: int, split: str, data: str | None) -> Digit:
    """What the network in a checkpoint makes of one digit. Raises UsageError and others."""
    from core.checkpoints import load_model
    from core.inference import describe_digits

    info, model = load_model(path)
    tensors = load_digits_of(info, data)
    images, labels = (
        (tensors.test_images, tensors.test_labels)
        if split == "test"
        else (tensors.train_images, tensors.train_labels)
    )
    if not 0 <= index < len(labels):
        raise UsageError(
            f"--index must be 0 to {len(labels) - 1:,} for the {split} digits of {info.dataset}, "
            f"not {index}"
        )
    return describe_digits(model, images, labels, (index,))[0]


def print_prediction(digit: Digit, temperature: float) -> None:
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    lines = draw_digit(digit.pixels)
    verdict = "right" if digit.right else "wrong"
    beside = [f"predicted {digit.predicted}, actual {digit.label}: {verdict}", ""]
    for number, share in enumerate(digit.probabilities(temperature)):
        mark = "<- predicted" if number == digit.predicted else ""
        mark = "<- actual" if number == digit.label and not digit.right else mark
        beside.append(f"{number} {bar(share, 24, plain=plain)} {share:7.2%} {mark}".rstrip())
    if temperature != 1:
        beside.append(f"softmax temperature {temperature:g}")
    beside += [""] * (len(lines) - len(beside))
    for line, text in zip(lines, beside, strict=True):
        print(f"{line}   {text}".rstrip())
