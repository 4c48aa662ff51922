"""Find how the input of imported weights is scaled: given, stated in their file, or by trying.

A wrong scaling raises no error, and costs most of the accuracy. So the usual scalings are tried on
training images, and how clear the result is decides what is said.

How clear it must be was measured on 135 networks trained in PyTorch, 27 with each of USUAL: four
architectures, Adam and SGD, 6,000 to 600,000 images seen. Of the 97 that had learnt something (80%
correct with their own scaling) 83 got their own, 48 as the clear one and 35 in a tie; 9 got another
in a tie. 5 got another as the clear one: each a `linear` that was trained by far too large steps on
pixels of 0 to 255, and predicts alike on 0 to 1. None of the 14 lost more than 1.5% by it.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.checkpoints.header import METADATA, parse_info, read_header
from core.data.datasets import AUTO, DATASETS, dataset_title, resolve_auto
from core.data.local_datasets import load_local
from core.errors import CheckpointError, UsageError, UserError
from core.files import open_regular_file
from core.models.input_scaling import DEFAULT_SCALING, InputScaling, set_scaling
from core.models.networks import Network, build_blank

if TYPE_CHECKING:
    from torch import Tensor

USUAL = (
    DEFAULT_SCALING,
    InputScaling(0.0, 1.0),  # ToTensor() alone
    InputScaling(0.1307, 0.3081),  # the mean and deviation of MNIST's pixels
    InputScaling(0.2860, 0.3530),  # those of Fashion-MNIST
    InputScaling(0.0, 1 / 255),  # pixels as they are
)
TRIED_IMAGES, LARGE_TRIED_IMAGES = 1000, 400
# Work is counted in multiply-adds; the other of a layer is about so many for one output.
MOST_WORK, OUTPUT_WORK, LEAST_IMAGES = 6 * 10**10, 20, 30
LARGE = 10**6  # parameters of a network that is tried on fewer images
# The best scaling is clear where no other comes within this share of correct predictions, or where
# each that does has a loss so many times as large.
CLEAR_SHARE, CLEAR_LOSS, CLEAR_NATS = 0.03, 1.5, 0.02
# Below so many times the accuracy of guessing a network says nothing about its scaling.
TIMES_GUESSING = 3
# From this accuracy on no other scaling can be far better, or at least is not tried. A scaling is
# far worse than another with which so much larger a share is correct.
GOOD_ACCURACY, FAR_SHARE = 0.8, 0.1
# Of black ink on white; the last has the mean of such images in MNIST, not of MNIST inverted.
INVERTED = (
    *(each.inverted for each in USUAL[:3]),
    USUAL[-1].inverted,
    InputScaling(0.1307, -0.3081),
)
ADVICE = "if you know how the network was trained, pass --mean and --std"


@dataclass(frozen=True)
class ScalingChoice:
    """A scaling, and how it was found: `given`, `stated` in the file, `clear` or `tied` among those
    tried, or `assumed`; `note` says so to the person who imports. `accuracy` is that on the images
    tried, None where the scaling was assumed or nothing was tried."""

    scaling: InputScaling
    how: str
    note: str
    accuracy: float | None = None


class Tried(NamedTuple):
    """The metrics of a network with a scaling; `guessing` is the accuracy of guessing."""

    scaling: InputScaling
    accuracy: float
    loss: float
    guessing: float


def read_scaling(path: Path) -> InputScaling | None:
    """Return the scaling that a safetensors file states, as ours and our exports do; else None."""
    with (
        suppress(ValueError, TypeError, KeyError, UserError),
        open_regular_file(path) as file,
    ):
        header = read_header(file, os.fstat(file.fileno()).st_size)
        metadata = header[METADATA]
        if "mnist_tui" in metadata:
            return parse_info(path, header).scaling
        return check_scaling(float(metadata["input_mean"]), float(metadata["input_std"]))
    return None


def check_scaling(mean: float, std: float) -> InputScaling:
    """Return the scaling. Raises UsageError for numbers that scale nothing in float32."""
    if not math.isfinite(mean):
        raise UsageError(f"--mean must be a number, not {mean}")
    if not (math.isfinite(std) and std):
        raise UsageError(f"--std must be a number other than 0, not {std:g}")
    by, ends = _float32(std), [_float32(end - _float32(mean)) for end in (0.0, 1.0)]
    background, ink = (_float32(end / by) if by else math.inf for end in ends)
    if not math.isfinite(background) or not math.isfinite(ink):
        why = "pixels become larger than float32 can be"
    elif background == ink:
        why = "all pixels become the same number in float32"
    else:
        return InputScaling(mean, std)
    raise UsageError(f"--mean {mean:g} and --std {std:g} cannot be used: {why}")


def _float32(number: float) -> float:
    """Return the nearest float32, infinite where there is none."""
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.inf


def choose_scaling(
    path: Path,
    network: Network,
    weights: dict[str, Tensor],
    dataset: str,
    data: str | None,
    given: InputScaling | None = None,
) -> ScalingChoice:
    """Return the scaling given, or that which the file states, or else the one of USUAL or INVERTED
    that fits the weights.

    The training images tried are those of the dataset, "auto" for any that is on this machine;
    nothing is downloaded. Raises UsageError for a scaling given with which the logits are not
    finite, and CheckpointError for a stated one.
    """
    found = find_training_images(dataset, data)
    count = LARGE_TRIED_IMAGES if network.parameters > LARGE else TRIED_IMAGES
    count = limit_images(network, count, len(USUAL + INVERTED))
    if stated := given or read_scaling(path):
        note = "" if given else f"input scaling: {describe(stated)}, as the file states"
        try:
            accuracy, worse = _check_stated(stated, network, weights, found, count)
        except UsageError as error:
            if given:
                raise
            why = f"{path} states an input scaling, but {error}; pass --mean and --std"
            raise CheckpointError(why) from None
        note = "; ".join(filter(None, (note, worse)))
        return ScalingChoice(stated, "given" if given else "stated", note, accuracy)
    if not found:
        what = "training images" if dataset == "auto" else f"training images of {dataset}"
        why = f"no {what} are on this machine to try others on"
        known = DATASETS.get(resolve_auto(dataset))
        has_files = known is not None and known.files is not None
        folder = f", or --data DIR with {dataset_title(dataset)} in it" if has_files else ""
        return _assume(f"{why}; pass --mean and --std{folder}")
    source, images, labels = found
    images, labels = images[:count], labels[:count]
    tried = try_scalings(network, weights, images, labels)
    if max(each.accuracy for each in tried) < GOOD_ACCURACY:
        inverted = try_scalings(network, weights, images, labels, INVERTED)
        tried = inverted if _are_better(inverted, tried) else tried
    return pick(tried, f"{len(labels):,} training images of {source}")


def limit_images(network: Network, count: int, times: int) -> int:
    """Return on how many images to try a network so many times: `count`, or fewer where a network
    from any file would need minutes."""
    outputs = sum(prod(each.outputs) for each in network.layers)
    work = network.multiply_adds + OUTPUT_WORK * outputs
    return max(LEAST_IMAGES, min(count, MOST_WORK // max(1, work * times)))


def _check_stated(
    scaling: InputScaling,
    network: Network,
    weights: dict[str, Tensor],
    found: tuple[str, Tensor, Tensor] | None,
    count: int,
) -> tuple[float | None, str]:
    """Return the accuracy with a scaling that a person or a file states, None without images, and
    a text where it is far worse than with a usual one. Raises UsageError."""
    import torch

    blank = torch.arange(0, 256, 17, dtype=torch.uint8)[:, None, None].expand(-1, 28, 28)
    source, images, labels = found or ("", blank, torch.zeros(len(blank), dtype=torch.int64))
    images, labels = images[:count], labels[:count]
    (own,) = try_scalings(network, weights, images, labels, (scaling,))
    name = _name(scaling)
    if not math.isfinite(own.loss):
        raise UsageError(f"{name} cannot be used: the network's logits are not finite with it")
    if not found:
        return None, ""
    if own.accuracy < GOOD_ACCURACY:
        every = try_scalings(network, weights, images, labels, USUAL + INVERTED)
        best = max(every, key=lambda each: (each.accuracy, -each.loss))
        if best.accuracy > own.accuracy + FAR_SHARE:
            what = f"{len(labels):,} training images of {source} with these values"
            then = f"{best.accuracy:.1%} with {_name(best.scaling)}{_ink(best.scaling)}"
            return own.accuracy, f"correct on {own.accuracy:.1%} of {what}, {then}"
    return own.accuracy, ""


def _are_better(inverted: list[Tried], usual: list[Tried]) -> bool:
    """Return whether a network was clearly trained on black ink on white."""
    best, other = (max(each.accuracy for each in tried) for tried in (inverted, usual))
    return best > max(other + FAR_SHARE, TIMES_GUESSING * usual[0].guessing)


def describe(scaling: InputScaling) -> str:
    how = f"pixels become {scaling.range}, as by {scaling.transforms}"
    return f"{_name(scaling)} ({how}{_ink(scaling)})"


def _name(scaling: InputScaling) -> str:
    return f"mean {scaling.mean:.4g}, std {scaling.std:.4g}"


def _ink(scaling: InputScaling) -> str:
    return ", for a network trained on black ink on white" if scaling.std < 0 else ""


def _assume(why: str) -> ScalingChoice:
    note = f"input scaling: assumed to be {describe(DEFAULT_SCALING)}, since {why}"
    return ScalingChoice(DEFAULT_SCALING, "assumed", note)


def find_training_images(dataset: str, data: str | None) -> tuple[str, Tensor, Tensor] | None:
    """Return the dataset's name, images (N, 28, 28) and labels (N,); None where it is not here."""
    for name in AUTO if dataset == "auto" else (dataset,):
        if tensors := load_local(name, data):
            return name, tensors.train_images, tensors.train_labels
    return None


