"""The settings of a run in words: their names, what a value comes to here, and what to choose.

A note is a tuple of texts that say the same, the longest first, for as much room as there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from core.class_names import DIGITS
from core.compute.cores import describe_cores
from core.config import FIELDS, flag
from core.data.datasets import class_names_of, find_dataset, resolve_auto
from core.data.drawn.dataset import DRAWN
from core.errors import UserError
from core.models.architectures import ARCHITECTURES
from core.models.networks import Network, resolve_network
from core.models.saved_networks import find_label
from core.responses.devices import DeviceChoice
from tui.text.formats import format_rate, truncate

if TYPE_CHECKING:
    from core.events import RunStarted

Note = tuple[str, ...]
LONGEST_NETWORK = 100  # characters of a network's text in a list

# As short as the form's column.
LABELS = {
    "arch": "Network",
    "dataset": "Data",
    "device": "Device",
    "epochs": "Epochs",
    "batch_size": "Batch",
    "learning_rate": "Rate",
    "seed": "Seed",
}
MORE_LABELS = {
    "optimizer": "Optimizer",
    "schedule": "Schedule",
    "weight_decay": "Weight decay",
    "shift": "Shift",
    "label_smoothing": "Label smoothing",
    "momentum": "Momentum",
    "beta2": "Beta 2",
    "precision": "Precision",
}
# In sentences.
NAMES = (
    LABELS
    | MORE_LABELS
    | {"dataset": "Dataset", "batch_size": "Batch size", "learning_rate": "Learning rate"}
)
# Where the help of the command line does not fit: a form cannot name a file or a folder.
HELP = {
    "arch": "network, from the list or as text",
    "dataset": "dataset to train on; for images of your own, start mnist-tui with --dataset "
    "folder:DIR",
}
BY_FLAG = {flag(name): NAMES[name] for name in NAMES}

NOTED = ("arch", "dataset", "device", "learning_rate")  # settings that have a note

OPTIMIZER_NAMES = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
CHOICES = {
    ("dataset", "auto"): "mnist if it is here or can be downloaded, else sample",
    ("device", "auto"): "the fastest that this machine has",
    ("optimizer", "adam"): "adapts the step size of each weight: start with it",
    ("optimizer", "adamw"): "Adam, with weight decay apart from the gradient",
    ("optimizer", "sgd"): "straight against the gradient: the rate is often 100 times larger",
    ("schedule", "constant"): "one learning rate for the whole run",
    ("schedule", "onecycle"): "rises to the rate, then falls to nearly 0",
    ("schedule", "cosine"): "falls from the rate to 0",
    ("precision", "fp32"): "32 bits a number",
    ("precision", "bf16"): "16 bits a number: faster on some hardware, less exact",
    ("precision", "auto"): "bf16 where it is faster, else fp32",
}


def in_form_words(text: str) -> str:
    """Return a text with the form's names in place of command-line options."""

    def name(option: re.Match[str]) -> str:
        found = BY_FLAG.get(option[0], option[0])
        return found.lower() if option.start() else found

    return re.sub(r"--[a-z0-9-]+", name, text)


def form_help(name: str) -> str:
    """Return what a setting is, in the words of the form."""
    return HELP.get(name) or in_form_words(FIELDS[name].metadata["help"])


def missing_dataset(name: str, data: str | None) -> str | None:
    """Return why the files of a dataset are not on this machine, or None."""
    try:
        return find_dataset(name).missing(data)
    except UserError as error:
        return str(error)


def choices(name: str, devices: Sequence[DeviceChoice], chosen: str) -> list[str]:
    """Return the values to choose from. Of devices, some are known only once torch is loaded."""
    if name != "device":  # a folder of images is not among them
        return list(dict.fromkeys([*FIELDS[name].metadata["choices"], chosen]))
    found = [each.name for each in devices if each.available]
    return list(dict.fromkeys(["auto", *found, "cpu", chosen]))


