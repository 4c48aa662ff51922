"""Every setting of a training run, with its default and the reason for it.

The options of the command line, the app's form and their help all come from this file. To add a
setting: one field of TrainConfig, and an entry of WHY.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from core.compute.routes import AUTO, is_routes_setting
from core.data.datasets import DATASETS, class_names_of, is_dataset
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES
from core.models.networks import (
    ALLOWED,
    Network,
    check_spec,
    normalize_spec,
    resolve_network,
    stated_outputs,
)
from core.optim.optimizers import OPTIMIZERS
from core.optim.schedules import SCHEDULES
from core.settings.fields import choice, directory, number, option, whole_number
from core.settings.presets import PRESETS
from core.user import expand

DEVICES = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
THREADS = re.compile(r"auto|0*([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])")
FRACTION = "a number from 0 to below 1"


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one run. The defaults are the article's recipe, with the network that is
    both quick and accurate."""

    arch: str = option(
        "mlp",
        "network architecture: layers as text, a class or function in your Python file that "
        "returns a module, as in mynet.py:Net (only this option can name a file), or a name",
        metavar="NAME|LAYERS|FILE.py:NAME",
        allowed=ALLOWED,
        choices=ARCHITECTURES,
        problem=check_spec,
    )
    dataset: str = option(
        "auto",
        "dataset to train on: auto, which is MNIST if available, else the 5,000-digit sample; "
        "folder:DIR with a subfolder of images for each class; or a name",
        metavar="NAME|folder:DIR",
        allowed=f"one of auto, {', '.join(DATASETS)} or folder:DIR",
        check=is_dataset,
        choices=("auto", *DATASETS),
    )
    device: str = option(
        "auto",
        "device to train on; auto is cuda if available, else mps, else cpu",
        metavar="NAME",
        allowed="auto, cpu, mps, cuda or cuda:N",
        check=lambda value: DEVICES.fullmatch(str(value)) is not None,
    )
    # As in the article; by then linear and mlp have reached most of their accuracy.
    epochs: int = whole_number(6, "number of passes over the training images", 1, 100_000)
    # Small batches: more and noisier steps per epoch, which learn more per epoch.
    batch_size: int = whole_number(
        32, "images per training step; larger is faster, smaller learns more per epoch", 1, 10**6
    )
    # The default of Adam, and of the article.
    learning_rate: float = number(
        1e-3,
        "size of a training step; too large diverges, too small learns slowly",
        "a number above 0, such as 0.001",
        with_zero=False,
        flag="--lr",
    )
    seed: int = whole_number(
        0, "random seed of the initial weights and of the order of the images", 0, 2**63 - 1
    )
    optimizer: str = choice("adam", "optimization algorithm", OPTIMIZERS)
    # 0.9 and 0.999 are the betas of Adam's paper; 0.9 is the usual momentum of SGD too.
    momentum: float = number(0.9, "momentum of SGD, or the first beta of Adam", FRACTION, below=1)
    beta2: float = number(
        0.999, "second beta of Adam, for the mean of the squared gradients", FRACTION, below=1
    )
    weight_decay: float = number(
        0.0,
        "weight decay: an L2 penalty, decoupled from the gradient with adamw",
        "a number, 0 or more, such as 0.01",
    )
    schedule: str = choice(
        "constant", "learning rate schedule over the run; --lr is the peak", SCHEDULES
    )
    label_smoothing: float = number(
        0.0,
        "share of each label spread evenly over all classes, against overconfidence",
        FRACTION,
        below=1,
    )
    # Images of MNIST have a margin of 4 pixels; a larger shift cuts off ink.
    shift: int = whole_number(
        0, "data augmentation: largest random shift of an image, in pixels", 0, 14
    )
    precision: str = choice(
        "fp32",
        "floating-point format; auto is bf16 if the device supports it and is faster with it",
        ("fp32", "bf16", "auto"),
    )
    threads: int | str = option(
        "auto",
        "CPU threads per operation; auto is what was measured as fastest, else 1 for small "
        "networks and the cores that this process may use, fewer within a container's CPU quota, "
        "for others",
        metavar="auto|N",
        allowed="auto or a whole number, 1 to 1,024",
        check=lambda value: THREADS.fullmatch(str(value)) is not None,
    )
    routes: str = option(
        AUTO,
        "how each step is computed: auto measures what is fastest on this machine, default does "
        "not, and a text as a run's run.json has it repeats that run's routes",
        metavar="auto|default|TEXT",
        allowed="auto, default or routes such as fp32,threads=2,channels-last",
        check=is_routes_setting,
    )
    save_every: float = number(
        30.0,
        "seconds of training between checkpoints within an epoch; each epoch also ends with one",
        "a number of seconds above 0",
        with_zero=False,
        metavar="SECONDS",
    )
    # All epochs of a run of the default length. An epoch checkpoint that equals last is a hard
    # link to it: the copies cost disk space and no time.
    keep: int = whole_number(
        6,
        "number of recent epoch checkpoints to keep beside last and best "
        "(linear: 100 KB each, cnn: 50 MB)",
        0,
        1000,
    )
    data: str | None = directory(
        None,
        "folder of the dataset's files, or one that contains MNIST/raw, FashionMNIST/raw, ...; "
        "what is missing is downloaded to it  [default: the user's cache folder]",
    )
    checkpoints: str = directory("checkpoints", "folder for runs and their checkpoints")
    preset: str = choice(
        "article",
        "set of defaults; article is the tutorial's recipe, speedrun reaches 99% in one epoch, "
        "accurate takes a minute or more, tiny 99% with 2,828 parameters",
        PRESETS,
    )

    def __post_init__(self) -> None:
        """Raise UsageError that names the first setting with a value that is not allowed."""
        for name in FIELDS:
            if why := find_problem(name, getattr(self, name)):
                raise UsageError(f"{flag(name)} {why}")
        # As a file stores it: another machine does not know the user's names.
        if stated_outputs(self.arch) and (why := check_spec(self.arch, self._count_classes())):
            raise UsageError(f"{flag('arch')} {why}")
        object.__setattr__(self, "arch", normalize_spec(self.arch))
        if self.optimizer == "sgd" and self.beta2 != FIELDS["beta2"].default:
            raise UsageError(
                f"--optimizer sgd cannot be used with --beta2 {self.beta2:g}, a setting of Adam "
                f"(leave --beta2 at {FIELDS['beta2'].default:g})"
            )

    @property
    def network(self) -> Network:
        """The network for the classes of the dataset. Raises UsageError and DataError."""
        return resolve_network(self.arch, self._count_classes())

    def _count_classes(self) -> int:
        return len(class_names_of(self.dataset))

    @property
    def folder(self) -> Path:
        """The folder for runs. Raises UsageError where its ~ has no home folder."""
        return expand(self.checkpoints)


