"""A stand-in for CUDA where there is no GPU: the tensors of cuda:0 lie on the CPU.

A graph records the operations of its capture and runs them again on the same tensors, as a CUDA
graph does: what a step keeps outside of them is not updated, and a step that waits for the GPU
cannot be captured. Streams and events do nothing. `python -m pytest -p tests.support.fake_cuda`
runs the GPU tests with it.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NAME = "stand-in for CUDA on the CPU"
CPU = torch.device("cpu")
# What copies a value to the host or has a size that only the GPU knows: not allowed in a capture.
aten = torch.ops.aten
WAITING = {aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal, aten.is_nonzero}


def pytest_configure(config: object) -> None:
    pretend()


def pretend() -> None:
    """Put the stand-in in place of CUDA, for the rest of this process and on this thread."""
    _OnCpu().__enter__()
    random_state = [torch.zeros(16, dtype=torch.uint8)]
    properties = SimpleNamespace(name=NAME, total_memory=2**33, major=9, minor=0)
    real_autocast = torch.autocast
    torch.autocast = lambda kind, *rest, **more: real_autocast("cpu", *rest, **more)
    replacements: dict[str, Any] = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda *rest: True,
        "init": lambda: None,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: NAME,
        "get_device_properties": lambda device=None: properties,
        "get_device_capability": lambda device=None: (9, 0),
        "synchronize": lambda device=None: None,
        "empty_cache": lambda: None,
        "max_memory_reserved": lambda device=None: 0,
        "get_rng_state": lambda device=None: random_state[0].clone(),
        "set_rng_state": lambda state, device=None: random_state.__setitem__(0, state.clone()),
        "current_stream": Stream,
        "Stream": Stream,
        "stream": lambda stream: nullcontext(),
        "device": lambda device: nullcontext(),
        "Event": Event,
        "CUDAGraph": Graph,
        "graph": capture,
    }
    for name, value in replacements.items():
        setattr(torch.cuda, name, value)
    torch.accelerator.current_accelerator = lambda check_available=False: None


class _OnCpu(TorchFunctionMode):
    """Gives each function of torch the CPU where it is given a device of CUDA."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is torch.device:
            return function(*args, **(kwargs or {}))
        kwargs = {name: _without_cuda(each) for name, each in (kwargs or {}).items()}
        return function(*map(_without_cuda, args), **kwargs)


def _without_cuda(value: Any) -> Any:
    is_cuda = isinstance(value, torch.device) and value.type == "cuda"
    return CPU if is_cuda or (isinstance(value, str) and value.startswith("cuda")) else value


class Stream:
    def __init__(self, device: object = None) -> None:
        pass

    def wait_stream(self, other: object) -> None:
        pass

    def synchronize(self) -> None:
        pass


class Event(Stream):
    def record(self, stream: object = None) -> None:
        pass


class Graph:
    """The operations of a capture: function, arguments, keyword arguments and result of each."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, before in self.calls:
            result = function(*args, **kwargs)
            if not function._schema.is_mutable:
                given = {_address(each) for each in _tensors((args, kwargs))}
                for old, new in zip(_tensors(before), _tensors(result), strict=True):
                    if _address(old) not in given:  # a view has the new values already
                        old.copy_(new)


class capture(TorchDispatchMode):
    """Records what runs in the context; raises RuntimeError where CUDA would."""

    def __init__(self, graph: Graph, pool: object = None, stream: object = None) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        if function.overloadpacket in WAITING:
            raise RuntimeError(f"operation not permitted when stream is capturing: {function}")
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        self.graph.calls.append((function, args, kwargs, result))
        return result


def _tensors(values: Any) -> Iterator[Tensor]:
    return (each for each in tree_leaves(values) if isinstance(each, Tensor))


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
