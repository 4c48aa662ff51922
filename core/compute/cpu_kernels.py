"""Faster CPU kernels for the same arithmetic, where PyTorch does not choose them itself."""

import ctypes
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from core.compute.routes import Route
from core.compute.torch_private import onednn_linear

# glibc's names for two settings of malloc (malloc.h), and what they are set to.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MOST_KEPT = 2**30
# From this many weights on, oneDNN multiplies faster than MKL in spite of its longer call.
ONEDNN_WEIGHTS = 100_000


@lru_cache
def keep_freed_memory() -> None:
    """Let malloc keep what a training step frees for the next one, up to a gigabyte.

    By default glibc returns larger pieces to the system at once, and the next step pays for each
    page again: 9,000 page faults, 10 of the 26 ms of a step of `cnn` in bf16.
    """
    if sys.platform != "linux":
        return
    # Other C libraries than glibc have no mallopt.
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        # glibc before 2.35 or so refuses more than 32 MiB.
        libc.mallopt(M_MMAP_THRESHOLD, MOST_KEPT) or libc.mallopt(M_MMAP_THRESHOLD, 2**25)
        libc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)


def is_large(module: nn.Module) -> bool:
    """Return whether a module is a Linear that oneDNN may multiply faster."""
    is_linear = type(module) is nn.Linear or type(module) is OneDnnLinear
    own = dict(module.named_parameters(recurse=False)) if is_linear else {}
    # weight_norm puts a tensor in the weight's place.
    return {"weight", "bias"} <= own.keys() and own["weight"].numel() >= ONEDNN_WEIGHTS


def activate(route: Route, device: torch.device) -> None:
    """Set what of a route belongs to the process: the CPU threads, and how a GPU multiplies.

    On a GPU only deterministic kernels are chosen, so that runs can be repeated.
    """
    torch.set_num_threads(route.threads)
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        # PyTorch's default is TF32 for convolutions alone, whatever --precision says.
        torch.backends.cuda.matmul.allow_tf32 = route.precision == "tf32"
        torch.backends.cudnn.allow_tf32 = route.precision == "tf32"


def use_route(model: nn.Module, route: Route, device: torch.device) -> nn.Module:
    """Return the network with the layers and the memory format of a route."""
    if device.type == "cpu":
        keep_freed_memory()
    if route.layout == "channels-last":
        # On a CPU convolutions need no reordering of their data, and pooling takes a tenth of the
        # time.
        model = model.to(memory_format=torch.channels_last)
    if route.products == "onednn":
        for module in filter(is_large, model.modules()):
            module.__class__ = OneDnnLinear
    return model


class OneDnnLinear(nn.Linear):
    """A Linear that multiplies float32 inputs (N, in) with oneDNN, and others as Linear does."""

    def forward(self, input: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu") or input.dtype != torch.float32 or input.dim() != 2:
            return super().forward(input)
        return _OneDnnProduct.apply(input, self.weight, self.bias)


class _OneDnnProduct(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        context.save_for_backward(input, weight)
        return onednn_linear(input, weight, bias)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        input, weight = context.saved_tensors
        of_input = onednn_linear(gradient, weight.t()) if context.needs_input_grad[0] else None
        # MKL is faster for this shape.
        of_weight = gradient.t() @ input if context.needs_input_grad[1] else None
        return of_input, of_weight, gradient.sum(0)