FIELDS: dict[str, Field] = {each.name: each for each in fields(TrainConfig)}

# Why and when to change a setting, for a beginner.
WHY = {
    "arch": "A larger network can learn finer differences, and each step takes longer. Start with "
    "linear, the quickest to train, then compare: the description of each network gives the "
    "accuracy it usually reaches.",
    "dataset": "More training images give a better accuracy on unseen images. sample is a small "
    "part of MNIST for machines without a network connection; accuracy on it is a little lower. "
    "fashion and kmnist are as large as MNIST, and harder; EMNIST has letters too.",
    "device": "A GPU pays off for large networks and large batches. Small networks are often as "
    "fast on the CPU, because a GPU spends most of the time waiting for the next small step.",
    "epochs": "One epoch shows every training image once. The first epochs improve the accuracy "
    "most; with too many the network overfits, and the test loss rises again.",
    "batch_size": "Each step follows the mean gradient of this many images. Large batches give "
    "smooth steps but fewer of them, and often need a higher learning rate; small batches give "
    "many noisy steps, and the noise can even help.",
    "learning_rate": "The most important setting. With Adam, each step moves every weight against "
    "its gradient by about this much. If the loss jumps or grows, divide the rate by ten; if the "
    "loss falls too slowly, multiply it by three.",
    "seed": "Training starts from random weights and shuffles the images; the seed fixes both, so "
    "that a run can be repeated exactly. Compare several seeds before you trust a small difference "
    "between two settings.",
    "optimizer": "SGD steps straight against the gradient and is the textbook method. Adam adapts "
    "the step size of each weight and works with many learning rates, so start with Adam. The two "
    "need different learning rates: that of SGD is often a hundred times larger.",
    "momentum": "Each step partly repeats the direction of earlier steps, like a rolling ball: "
    "noise cancels out and steady slopes add up. Closer to 1 is smoother and slower to change "
    "direction; 0 uses the current gradient alone.",
    "beta2": "Adam divides each step by the recent size of that weight's gradients; this setting "
    "is how long it remembers them. It rarely needs a change; short runs with a high learning rate "
    "may work better with 0.9 to 0.99.",
    "weight_decay": "Each step also makes all weights a little smaller, so that the network does "
    "not depend on a few large ones. This reduces overfitting; with too much the network cannot "
    "learn at all.",
    "schedule": "Large steps are good at first, small steps near the end. constant keeps one rate "
    "for the whole run; cosine lowers it; onecycle raises it first and then lowers it, which often "
    "gains the last half percent.",
    "label_smoothing": "The target of the correct class becomes a little less than 100%, and the "
    "rest is spread over all classes. The network is then less overconfident and often better on "
    "unseen images. The loss can no longer reach 0.",
    "shift": "The network sees each image in a slightly different place each time, so it cannot "
    "memorize where the ink is. It learns more slowly and is better on unseen images in the end, "
    "most of all in long runs.",
    "precision": "fp32 stores a number in 32 bits, bf16 in 16: faster where the hardware supports "
    "it, and less exact, with little effect on training. Use fp32 to compare runs.",
    "threads": "Several threads split one operation between the CPU cores. For a small network the "
    "splitting can take longer than the operation, so that one thread is fastest.",
    "routes": "The same arithmetic can be done in several ways, which differ in speed and in the "
    "last bits of the results. What is fastest depends on the CPU, so it is measured before "
    "a longer run and remembered. Set it to repeat a run exactly on another machine.",
    "save_every": "If the machine fails, at most this much training is lost. Saving takes a "
    "moment, so a very short interval slows training down.",
    "keep": "A run can be resumed or branched from each of them. With more you can return to "
    "earlier epochs, for more disk space.",
    "preset": "A preset is a starting point: every setting that you choose yourself overrides it.",
}


