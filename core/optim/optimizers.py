"""The optimizers: every parameter in one fused call. To add one: a class, and its line.

These call the kernels behind torch.optim's `fused=True` themselves. Each step is the same to the
bit, without the Python that torch.optim takes around it (a third of a step of `linear`) and without
its import of the compiler, which is a second of every start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn


class Optimizer(Protocol):
    """`state` is what it keeps of each parameter, by name and then by torch.optim's word for it.
    `step` takes the gradients from the parameters; its rate is a number, or a tensor of one where
    the step is captured in a graph."""

    state: dict[str, dict[str, Tensor]]

    def step(self, rate: float | Tensor) -> None: ...


class Adam:
    """Kingma and Ba, "Adam" (2015), with weight decay in the gradient; or AdamW by its kernel:
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).
    """

    def __init__(
        self,
        kernel: str,
        named: dict[str, nn.Parameter],
        momentum: float,
        beta2: float,
        weight_decay: float,
    ) -> None:
        import torch

        self._kernel, self._count_up = getattr(torch, kernel), torch._foreach_add_
        self._settings: dict[str, Any] = {
            "beta1": momentum,
            "beta2": beta2,
            "weight_decay": weight_decay,
            "eps": 1e-8,
            "amsgrad": False,
            "maximize": False,
        }
        self._parameters = list(named.values())
        self._steps = [torch.zeros((), device=each.device) for each in self._parameters]
        self._means = [torch.zeros_like(each) for each in self._parameters]
        self._squares = [torch.zeros_like(each) for each in self._parameters]
        kept = zip(self._steps, self._means, self._squares, strict=True)
        keys = ("step", "exp_avg", "exp_avg_sq")
        self.state = {
            name: dict(zip(keys, each, strict=True)) for name, each in zip(named, kept, strict=True)
        }

    def step(self, rate: float | Tensor) -> None:
        gradients = [each.grad for each in self._parameters]
        self._count_up(self._steps, 1)
        self._kernel(
            self._parameters,
            gradients,
            self._means,
            self._squares,
            [],
            self._steps,
            lr=rate,
            **self._settings,
        )


class Sgd:
    """Stochastic gradient descent with momentum, as torch.optim.SGD has it."""

    def __init__(
        self, named: dict[str, nn.Parameter], momentum: float, beta2: float, weight_decay: float
    ) -> None:
        import torch

        self._kernel: Any = torch._fused_sgd_
        self._settings: dict[str, Any] = {
            "weight_decay": weight_decay,
            "momentum": momentum,
            "dampening": 0.0,
            "nesterov": False,
            "maximize": False,
            # A buffer of zeros becomes the first gradient by itself.
            "is_first_step": False,
        }
        self._parameters = list(named.values())
        self.state = {}
        if momentum:  # without it the kernel takes no buffers
            self.state = {
                name: {"momentum_buffer": torch.zeros_like(each)} for name, each in named.items()
            }
        self._buffers = [each["momentum_buffer"] for each in self.state.values()]

    def step(self, rate: float | Tensor) -> None:
        gradients = [each.grad for each in self._parameters]
        self._kernel(self._parameters, gradients, self._buffers, lr=rate, **self._settings)


# Each takes the parameters by name, momentum, beta2 and weight decay.
OPTIMIZERS: dict[str, Callable[[dict[str, nn.Parameter], float, float, float], Optimizer]] = {
    "adam": partial(Adam, "_fused_adam_"),
    "adamw": partial(Adam, "_fused_adamw_"),
    "sgd": Sgd,
}
