"""A training step as a CUDA graph: small networks wait for kernel launches; a graph is one launch.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor, float | Tensor], Tensor]
# The page above requires them before a capture, so that libraries are initialised.
WARM_UPS = 3


class CapturedStep:
    """A captured step, for batches of the shape of the given one.

    Capturing runs a few steps with rate 0, which change the optimizer's state: load the state from
    before afterwards. Raises RuntimeError.
    """

    def __init__(self, step: Step, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images.clone(), labels.clone()
        self.rate = torch.zeros((), device=images.device)
        self.last_rate = 0.0
        device = images.device
        self.graph = torch.cuda.CUDAGraph()
        side = _capture_stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        # A stream of this device for the capture too: torch's default one is of the first device,
        # and a capture that fails would leave this thread on that stream.
        with torch.cuda.device(device), torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                step(self.images, self.labels, self.rate)
            with torch.cuda.graph(self.graph, stream=side):
                self.loss = step(self.images, self.labels, self.rate)
        torch.cuda.current_stream(device).wait_stream(side)

    def replay(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        """Run the step on a batch and return its mean loss ()."""
        self.images.copy_(images)
        self.labels.copy_(labels)
        if rate != self.last_rate:
            self.rate.fill_(rate)
            self.last_rate = rate
        self.graph.replay()
        return self.loss.clone()  # the next replay overwrites it


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """Return one stream for all captures on a device.

    cuBLAS keeps a workspace of up to 32 MiB for each stream that it has run on.
    """
    return torch.cuda.Stream(device)