def flag(name: str) -> str:
    """Return the command-line option of a field: "--batch-size" for "batch_size"."""
    return FIELDS[name].metadata["flag"] or "--" + name.replace("_", "-")


def describe_allowed(name: str) -> str:
    """Return the values a field may have, in words that continue "must be"."""
    allowed: str = FIELDS[name].metadata["allowed"]
    return allowed or "one of " + ", ".join(FIELDS[name].metadata["choices"])


def find_problem(name: str, value: Any) -> str | None:
    """Return why a field cannot have that value, or None where it can."""
    metadata = FIELDS[name].metadata
    if metadata["problem"]:
        why: str | None = metadata["problem"](value)
        return why
    choices, check = metadata["choices"], metadata["check"]
    # Compared one by one: the value may be unhashable.
    is_allowed = check(value) if check else value in list(choices)
    if is_allowed:
        return None
    is_own = name == "dataset" and isinstance(value, str) and value and os.path.isdir(value)
    hint = f"; did you mean {f'folder:{value}'!r}?" if is_own else ""
    return f"must be {describe_allowed(name)}, not {value!r}{hint}"


def parse(name: str, text: str) -> Any:
    """Return the value of a field from text that a person typed. Raises UsageError."""
    convert = {int: int, float: float}.get(type(FIELDS[name].default), str)
    value: Any = text
    # int() and float() also accept "1_0" and digits of other scripts.
    if text.isascii() and "_" not in text:
        with suppress(ValueError):
            value = convert(text)
    if why := find_problem(name, value):
        raise UsageError(f"{flag(name)} {why}")
    return value


def make_config(**chosen: Any) -> TrainConfig:
    """Return a config of the chosen values (None: not chosen), over the preset, over the defaults.

    Raises UsageError.
    """
    given = {name: value for name, value in chosen.items() if value is not None}
    return TrainConfig(**PRESETS.get(given.get("preset", "article"), {}) | given)


def read_config(stored: Mapping[str, Any]) -> TrainConfig:
    """Return the config of a JSON object, without unknown fields. Raises UsageError."""
    return TrainConfig(**{name: value for name, value in stored.items() if name in FIELDS})