def try_scalings(
    network: Network,
    weights: dict[str, Tensor],
    images: Tensor,
    labels: Tensor,
    scalings: Sequence[InputScaling] = USUAL,
) -> list[Tried]:
    """Return the metrics of a network on images (N, 28, 28) with each of the scalings."""
    from core.models.inference import predict
    from core.models.metrics import METRICS

    model = build_blank(network)
    model.load_state_dict(weights, assign=network.file is None)
    tried = []
    for scaling in scalings:
        set_scaling(model, scaling)
        logits = predict(model, images, len(images))
        accuracy, loss = (METRICS[name](logits, labels) for name in ("accuracy", "loss"))
        guessing = 1 / logits.shape[1]
        tried.append(Tried(scaling, accuracy, loss if math.isfinite(loss) else math.inf, guessing))
    return tried


def pick(tried: list[Tried], source: str) -> ScalingChoice:
    """Return the scaling that fits best; of several that fit, the default if it is one of them.

    `source` names the images that were tried.
    """
    most, guessing = max(each.accuracy for each in tried), tried[0].guessing
    if most < TIMES_GUESSING * guessing:
        share = f"at most {most:.1%} of {source} are correct with any of the usual ones"
        return _assume(f"{share}; {ADVICE}")
    # Weights trained on 0 to 1 are as accurate on 0 to 255, and far too sure: worse than guessing.
    sane = [each for each in tried if each.loss <= -math.log(guessing)]
    if max((each.accuracy for each in sane), default=0.0) > most - CLEAR_SHARE:
        tried = sane
    best, *others = sorted(tried, key=lambda each: (-each.accuracy, each.loss))
    most_loss = max(best.loss * CLEAR_LOSS, best.loss + CLEAR_NATS)
    least = best.accuracy - CLEAR_SHARE
    fitting = [best, *(each for each in others if each.accuracy > least and each.loss < most_loss)]
    taken = next((each for each in fitting if each.scaling == DEFAULT_SCALING), best)
    rivals = [f"{_name(each.scaling)}, {each.accuracy:.1%}" for each in fitting if each != taken]
    name = f"input scaling: {describe(taken.scaling)}"
    share = f"{taken.accuracy:.1%} of {source} are correct"
    if rivals:
        fit = "fits" if len(rivals) == 1 else "fit"
        note = f"{name} was taken ({share}), but is not certain: {' and '.join(rivals)} {fit} too"
        return ScalingChoice(taken.scaling, "tied", f"{note}; {ADVICE}", taken.accuracy)
    then = f", with the next best of the usual ones {others[0].accuracy:.1%}" if others else ""
    return ScalingChoice(taken.scaling, "clear", f"{name} was found: {share}{then}", taken.accuracy)