def describe_choice(
    name: str, value: str, devices: Sequence[DeviceChoice], data: str | None
) -> str:
    """Return what to know of one of a setting's values before it is chosen; "" if nothing."""
    if name == "dataset" and value != "auto":
        try:
            dataset = find_dataset(value)
        except UserError as error:  # a folder that is not as it should be
            return str(error)
        why = missing_dataset(value, data)
        if why and dataset.files:
            why = f"downloaded on first use: {dataset.files.size}"
        return f"{dataset.description} · {why or 'on this machine'}"
    if name == "device" and (name, value) not in CHOICES:
        return _describe_device(value, devices)
    return CHOICES.get((name, value), "")


def describe_network(network: Network) -> str:
    """Return a network's parameters, and its description or its text."""
    if network.file:
        return f"{_parameters(network)}your file {network.file.label}"
    known = network.architecture
    what = known.description if known else truncate(network.text, LONGEST_NETWORK)
    return f"{_parameters(network)}{what}"


def find_spec(network: Network) -> str:
    """Return how a config names a network: by the built-in name where one has the same text."""
    same = (name for name, each in ARCHITECTURES.items() if each.text == network.text)
    return next(same, network.spec)


@lru_cache
def network_name(spec: str) -> str:
    """Return find_label of a network without reading the saved networks again, until
    `network_name.cache_clear()`."""
    return find_label(spec)


def find_classes(dataset: str) -> tuple[str, ...]:
    """Return the names of a dataset's classes; of one that cannot be read, the digits."""
    try:
        return class_names_of(dataset)
    except UserError:
        return DIGITS


def count_classes(dataset: str) -> int:
    return len(find_classes(dataset))


def notes(
    values: Mapping[str, str],
    data: str | None,
    devices: Sequence[DeviceChoice],
    run: RunStarted | None,
    rate: float | None,
) -> dict[str, Note]:
    """Return the notes on the settings in NOTED.

    `data` is the folder of the datasets. `run` is the run that trains, now with the learning rate
    `rate`; None before one.
    """
    return {
        "arch": (_network_of(values).sizes, ""),
        "dataset": _dataset_note(values["dataset"], data, run),
        "device": _device_note(values["device"], devices, run),
        "learning_rate": _rate_note(values["optimizer"], values["schedule"], rate if run else None),
    }


def network_size(values: Mapping[str, str]) -> str:
    return _parameters(_network_of(values)).removesuffix(" · ")


def _parameters(network: Network) -> str:
    """Return the number of parameters; of a network from a file it is known once it was tried."""
    is_known = not network.file or network.facts
    return f"{network.parameters:,} parameters · " if is_known else ""


def _network_of(values: Mapping[str, str]) -> Network:
    """Return the network for the classes of the dataset, or for the usual number of them where it
    would have too many parameters with those."""
    try:
        return resolve_network(values["arch"], count_classes(values["dataset"]))
    except UserError:
        return resolve_network(values["arch"])


def _dataset_note(name: str, data: str | None, run: RunStarted | None) -> Note:
    if run:
        found, count = run.dataset, run.train_samples
    else:
        found = resolve_auto(name)
        if missing_dataset(found, data) is not None:
            if found == DRAWN:
                return ("too few drawings", "too few")
            return (
                ("mnist, else sample", "not here")
                if name == "auto"
                else ("not on this machine", "missing")
            )
        count = find_dataset(found).train_samples
    images = f"{count:,} images"
    return (f"{found} {images}", images, found) if name == "auto" else (images, "")


def _device_note(name: str, devices: Sequence[DeviceChoice], run: RunStarted | None) -> Note:
    found = run.device if run else name
    if found == "auto":
        found = next((each.name for each in devices if each.available), "")
    if not found:  # torch is still being loaded
        return ("",)
    what = _describe_device(found, devices)
    short = what.split(",")[0]
    if name != "auto":
        return (what, short, "")
    return (f"{found}, {what}", f"{found}, {short}", found)


def _describe_device(name: str, devices: Sequence[DeviceChoice]) -> str:
    if name == "cpu":
        return describe_cores()
    return next((each.description for each in devices if each.name == name), "")


def _rate_note(optimizer: str, schedule: str, now: float | None) -> Note:
    how = OPTIMIZER_NAMES.get(optimizer, optimizer)
    if now is None or schedule == "constant":
        return (f"{how}, {schedule}", how)
    return (f"now {format_rate(now)}, {schedule}", f"now {format_rate(now)}")


def format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
