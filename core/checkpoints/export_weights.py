"""A checkpoint's network for others, who need none of our code to have it.

All forms take images (N, 1, 28, 28) in [-1, 1], and any number of them; what is exported has been
loaded again and gives the logits that the network gives.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import SUFFIX, CheckpointInfo
from core.checkpoints.io import load_model
from core.errors import CheckpointError, UsageError, explain, first_line
from core.files import replacing

if TYPE_CHECKING:
    import torch
    from torch import nn

# How far another program's logits may be from ours, of which the largest are some tens.
TOLERANCE = 1e-3
SEED = 0
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
HOW_TO_FEED = (
    "image: float32 (N, 1, 28, 28), pixels 0 to 255 (0 is paper, 255 ink) as (pixel / 255 - 0.5) / "
    "0.5, so in [-1, 1]. logits: (N, 10), one for each digit; softmax makes them probabilities."
)


@dataclass(frozen=True)
class Exported:
    """`difference` is the largest between its logits and the network's own, None where the file
    holds weights alone, which are the same to the bit."""

    path: Path
    arch: str
    difference: float | None


def export(checkpoint: Path, target: Path, *, force: bool = False) -> Exported:
    """Writes the network of a checkpoint in the form that the target's suffix names; `force` puts
    it in the place of a file that is there.

    Raises UsageError for another suffix, and CheckpointError, and then nothing is changed.
    """
    encode = FORMATS.get(target.suffix)
    if encode is None:
        raise UsageError(f"{target} must end in one of {', '.join(FORMATS)}")
    _check_target(checkpoint, target, force)
    if target.suffix == ".onnx":
        _check_packages()
    info, model = load_model(checkpoint)
    try:
        with _silence():
            content, difference = encode(model.eval(), info)
    except Exception as error:  # an exporter's own fault, which are of all kinds
        raise CheckpointError(
            f"{checkpoint} cannot be exported as {target.suffix} ({first_line(error)})"
        ) from None
    if difference is not None and not difference <= TOLERANCE:
        raise CheckpointError(
            f"{checkpoint} as {target.suffix} gives other logits, by {difference:.1g}: not written"
        )
    try:
        with replacing(target) as file:
            file.write(content)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written ({explain(error)})") from None
    return Exported(target, info.arch, difference)


def _check_target(checkpoint: Path, target: Path, force: bool) -> None:
    if os.path.isdir(target):
        raise CheckpointError(f"{target} is a folder; name a file")
    if not os.path.lexists(target):
        return
    if not force:
        raise CheckpointError(f"{target} exists; --force puts the export in its place")
    if os.path.exists(target) and os.path.samefile(checkpoint, target):
        raise CheckpointError(f"{target} is the checkpoint itself, which has more in it")


def _check_packages() -> None:
    lacking = [each for each in ONNX_PACKAGES if find_spec(each) is None]
    if lacking:
        raise CheckpointError(
            f".onnx needs {', '.join(lacking)}, not installed here: pip install {' '.join(lacking)}"
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Exporters tell of what they do and of what is to come, on every channel that there is."""
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


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: each.detach().contiguous() for name, each in model.state_dict().items()}


def _as_pth(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, None]:
    import torch

    torch.save(_weights(model), file := BytesIO())
    return file.getvalue(), None


def _as_safetensors(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, None]:
    from safetensors.torch import save

    return save(_weights(model), metadata={"format": "pt"}), None


def _as_pt2(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, float]:
    import torch

    program = torch.export.export(model, (_images(2),), dynamic_shapes=_any_batch())
    torch.export.save(program, file := BytesIO())
    again = torch.export.load(BytesIO(file.getvalue())).module()
    return file.getvalue(), _difference(model, again)


def _as_onnx(model: nn.Module, info: CheckpointInfo) -> tuple[bytes, float]:
    import onnxruntime
    import torch

    program: Any = torch.onnx.export(
        model,
        (_images(2),),
        dynamo=True,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=_any_batch(),
        verbose=False,
    )
    proto = program.model_proto
    proto.doc_string = f"{info.arch} of mnist-tui. {HOW_TO_FEED}"
    said = {"arch": info.arch, "input": HOW_TO_FEED, "digest": info.digest}
    for key, value in said.items():
        proto.metadata_props.add(key=f"mnist_tui.{key}", value=value)
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(["logits"], {"image": images.numpy()})[0])

    return content, _difference(model, run)


FORMATS: dict[str, Callable[[nn.Module, CheckpointInfo], tuple[bytes, float | None]]] = {
    ".pth": _as_pth,
    SUFFIX: _as_safetensors,
    ".onnx": _as_onnx,
    ".pt2": _as_pt2,
}


def _images(count: int) -> torch.Tensor:
    """Noise (count, 1, 28, 28) in [-1, 1], which uses more of a network than digits do."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    return torch.rand(count, 1, 28, 28, generator=generator) * 2 - 1


def _any_batch() -> Any:
    from torch.export import Dim

    return ({0: Dim("batch")},)


def _difference(model: nn.Module, other: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """The largest between their logits, of one image and of several."""
    import torch

    with torch.inference_mode():
        return max(
            float((model(images) - other(images)).abs().max())
            for images in (_images(1), _images(64))
        )
