"""The scaling of a network's input: how pixels become the numbers that the network was trained on.

torch is not imported here, so that a checkpoint's header can be read without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class InputScaling:
    """As torchvision's ToTensor and then Normalize(mean, std) do: (pixel / 255 - mean) / std.

    The default is the article's, which scales images to [-1, 1]. A negative `std` is that of a
    network trained on black ink on white: (0.5, -0.5) inverts (0.5, 0.5).
    """

    mean: float = 0.5
    std: float = 0.5

    def apply(self, images: Tensor) -> Tensor:
        """Convert uint8 (N, 28, 28) to float32 (N, 1, 28, 28)."""
        return images.unsqueeze(1).float().div_(255).sub_(self.mean).div_(self.std)

    def scale(self, shares: Tensor) -> Tensor:
        """Convert pixels from 0 (paper) to 1 (ink) of any shape; gradients pass through."""
        return (shares - self.mean) / self.std

    @property
    def formula(self) -> str:
        """What is computed of a pixel, 0 to 255, such as "(pixel / 255 - 0.5) / 0.5"."""
        if not self.mean and math.isclose(self.std, 1 / 255):
            return "pixel"
        if self.mean == 1 and math.isclose(self.std, -1 / 255):
            return "255 - pixel"
        share = f"(pixel / 255 - {self.mean:g})" if self.mean else "pixel / 255"
        return share if self.std == 1 else f"{share} / {self.std:g}"

    @property
    def transforms(self) -> str:
        """The same in torchvision's words: "ToTensor(), then Normalize((0.5,), (0.5,))"."""
        if (self.mean, self.std) == (0, 1):
            return "ToTensor()"
        return f"ToTensor(), then Normalize(({self.mean:.10g},), ({self.std:.10g},))"

    @property
    def inverted(self) -> InputScaling:
        """The scaling of black ink on white that gives what this one gives of white on black."""
        return InputScaling(1 - self.mean, -self.std)

    @property
    def range(self) -> str:
        """The range of what pixels become, such as "[-1, 1]"."""
        ends = [(end - self.mean) / self.std + 0.0 for end in (0, 1)]  # -0 becomes 0
        which = " from ink to background" if self.std < 0 else ""
        return "[{:.4g}, {:.4g}]".format(*sorted(ends)) + which


DEFAULT_SCALING = InputScaling()
_ATTRIBUTE = "input_scaling"


def set_scaling(model: nn.Module, scaling: InputScaling) -> None:
    """Attach the scaling to a network, so that whatever feeds the network finds it there."""
    setattr(model, _ATTRIBUTE, scaling)


def get_scaling(model: nn.Module) -> InputScaling:
    """Return the scaling of a network's input, the default where none was set."""
    return getattr(model, _ATTRIBUTE, DEFAULT_SCALING)
