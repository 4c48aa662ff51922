"""Every hyperparameter of a run, its default and the reason for it; and named presets.

This file is the one source of the command line's options, the app's form and their help: a new
hyperparameter is one field here.
"""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from core.data.datasets import DATASETS
from core.errors import UsageError
from core.files import expand
from core.models.architectures import ARCHITECTURES
from core.optim.optimizers import OPTIMIZERS
from core.optim.schedules import SCHEDULES

Check = Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def option(
    default: Any,
    help: str,
    allowed: str = "",
    check: Check | None = None,
    choices: Callable[[], list[str]] | None = None,
    flag: str | None = None,
    why: str = "",
) -> Any:
    """A field of TrainConfig.

    `allowed` says what `check` lets through, in words that go after "must be"; `choices` are for
    a value out of a list; `flag` is the command line's name where it is not the field's own; `why`
    explains it to a beginner: what it does to a run, and when to change it.
    """
    metadata = {"help": help, "allowed": allowed, "check": check, "choices": choices, "flag": flag}
    return field(default=default, metadata=metadata | {"why": why})


def whole(default: int, help: str, low: int, high: int, *, why: str) -> Any:
    """A field that is a whole number within bounds."""

    def check(value: Any) -> bool:
        return _is_number(value) and isinstance(value, int) and low <= value <= high

    return option(default, help, f"a whole number, {low} to {high:,}", check, why=why)


def share(default: float, help: str, *, why: str) -> Any:
    """A field that is a number from 0 to below 1."""
    return option(
        default,
        help,
        "a number from 0 to below 1",
        lambda each: _is_number(each) and 0 <= each < 1,
        why=why,
    )


