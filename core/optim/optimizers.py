"""The optimizers: all parameters in one fused call. To add one: a class, and its line.

They call the kernels behind torch.optim's `fused=True` themselves. Each step is the same to the
bit, without the Python that torch.optim runs around it (a third of a step of `linear`) and without
its import of the compiler, which would add a second to every start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    Named = dict[str, nn.Parameter]


@dataclass(frozen=True)
class RowsUpdate:
    """Updates some rows of a parameter, by their gradient and a learning rate."""

    rows: Tensor  # the parameter's values, detached from autograd
    lists: tuple[list[Tensor], ...]  # what the kernel takes after parameters and gradients
    kernel: Callable[..., Any]
    settings: dict[str, Any]

    def __call__(self, gradient: Tensor, rate: float | Tensor) -> None:
        self.kernel([self.rows], [gradient], *self.lists, lr=rate, **self.settings)


class Optimizer:
    """`state` has each parameter's tensors, by its name and then by torch.optim's key."""

    state: dict[str, dict[str, Tensor]]
    _parameters: list[nn.Parameter]
    _kernel: Callable[..., Any]
    _lists: tuple[list[Tensor], ...]  # what the kernel takes after parameters and gradients
    _settings: dict[str, Any]

    def step(self, rate: float | Tensor) -> None:
        """Update the parameters by their gradients.

        The rate is a number, or a tensor () where the step is captured in a CUDA graph.
        """
        gradients = [each.grad for each in self._parameters]
        self._kernel(self._parameters, gradients, *self._lists, lr=rate, **self._settings)

    def split_off(self, parameter: Tensor, rows: int) -> list[RowsUpdate]:
        """Leave a parameter out of `step`; return what updates so many of its rows each, in order.

        Its state stays where it is. Steps are counted by `step`, so they come after it.
        """
        place = next(n for n, each in enumerate(self._parameters) if each is parameter)
        self._parameters = [*self._parameters[:place], *self._parameters[place + 1 :]]
        state = [each[place] if each else None for each in self._lists]
        self._lists = tuple([*each[:place], *each[place + 1 :]] for each in self._lists)
        slices = parameter.detach().split(rows)
        parts = [
            # A count of steps belongs to all rows.
            None if each is None else each.split(rows) if each.dim() else [each] * len(slices)
            for each in state
        ]
        return [
            RowsUpdate(
                values,
                tuple([each[number]] if each else [] for each in parts),
                self._kernel,
                self._settings,
            )
            for number, values in enumerate(slices)
        ]


class Adam(Optimizer):
    """Kingma and Ba, "Adam" (2015), with weight decay added to the gradient."""

    decoupled = False

    def __init__(
        self, kernels: Any, named: Named, momentum: float, beta2: float, decay: float
    ) -> None:
        import torch

        self._settings = {
            "beta1": momentum,
            "beta2": beta2,
            "weight_decay": decay,
            "eps": 1e-8,
            "amsgrad": False,
            "maximize": False,
        }
        self._parameters = list(named.values())
        self._add_to_each = kernels.adder_to_each()
        device = self._parameters[0].device
        self._kernel = kernels.adam_kernel(self.decoupled, device, self._settings)
        self.state = {
            name: {
                "step": torch.zeros((), device=each.device),
                "exp_avg": torch.zeros_like(each),
                "exp_avg_sq": torch.zeros_like(each),
            }
            for name, each in named.items()
        }
        keys = ("step", "exp_avg", "exp_avg_sq")
        self._steps, *moments = ([each[key] for each in self.state.values()] for key in keys)
        self._lists = *moments, [], self._steps  # the empty list is for amsgrad

    def step(self, rate: float | Tensor) -> None:
        self._add_to_each(self._steps, 1)
        super().step(rate)


class AdamW(Adam):
    """Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019)."""

    decoupled = True


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, as torch.optim.SGD defines it."""

    def __init__(
        self, kernels: Any, named: Named, momentum: float, beta2: float, decay: float
    ) -> None:
        import torch

        self._settings = {
            "weight_decay": decay,
            "momentum": momentum,
            "dampening": 0.0,
            "nesterov": False,
            "maximize": False,
            # The first step needs no case of its own: a buffer of zeros becomes the gradient.
            "is_first_step": False,
        }
        self._parameters = list(named.values())
        self._kernel = kernels.sgd_kernel(self._parameters[0].device, self._settings)
        self.state = {}
        if momentum:  # without it the kernel takes no buffers
            self.state = {
                name: {"momentum_buffer": torch.zeros_like(each)} for name, each in named.items()
            }
        self._lists = ([each["momentum_buffer"] for each in self.state.values()],)


# Each takes core.compute.torch_private, which stands above this package and is passed in; the
# parameters by name; momentum, beta2 and weight decay.
OPTIMIZERS: dict[str, Callable[[Any, Named, float, float, float], Optimizer]] = {
    "adam": Adam,
    "adamw": AdamW,
    "sgd": Sgd,
}
