"""What training changes of this process: random numbers, threads, and how a GPU multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from core.compute.cores import torch_threads


@dataclass(frozen=True)
class ProcessState:
    """The state of PyTorch's random numbers, and what `cpu_kernels.activate` sets."""

    random: Tensor
    cuda_random: Tensor | None  # of the GPU that trains
    threads: int
    is_deterministic: bool
    is_benchmarked: bool
    allows_tf32: tuple[bool, bool]  # in products, in convolutions

    def restore(self, device: torch.device) -> None:
        torch.set_rng_state(self.random)
        if self.cuda_random is not None:
            torch.cuda.set_rng_state(self.cuda_random, device)
        if torch_threads() != self.threads:
            torch.set_num_threads(self.threads)
        torch.backends.cudnn.deterministic = self.is_deterministic
        torch.backends.cudnn.benchmark = self.is_benchmarked
        matmul, convolutions = self.allows_tf32
        torch.backends.cuda.matmul.allow_tf32 = matmul
        torch.backends.cudnn.allow_tf32 = convolutions


def take_state(device: torch.device) -> ProcessState:
    return ProcessState(
        random=torch.get_rng_state(),
        cuda_random=torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        threads=torch_threads(),
        is_deterministic=torch.backends.cudnn.deterministic,
        is_benchmarked=torch.backends.cudnn.benchmark,
        allows_tf32=(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
    )


@contextmanager
def kept_state(device: torch.device) -> Iterator[None]:
    """Restore the state at the end, also after an error."""
    before = take_state(device)
    try:
        yield
    finally:
        before.restore(device)