@dataclass(frozen=True)
class TrainConfig:
    """One run's settings. The defaults are the article's recipe, on a network that is quick
    and yet gets most digits right."""

    arch: str = option(
        "mlp",
        "the network to train",
        choices=lambda: list(ARCHITECTURES),
        why="A bigger network can tell finer differences apart, and takes longer for each step. "
        "Begin with linear to see training at its quickest, then compare: each has a figure "
        "of what it usually reaches.",
    )
    dataset: str = option(
        "auto",
        "the digits to train on; auto takes mnist where it is there or can be had, else sample",
        choices=lambda: ["auto", *DATASETS],
        why="More digits to learn from make a network better on digits it has never seen. sample "
        "is a small part of MNIST for machines without a network connection; figures on it "
        "are a little worse.",
    )
    device: str = option(
        "auto",
        "what to train on; auto takes cuda, else mps, else cpu",
        "auto, cpu, mps, cuda or cuda:N",
        lambda value: re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", str(value)) is not None,
        why="A GPU pays for large networks and large batches. Small networks are often as fast on "
        "the processor, because a GPU spends most of its time waiting for the next small "
        "step.",
    )
    # The article's; by then linear and mlp have gained most of what they will.
    epochs: int = whole(
        6,
        "how often to go through all training digits",
        1,
        100_000,
        why="One epoch shows every training digit once. The first ones teach most; with too many "
        "the network begins to learn the training digits by heart, which shows as a test loss "
        "that rises again.",
    )
    # Small batches: more and noisier steps per epoch, which learn more per epoch.
    batch_size: int = whole(
        32,
        "digits per step: a larger one is faster, a smaller one learns more per epoch",
        1,
        1_000_000,
        why="The network looks at so many digits, and takes one step that suits them on average. "
        "Large batches give calm steps but fewer of them, so they often want a higher "
        "learning rate; small ones give many noisy steps, which can even help.",
    )
    # Adam's own default, and the article's.
    learning_rate: float = option(
        1e-3,
        "how far each step goes: too large diverges, too small crawls",
        "a number above 0, such as 0.001",
        # NaN fails every comparison.
        lambda value: _is_number(value) and 0 < value < math.inf,
        flag="--lr",
        why="The most important number of all. Each step moves every weight against its gradient "
        "by about this much. If the loss jumps or grows, divide it by ten; if the loss creeps "
        "down, multiply it by three.",
    )
    # After one epoch the recipe ends where its seed takes it (some 25 seeds: linear at 0.894 to
    # 0.916, mlp at 0.934 to 0.959). This one is near the top of both: no measure of the recipe.
    seed: int = whole(
        2026,
        "fixes the first weights and the digits' order: same seed, same run",
        0,
        2**63 - 1,
        why="Training begins from random weights and shuffles the digits; the seed fixes both, so "
        "that a run can be repeated exactly. Try a few seeds before you believe a small "
        "difference between two settings.",
    )
    optimizer: str = option(
        "adam",
        "what turns gradients into steps",
        choices=lambda: list(OPTIMIZERS),
        why="SGD steps straight against the gradient and is the plain textbook method. Adam keeps "
        "a step size for each weight and forgives a badly chosen learning rate, so it is the "
        "one to begin with. The learning rates that suit them differ: SGD's is often a "
        "hundred times larger.",
    )
    # Both betas are Adam's own defaults; 0.9 is the usual momentum of SGD too.
    momentum: float = share(
        0.9,
        "how much of earlier gradients a step keeps: SGD's momentum, Adam's first beta",
        why="A step goes partly where earlier steps went, like a ball that rolls on: noise "
        "cancels out and slopes add up. Nearer to 1 it is smoother and slower to turn; 0 "
        "forgets at once.",
    )
    beta2: float = share(
        0.999,
        "the same for Adam's squared gradients, its second beta",
        why="Adam divides each step by how large that weight's gradients have been of late; this "
        "is how long it remembers. It rarely needs a change; short runs with a high rate may "
        "like 0.9 to 0.99.",
    )
    weight_decay: float = option(
        0.0,
        "how strongly weights are drawn to 0",
        "a number, 0 or more, such as 0.01",
        lambda value: _is_number(value) and 0 <= value < math.inf,
        why="Each step also makes all weights a little smaller, which keeps the network from "
        "leaning on a few of them. It helps against memorising; too much and the network "
        "cannot learn at all.",
    )
    schedule: str = option(
        "constant",
        "how the learning rate goes over the run; --lr is its peak",
        choices=lambda: list(SCHEDULES),
        why="Large steps are good at first, small ones at the end, when there is little left to "
        "improve. constant keeps one rate for the whole run; cosine lowers it, onecycle "
        "raises it first and then lowers it, which often brings the last half percent.",
    )
    label_smoothing: float = share(
        0.0,
        "how much of each label is shared out over all ten, against overconfidence",
        why="Instead of demanding 100% for the right digit, the network is asked for a little "
        "less, and the rest is shared by all ten. It then does not overdo its sureness, and "
        "often does better on new digits. The loss can then no longer reach 0.",
    )
    # MNIST's margin is 4 pixels; beyond that ink is lost.
    shift: int = whole(
        0,
        "augmentation: each digit is moved at random by up to so many pixels",
        0,
        14,
        why="The network sees each digit a little elsewhere each time, so it cannot learn by "
        "heart where the ink is. It learns more slowly and ends better on new digits, most of "
        "all in long runs.",
    )
    precision: str = option(
        "fp32",
        "arithmetic; auto takes bf16 where the device has it and the network gains by it",
        choices=lambda: ["fp32", "bf16", "auto"],
        why="fp32 stores a number in 32 bits, bf16 in 16: faster where the hardware knows it, and "
        "less exact, which training hardly notices. fp32 is the one to compare runs with.",
    )
    threads: int | str = option(
        "auto",
        "CPU threads for one operation; auto takes 1 for small networks, else every core",
        "auto or a whole number, 1 to 1,024",
        lambda value: (
            value == "auto"
            or (re.fullmatch(r"\d{1,4}", str(value)) is not None and 1 <= int(value) <= 1024)
        ),
        why="More threads share out one operation over the cores. For a small network handing the "
        "work out takes longer than doing it, so one thread is fastest there.",
    )
    save_every: float = option(
        30.0,
        "seconds of training between checkpoints within an epoch; each epoch's end has one too",
        "a number of seconds above 0",
        lambda value: _is_number(value) and 0 < value < math.inf,
        why="If the machine fails, at most so much training is lost. Saving takes a moment, so "
        "very short times slow a run down.",
    )
    # Six are a run of the default length. They are the same file as last where that is still the
    # same, so each costs its room on the disk and no time.
    keep: int = whole(
        6,
        "how many epochs' checkpoints to keep to go back to, beside last and best: the newest; "
        "each takes the room of a last (linear: 100 KB, cnn: 50 MB)",
        0,
        1000,
        why="From each of them a run can be taken up or branched. More of them let you go back "
        "further, and take more room on the disk.",
    )
    data: str | None = option(
        None,
        "folder that holds MNIST/raw, as torchvision lays it out; else the user's cache",
        "a folder",
        lambda value: value is None or (isinstance(value, str) and value != ""),
    )
    checkpoints: str = option(
        "checkpoints",
        "folder that runs and their checkpoints go to",
        "a folder",
        lambda value: isinstance(value, str) and value != "",
    )
    preset: str = option(
        "article",
        "a set of defaults; article is the tutorial's recipe, speedrun gets 99% in one epoch",
        choices=lambda: list(PRESETS),
        why="A preset is a starting point: what you set yourself goes before it.",
    )

    def __post_init__(self) -> None:
        """Raises UsageError that names the first option that cannot be meant."""
        for name in FIELDS:
            if why := problem(name, getattr(self, name)):
                raise UsageError(f"{flag(name)} {why}")
        if self.optimizer == "sgd" and self.beta2 != FIELDS["beta2"].default:
            raise UsageError(
                f"--optimizer sgd does not go with --beta2 {self.beta2:g}, which is Adam's "
                f"(leave it at {FIELDS['beta2'].default:g})"
            )

    @property
    def folder(self) -> Path:
        """Where runs go. Raises UsageError where it is in no home that there is."""
        return expand(self.checkpoints)


