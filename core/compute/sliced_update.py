"""The gradient and the update of a large Linear layer's weight, a few rows at a time.

The gradient is a product of the batch's errors and inputs and as large as the weight, 17 MB for the
largest layer of `cnn`. Whole, it is written to memory and read again by the optimizer. A few rows
at a time it stays in the CPU's cache from the product to the update. In bf16 the same goes
for the conversion of the gradient, and of the updated weight for the next step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.compute.cpu_kernels import OneDnnLinear
from core.compute.torch_private import onednn_linear
from core.optim.optimizers import Optimizer, RowsUpdate

# From this many weights on, the gradient does not stay in the cache when it is computed whole.
SLICED_WEIGHTS = 1_000_000
# Elements of the gradient computed at a time, 2 MB: fewer cost more calls, more leave the cache.
SLICE_ELEMENTS = 2**19


def is_sliceable(module: nn.Module) -> bool:
    """Return whether a module is a Linear whose weight is worth updating in slices."""
    is_linear = type(module) in (nn.Linear, OneDnnLinear, SlicedLinear)
    has_bias = is_linear and module.bias is not None
    return has_bias and module.get_parameter("weight").numel() >= SLICED_WEIGHTS


class SlicedLinear(nn.Linear):
    """A Linear that keeps the factors of its weight's gradient instead of their product.

    `factors` are of the last backward pass: the gradient of the output (N, out) and the input
    (N, in). `in_bf16` is the weight in bf16 where training computes in it.
    """

    factors: tuple[Tensor, Tensor] | None
    in_bf16: Tensor | None

    def forward(self, input: Tensor) -> Tensor:
        if self.in_bf16 is not None and torch.is_autocast_enabled("cpu"):
            bias = self.bias.bfloat16()
            return _KeepFactors.apply(input.bfloat16(), self.in_bf16, bias, self)
        return _KeepFactors.apply(input, self.weight.detach(), self.bias, self)

    def gradient(self) -> Tensor | None:
        """Return the gradient of the weight (out, in) of the last backward pass, None before it."""
        if self.factors is None:
            return None
        errors, input = self.factors
        return _product(errors.t(), input)


class _KeepFactors(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, input: Tensor, weight: Tensor, bias: Tensor, layer: SlicedLinear
    ) -> Tensor:
        context.save_for_backward(input, weight)
        context.layer = layer
        if input.dtype == torch.float32:
            return onednn_linear(input, weight, bias)
        return functional.linear(input, weight, bias)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor, None]:
        input, weight = context.saved_tensors
        context.layer.factors = gradient, input.detach()
        of_input = None
        if context.needs_input_grad[0]:
            is_float = gradient.dtype == torch.float32
            of_input = onednn_linear(gradient, weight.t()) if is_float else gradient @ weight
        return of_input, None, gradient.sum(0), None


def _product(errors: Tensor, input: Tensor) -> Tensor:
    """Return errors (out, N) times input (N, in), in float32."""
    if errors.dtype == torch.float32:
        return onednn_linear(errors, input.t())
    return (errors @ input).float()


class SlicedUpdate:
    """Updates the large Linear layers of a network, which it makes a SlicedLinear each.

    The optimizer's `step` leaves their weights out from then on.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, precision: str) -> None:
        self.layers: dict[str, SlicedLinear] = {}  # by the names of their weights
        self._updates: list[tuple[SlicedLinear, list[RowsUpdate]]] = []
        for name, module in model.named_modules():
            if not is_sliceable(module):
                continue
            module.__class__ = SlicedLinear
            assert isinstance(module, SlicedLinear)
            module.factors = None
            module.in_bf16 = module.weight.detach().bfloat16() if precision == "bf16" else None
            rows = max(1, SLICE_ELEMENTS // module.in_features)
            self.layers[f"{name}.weight"] = module
            self._updates.append((module, optimizer.split_off(module.weight, rows)))

    @torch.no_grad()
    def step(self, rate: float | Tensor) -> None:
        """Update the weights by the last backward pass; call it after the optimizer's step."""
        for layer, updates in self._updates:
            assert layer.factors is not None
            errors, input = layer.factors
            parts = errors.t().contiguous().split(len(updates[0].rows))
            start = 0
            for update, part in zip(updates, parts, strict=True):
                update(_product(part, input), rate)
                if layer.in_bf16 is not None:
                    layer.in_bf16[start : start + len(part)].copy_(update.rows)
                start += len(part)

    def gradients(self) -> dict[str, Tensor]:
        """Return the weights' gradients of the last step, by the weights' names."""
        found = {name: layer.gradient() for name, layer in self.layers.items()}
        return {name: each for name, each in found.items() if each is not None}

    @torch.no_grad()
    def read_weights(self) -> None:
        """Take over weights that something else than `step` has changed."""
        for layer in self.layers.values():
            layer.factors = None
            if layer.in_bf16 is not None:
                layer.in_bf16.copy_(layer.weight)
