"""Export the network of a checkpoint to formats that other programs read without our code.

All formats take any number of images (N, 1, 28, 28), scaled as the network's were; a program can
hold that scaling as its first layer. It is loaded again and must give the network's logits.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import SUFFIX, CheckpointInfo
from core.checkpoints.io import load_model
from core.checkpoints.stated import state_network
from core.errors import CheckpointError, UsageError, explain, first_line
from core.files import replace_file
from core.models.input_scaling import InputScaling, get_scaling, set_scaling
from core.packages import install_command

if TYPE_CHECKING:
    import torch
    from torch import nn

# The largest difference of an exported program's logits; the logits themselves reach some tens.
TOLERANCE = 1e-3
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
PROGRAMS = (".onnx", ".pt2")
FIXED_BATCH = "; code that fixes the number of images, as len(x) does, must use x.shape[0] instead"
# What ToTensor() of torchvision gives: pixels 0 to 255 as 0 to 1. A program that scales its input
# itself expects that, since whatever reads pictures for PyTorch, and most for ONNX, begins with it.
TO_TENSOR = InputScaling(0.0, 1.0)


def describe_input(scaling: InputScaling) -> str:
    """Return how to feed a network whose input is scaled like that."""
    inverted = f", or {scaling.inverted.transforms} of black ink on white" * (scaling.std < 0)
    return (
        "image: float32 (N, 1, 28, 28), pixels 0 to 255 (0 background, 255 ink) as "
        f"{scaling.formula}, so in {scaling.range}, as by {scaling.transforms}{inverted}. "
        "logits: (N, classes); softmax gives probabilities."
    )


def export(
    checkpoint: Path, target: Path, *, force: bool = False, with_scaling: bool = False
) -> tuple[CheckpointInfo, float | None]:
    """Write the network of a checkpoint in the format of the target's suffix.

    Returns the checkpoint's description, and the largest difference between the logits of the file
    and of the network, None for a file of weights, which are equal bit by bit. `force` replaces a
    file that exists; `with_scaling` puts the scaling of the input into the program, which then
    takes pixels of 0 to 1. Raises UsageError for another suffix, or one that holds no layers with
    `with_scaling`, and CheckpointError; the target is then unchanged.
    """
    encode = FORMATS.get(target.suffix)
    if encode is None:
        raise UsageError(f"{target} must end in one of {', '.join(FORMATS)}")
    if with_scaling and target.suffix not in PROGRAMS:
        raise UsageError(
            f"--with-scaling needs a format that holds layers ({' or '.join(PROGRAMS)}), not "
            f"{target.suffix}"
        )
    _check_target(checkpoint, target, force)
    packages = ONNX_PACKAGES if target.suffix == ".onnx" else ()
    if missing := [each for each in packages if find_spec(each) is None]:
        raise CheckpointError(
            f".onnx needs packages that are not installed: {install_command(*missing)}"
        )
    info, model = load_model(checkpoint)
    if with_scaling:
        model = _with_scaling(model, info.scaling)
    try:
        with _silenced():
            content, difference = encode(model.eval(), info)
    except Exception as error:  # exporters raise exceptions of any type
        hint = FIXED_BATCH if info.source_digest and target.suffix in PROGRAMS else ""
        raise CheckpointError(
            f"{checkpoint} cannot be exported as {target.suffix} ({first_line(error)}){hint}"
        ) from None
    if difference is not None and not difference <= TOLERANCE:
        raise CheckpointError(
            f"{checkpoint} as {target.suffix} gives logits that differ by {difference:.1g}: "
            "not written"
        )
    try:
        replace_file(target, content)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written ({explain(error)})") from None
    return info, difference


def _check_target(checkpoint: Path, target: Path, force: bool) -> None:
    if os.path.isdir(target):
        raise CheckpointError(f"{target} is a folder; name a file")
    if not os.path.lexists(target):
        return
    if not force:
        raise CheckpointError(f"{target} exists; pass --force to replace it")
    if os.path.exists(target) and os.path.samefile(checkpoint, target):
        raise CheckpointError(f"{target} is the checkpoint itself, which an export would replace")


@contextmanager
def _silenced() -> Iterator[None]:
    """Suppress what exporters log, print and warn."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
            warnings.catch_warnings(action="ignore"),
        ):
            yield
    finally:
        logging.disable(before)


def _with_scaling(model: nn.Module, scaling: InputScaling) -> nn.Module:
    """Return the network behind a layer that scales images of 0 to 1."""
    from torch import nn

    class Scale(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return (image - scaling.mean) / scaling.std

    scaled = nn.Sequential(Scale(), model)
    set_scaling(scaled, TO_TENSOR)
    return scaled


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    import torch

    # Copies: safetensors refuses a tensor that has two names.
    kind = torch.contiguous_format
    return {n: each.detach().clone(memory_format=kind) for n, each in model.state_dict().items()}


def _as_pth(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, None]:
    import torch

    torch.save(_weights(model), file := BytesIO())
    return file.getvalue(), None


def _as_safetensors(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, None]:
    from safetensors.torch import save

    stated = _metadata(get_scaling(model)) | state_network(info)
    return save(_weights(model), metadata={"format": "pt"} | stated), None


def _metadata(scaling: InputScaling) -> dict[str, str]:
    """Return what a file says of the network's input; numbers as text, as safetensors needs."""
    stated = {"input": describe_input(scaling)}
    return stated | {"input_mean": repr(scaling.mean), "input_std": repr(scaling.std)}


def _as_pt2(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, float]:
    import torch

    any_batch = ({0: torch.export.Dim("batch")},)
    scaling = get_scaling(model)
    program = torch.export.export(model, (_make_images(2, scaling),), dynamic_shapes=any_batch)
    stated = _metadata(scaling) | state_network(info)
    torch.export.save(program, file := BytesIO(), extra_files=stated)
    reloaded = torch.export.load(BytesIO(file.getvalue())).module()
    return file.getvalue(), _measure_difference(model, reloaded)


def _as_onnx(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, float]:
    import onnxruntime
    import torch

    scaling = get_scaling(model)
    program: Any = torch.onnx.export(
        model,
        (_make_images(2, scaling),),
        dynamo=True,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    proto = program.model_proto
    proto.doc_string = f"{info.arch} of mnist-tui. {describe_input(scaling)}"
    metadata = {"arch": info.arch, "digest": info.digest} | _metadata(scaling)
    metadata |= state_network(info)
    for key, value in metadata.items():
        proto.metadata_props.add(key=f"mnist_tui.{key}", value=value)
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(["logits"], {"image": images.numpy()})[0])

    return content, _measure_difference(model, run)


FORMATS: dict[str, Callable[[nn.Module, CheckpointInfo], tuple[bytes, float | None]]] = {
    ".pth": _as_pth,
    SUFFIX: _as_safetensors,
    ".onnx": _as_onnx,
    ".pt2": _as_pt2,
}


def _make_images(count: int, scaling: InputScaling) -> torch.Tensor:
    """Return scaled noise (count, 1, 28, 28), which activates more of a network than digits."""
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(count, 1, 28, 28, generator=generator)
    return (noise - scaling.mean) / scaling.std


def _measure_difference(model: nn.Module, other: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Return the largest difference between their logits, for one image and for a batch."""
    import torch

    batches = [_make_images(count, get_scaling(model)) for count in (1, 64)]
    with torch.inference_mode():
        return max(float((model(each) - other(each)).abs().max()) for each in batches)
