"""The scaling of a network's input: how pixels become the numbers that the network was trained on.

torch is not imported here, so that a checkpoint's header can be read without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class InputScaling:
    """As torchvision's ToTensor and then Normalize(mean, std) do: (pixel / 255 - mean) / std.

    The default is the article's, which scales images to [-1, 1].
    """

    mean: float = 0.5
    std: float = 0.5

    def apply(self, images: Tensor) -> Tensor:
        """Convert uint8 (N, 28, 28) to float32 (N, 1, 28, 28)."""
        return images.unsqueeze(1).float().div_(255).sub_(self.mean).div_(self.std)


DEFAULT_SCALING = InputScaling()
_ATTRIBUTE = "input_scaling"


def set_scaling(model: nn.Module, scaling: InputScaling) -> None:
    """Attach the scaling to a network, so that whatever feeds the network finds it there."""
    setattr(model, _ATTRIBUTE, scaling)


def get_scaling(model: nn.Module) -> InputScaling:
    """Return the scaling of a network's input, the default where none was set."""
    return getattr(model, _ATTRIBUTE, DEFAULT_SCALING)
