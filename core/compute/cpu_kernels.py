"""The same arithmetic by faster routes, where PyTorch does not take them by itself."""

import ctypes
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from core.compute.torch_private import has_onednn_linear, onednn_linear

# glibc's names for two settings of malloc (malloc.h), and what they are set to.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MOST_KEPT = 2**30
# From this many weights on, oneDNN's product is faster than MKL's in spite of its longer way in.
ONEDNN_WEIGHTS = 100_000


@lru_cache
def keep_freed_memory() -> None:
    """Lets malloc keep what a training step frees for the next one, up to a gigabyte.

    By its own rule it gives larger pieces back to the system at once, and the next step pays for
    each page again: 9,000 page faults, 10 of the 26 ms of a step of `cnn` in bf16.
    """
    if sys.platform != "linux":
        return
    # Another C library than glibc has no mallopt, and needs none.
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        # Before its version 2.35 or so it refuses more than 32 MiB.
        libc.mallopt(M_MMAP_THRESHOLD, MOST_KEPT) or libc.mallopt(M_MMAP_THRESHOLD, 2**25)
        libc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)


def use_fast_routes(model: nn.Module, device: torch.device) -> nn.Module:
    """The network, of which layers may be swapped for ones that give the same in less time.

    On a GPU this only sees to it that one run is like the other.
    """
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    if device.type == "cpu":
        keep_freed_memory()
        # Convolutions need not turn their data around, and pooling takes a tenth of the time.
        model = model.to(memory_format=torch.channels_last)
        if has_onednn_linear():
            for module in model.modules():
                if type(module) is not nn.Linear or module.bias is None:
                    continue
                if module.in_features * module.out_features >= ONEDNN_WEIGHTS:
                    module.__class__ = OneDnnLinear
    return model


class OneDnnLinear(nn.Linear):
    """A Linear whose product is oneDNN's, for float32 (N, in), and Linear's own otherwise."""

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
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        input, weight = context.saved_tensors
        of_input = onednn_linear(gradient, weight.t()) if context.needs_input_grad[0] else None
        # MKL's is the faster one for this shape.
        return of_input, gradient.t() @ input, gradient.sum(0)
