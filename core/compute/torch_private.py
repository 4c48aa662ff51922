"""Every private part of PyTorch that this program uses, each beside the public way to the same.

Checked against PyTorch 2.14. Each part is looked up, and the kernels are tried on one value, when a
run starts: where a version has none, or takes other arguments, the public way is used. It is slower
and may differ in the last bits, so no upper bound on the version is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

# As torch._fused_adam_: parameters, gradients, means, squares, [], steps, lr=…, beta1=…, …
# As torch._fused_sgd_: parameters, gradients, momentum buffers, lr=…, momentum=…, …
Kernel = Callable[..., Any]


def adam_kernel(decoupled: bool, device: torch.device, settings: dict[str, Any]) -> Kernel:
    """Return what updates all parameters in one call, in place: AdamW's where `decoupled`.

    `settings` are its keyword arguments except the learning rate. `steps` count from 1.
    """
    fused = getattr(torch, "_fused_adamw_" if decoupled else "_fused_adam_", None)
    lists = [[torch.ones(1, device=device)] for _ in range(4)]
    works = _runs(fused, *lists, [], [torch.ones((), device=device)], lr=0.0, **settings)
    return fused if fused and works else partial(_adam, decoupled=decoupled)


def sgd_kernel(device: torch.device, settings: dict[str, Any]) -> Kernel:
    """The same for SGD; without momentum it takes no buffers."""
    fused = getattr(torch, "_fused_sgd_", None)
    one = [[torch.ones(1, device=device)] for _ in range(3 if settings["momentum"] else 2)]
    arguments = one if settings["momentum"] else [*one, []]
    return fused if fused and _runs(fused, *arguments, lr=0.0, **settings) else _sgd


def _runs(kernel: Kernel | None, *arguments: Any, **more: Any) -> bool:
    if kernel is None:
        return False
    try:
        with torch.no_grad():
            kernel(*arguments, **more)
    # Other arguments, no such kernel for this device, or none in this version.
    except (TypeError, RuntimeError, AttributeError):
        return False
    return True


def _adam(*lists: Sequence[Tensor], decoupled: bool, lr: float | Tensor, **settings: Any) -> None:
    """Kingma and Ba, "Adam" (2015), algorithm 1, for one parameter after the other."""
    parameters, gradients, means, squares, _, steps = lists
    beta1, beta2, decay, eps = (
        settings[name] for name in ("beta1", "beta2", "weight_decay", "eps")
    )
    state = zip(parameters, gradients, means, squares, steps, strict=True)
    for parameter, gradient, mean, square, step in state:
        if decoupled:
            parameter.mul_(1 - lr * decay)
        elif decay:
            gradient = gradient.add(parameter, alpha=decay)
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (square / (1 - beta2**step)).sqrt_().add_(eps)
        parameter.sub_(mean / scale * (lr / (1 - beta1**step)))


def _sgd(*lists: Sequence[Tensor], lr: float | Tensor, **settings: Any) -> None:
    parameters, gradients, buffers = lists
    momentum, decay = settings["momentum"], settings["weight_decay"]
    for place, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        if decay:
            gradient = gradient.add(parameter, alpha=decay)
        if momentum:
            gradient = buffers[place].mul_(momentum).add_(gradient)
        parameter.sub_(gradient * lr)


def adder_to_each() -> Kernel:
    """Return what adds a number to each tensor of a list, in place."""
    return getattr(torch, "_foreach_add_", _add_to_each)


def _add_to_each(tensors: list[Tensor], value: float) -> None:
    for each in tensors:
        each.add_(value)


def copy_each(targets: list[Tensor], sources: list[Tensor]) -> None:
    if hasattr(torch, "_foreach_copy_"):
        torch._foreach_copy_(targets, sources)
        return
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)


def norm_of_each(tensors: list[Tensor]) -> Sequence[Tensor]:
    """Return the Euclidean norm () of each tensor, on its device."""
    if hasattr(torch, "_foreach_norm"):
        return torch._foreach_norm(tensors)
    return [torch.linalg.vector_norm(each) for each in tensors]


def relu_backward(gradient: Tensor, output: Tensor) -> Tensor:
    """Return the gradient of a ReLU's input, given that of its output, and the output."""
    if hasattr(torch.ops.aten, "threshold_backward"):
        return torch.ops.aten.threshold_backward(gradient, output, 0)
    return gradient.masked_fill(output <= 0, 0.0)


def has_onednn_linear() -> bool:
    """Whether `onednn_linear` can be used; nn.Linear gives the same without it."""
    if not torch.backends.mkldnn.is_available():
        return False
    return _runs(onednn_linear, torch.ones(1, 1), torch.ones(1, 1), torch.ones(1))


def onednn_linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, after: str = "none"
) -> Tensor:
    """Multiply (N, in) by (out, in) with oneDNN: (N, out). `after` may be "relu"."""
    return torch.ops.mkldnn._linear_pointwise(input, weight, bias, after, [], "")


def cuda_architectures() -> list[str]:
    """Return what this PyTorch's CUDA code was compiled for: sm_90, also without a driver."""
    flags = getattr(torch._C, "_cuda_getArchFlags", None)
    return (flags() or "").split() if flags else torch.cuda.get_arch_list()