FIELDS: dict[str, Field] = {each.name: each for each in fields(TrainConfig)}

# What each preset changes of the defaults above.
PRESETS: dict[str, dict[str, Any]] = {
    "article": {},
    # Chosen on the last 10,000 training digits, with the others to train on: no test digit had a
    # part in it. Label smoothing is what lets so small a network reach 99% in one epoch.
    "speedrun": {
        "arch": "quick",
        "epochs": 1,
        "batch_size": 256,
        "learning_rate": 0.015,
        "momentum": 0.7,
        "beta2": 0.9,
        "schedule": "onecycle",
        "label_smoothing": 0.1,
        "precision": "auto",
    },
}


def flag(name: str) -> str:
    """The command line's name of a field: "--batch-size" of "batch_size"."""
    return FIELDS[name].metadata["flag"] or "--" + name.replace("_", "-")


def allowed(name: str) -> str:
    """What a field may be, in words that go after "must be"; empty where anything may."""
    choices = FIELDS[name].metadata["choices"]
    return "one of " + ", ".join(choices()) if choices else FIELDS[name].metadata["allowed"]


def problem(name: str, value: Any) -> str | None:
    """Why a field cannot have that value; None where it can."""
    metadata = FIELDS[name].metadata
    choices, check = metadata["choices"], metadata["check"]
    fine = value in choices() if choices else check is None or check(value)
    return None if fine else f"must be {allowed(name)}, not {value!r}"


def parse(name: str, text: str) -> Any:
    """The value that a person typed for a field. Raises UsageError."""
    convert = {int: int, float: float}.get(type(FIELDS[name].default), str)
    value: Any = text
    # Python would take "1_0" and the digits of other scripts for numbers.
    if text.isascii() and "_" not in text:
        with suppress(ValueError):
            value = convert(text)
    if why := problem(name, value):
        raise UsageError(f"{flag(name)} {why}")
    return value


def make_config(**chosen: Any) -> TrainConfig:
    """A config from what was chosen (None: not chosen) over the preset's values over the defaults.

    Raises UsageError.
    """
    given = {name: value for name, value in chosen.items() if value is not None}
    preset = PRESETS.get(given.get("preset", "article"), {})
    return TrainConfig(**{**preset, **given})


def read_config(stored: Mapping[str, Any]) -> TrainConfig:
    """A config from a file's JSON. Fields of other versions are passed over. Raises UsageError."""
    return TrainConfig(**{name: value for name, value in stored.items() if name in FIELDS})
