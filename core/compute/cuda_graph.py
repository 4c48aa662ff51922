"""A training step as a CUDA graph: small networks wait for launches, and a graph is one launch.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor, float | Tensor], Tensor]
# What the page above asks for before a capture, so that libraries have set themselves up.
WARM_UPS = 3


class Captured:
    """A step for batches of the shape of those given. Making it takes a few steps with rate 0 that
    change the optimizer's state: put that back afterwards. Raises RuntimeError.
    """

    def __init__(self, step: Step, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images.clone(), labels.clone()
        self.rate = torch.zeros((), device=images.device)
        self.rate_now = 0.0
        device = images.device
        self.graph = torch.cuda.CUDAGraph()
        side = torch.cuda.Stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        # A stream of our own for the capture too: torch's own would be one of the first device,
        # and a capture that fails would leave this thread on it.
        with torch.cuda.device(device), torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                step(self.images, self.labels, self.rate)
            with torch.cuda.graph(self.graph, stream=side):
                self.loss = step(self.images, self.labels, self.rate)
        torch.cuda.current_stream(device).wait_stream(side)

    def replay(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        self.images.copy_(images)
        self.labels.copy_(labels)
        if rate != self.rate_now:
            self.rate.fill_(rate)
            self.rate_now = rate
        self.graph.replay()
        return self.loss.clone()  # the next replay writes over it
