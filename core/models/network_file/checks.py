"""Check that a network from a Python file can be trained, resumed and evaluated, and measure it.

Each process checks it once, on the CPU with noise as images, before anything else uses it.
"""

from __future__ import annotations

from itertools import pairwise
from threading import Thread

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import UsageError, printable
from core.models.network_file.build import REPLACED, build_module, explained, interruptible
from core.models.network_file.named import TRIED, Facts, NetworkFile
from core.models.network_layers import INPUT, MOST_PARAMETERS, STATE_PREFIXES

# Those of a training state, which checkpoints hold (see DTYPES in core/checkpoints/header.py).
DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.uint8, torch.bool,
)  # fmt: skip
BATCH = (2, *INPUT)


def try_network(file: NetworkFile, classes: int) -> Facts:
    """Try the network of a file, unless this process has. Raises UsageError that says in one line
    what is wrong with it.

    PyTorch's random numbers do not change.
    """
    if known := TRIED.get((file, classes)):
        return known
    with (
        interruptible(),
        torch.random.fork_rng(devices=()),
        torch.inference_mode(False),
        torch.enable_grad(),
        explained(file),  # what no check expects, such as a `state_dict` that raises
    ):
        trial = _Trial(file, classes)
        trial.check_building()
        trial.check_predicting()
        trial.check_loading()
        trial.check_training()
        TRIED[file, classes] = trial.facts()
    return TRIED[file, classes]


def check_in_thread(file: NetworkFile, classes: int) -> None:
    """Try the network in a thread that ends, for a process whose main thread must not use torch:
    two threads that do would share the cores badly. Raises as try_network."""
    raised: list[BaseException] = []

    def check() -> None:
        try:
            torch.set_num_threads(1)  # so that no team of threads is left behind
            try_network(file, classes)
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=check, daemon=True)  # so that Ctrl-C ends the process
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


class _Trial:
    """Uses one network in each way in which the program does."""

    def __init__(self, file: NetworkFile, classes: int) -> None:
        self.file, self.classes = file, classes
        self.model = self._build(1)
        generator = torch.Generator().manual_seed(0)
        self.images = torch.rand(BATCH, generator=generator) * 2 - 1

    def _build(self, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return build_module(self.file, self.classes)

    def _refuse(self, what: str) -> UsageError:
        return UsageError(printable(f"{self.file.label} {what}"))

    def check_building(self) -> None:
        model = self.model
        found = [each for each in model.parameters() if each.requires_grad]
        if not found:
            raise self._refuse("has no trainable parameters")
        if (count := sum(each.numel() for each in model.parameters())) > MOST_PARAMETERS:
            most = f"{MOST_PARAMETERS:,}"
            raise self._refuse(f"has {count:,} parameters, and a network can have {most}")
        for name, parameter in model.named_parameters():
            if parameter.dtype != torch.float32:
                raise self._refuse(f"has a parameter {name} of {_name(parameter)}, not float32")
        for name, tensor in model.state_dict().items():
            self._check_tensor(name, tensor)
        self._check_memory()
        again = self._build(1)
        if again is model or {*map(id, again.parameters())} & {*map(id, model.parameters())}:
            raise self._refuse("returns the same module or parameters twice: build new ones")
        if not _same(model.state_dict(), again.state_dict()):
            raise self._refuse(
                "has other weights when it is built again from the same seed: draw them from "
                "PyTorch's random numbers"
            )

    def _check_tensor(self, name: str, tensor: object) -> None:
        if not isinstance(tensor, Tensor):
            raise self._refuse(f"has {name} in its state dict, which is not a tensor")
        if tensor.dtype not in DTYPES or tensor.device.type != "cpu":
            kind = _name(tensor) if tensor.device.type == "cpu" else str(tensor.device)
            raise self._refuse(f"has {name} of {kind}, which checkpoints cannot store")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise self._refuse(f"has {name}, whose values share memory: copy it with clone")
        if name.startswith(STATE_PREFIXES):
            taken = name.partition(".")[0]
            raise self._refuse(
                f"has the tensor {name}, and checkpoints use {taken} for something else: rename it"
            )

    def _check_memory(self) -> None:
        """Refuse tensors that overlap in memory: changing one would change the other. One tensor
        under two names is allowed."""
        ranges = sorted(
            (each.data_ptr(), each.data_ptr() + each.numel() * each.element_size(), name)
            for name, each in (*self.model.named_parameters(), *self.model.named_buffers())
            if each.numel()
        )
        for (_, end, one), (start, _, other) in pairwise(ranges):
            if start < end:
                raise self._refuse(f"has {one} and {other} in the same memory: copy one with clone")

    def _forward(self, model: nn.Module, images: Tensor, how: str = "raises ") -> Tensor:
        """Return the logits of images (N, 1, 28, 28), which must stay as they are."""
        given = images.clone()
        with explained(self.file, f"the forward pass of {tuple(images.shape)} {how}"):
            logits = model(given)
        if not torch.equal(given, images):
            raise self._refuse("modifies its input: compute on a copy")
        if not isinstance(logits, Tensor):
            raise self._refuse(f"returns {type(logits).__name__}, not a tensor of logits")
        expected = (len(images), self.classes)
        if tuple(logits.shape) != expected:
            raise self._refuse(
                f"returns {tuple(logits.shape)} for a batch of {tuple(images.shape)}: expected "
                f"{expected}, a logit for each class"
            )
        if not logits.is_floating_point():
            raise self._refuse(f"returns {_name(logits)}, not floating-point numbers")
        if not logits.isfinite().all():
            raise self._refuse("returns NaN or infinite numbers before any training")
        return logits

    def check_predicting(self) -> None:
        self.model.eval()
        with torch.inference_mode():
            self.logits = self._forward(self.model, self.images)
            if not torch.equal(self.logits, self._forward(self.model, self.images)):
                raise self._refuse("returns other logits for the same input in evaluation mode")
            self._forward(self.model, self.images[:1])

    def check_loading(self) -> None:
        """Give another network these weights, as a checkpoint does."""
        other = self._build(2)
        values = self.model.state_dict()
        with torch.no_grad(), explained(self.file, "loading its state dict raises "):
            for name, tensor in other.state_dict().items():
                tensor.copy_(values[name])
        with torch.inference_mode():
            if not torch.equal(self._forward(other.eval(), self.images), self.logits):
                raise self._refuse(
                    "returns other logits when its state dict is loaded: keep what "
                    "it computes with in parameters or buffers"
                )

    def check_training(self) -> None:
        """Train a step, and the same step again."""
        model = self.model.train()
        before = {name: each.clone() for name, each in model.state_dict().items()}
        first = self._step(model)
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(before[name])
        if not _same(first, self._step(model)):
            raise self._refuse(
                "gives other gradients when a step is repeated with the same weights and "
                "random numbers, so no run could be resumed exactly: keep state in buffers, and "
                "draw random numbers with PyTorch"
            )

    def _step(self, model: nn.Module) -> dict[str, Tensor]:
        torch.manual_seed(3)
        logits = self._forward(model, self.images, "in training raises ")
        labels = torch.tensor([0, self.classes - 1])
        for parameter in model.parameters():
            parameter.grad = None
        with explained(self.file, "the backward pass raises "):
            functional.cross_entropy(logits.float(), labels).backward()
        found = {n: each.grad for n, each in model.named_parameters() if each.grad is not None}
        if not found:
            raise self._refuse("computes no gradient for any of its parameters")
        gradients = {f"gradient of {name}": each.clone() for name, each in found.items()}
        buffers = {name: each.clone() for name, each in model.named_buffers()}
        return gradients | buffers | {"logits": logits.detach()}

    def facts(self) -> Facts:
        model = self.model
        return Facts(
            parameters=sum(each.numel() for each in model.parameters()),
            multiply_adds=self._count_multiply_adds(),
            convolutions=sum(isinstance(each, nn.Conv2d) for each in model.modules()),
            linears=sum(isinstance(each, nn.Linear) for each in model.modules()),
            any_layout=self._find_problem(torch.channels_last) is None,
            bf16_problem=self._find_problem(None) or "",
        )

    def _count_multiply_adds(self) -> int:
        """Return those of linear and convolutional layers, as the Network view has them.

        FlopCounterMode would count all, and takes 0.8 s the first time.
        """
        counts: list[int] = []

        def count(module: nn.Module, _: object, output: Tensor) -> None:
            counts.append(output[0].numel() * getattr(module, "weight")[0].numel())  # noqa: B009

        kinds = (nn.Linear, nn.Conv2d)
        layers = [each for each in self.model.modules() if isinstance(each, kinds)]
        hooks = [each.register_forward_hook(count) for each in layers]
        with torch.no_grad():
            self._forward(self.model.eval(), self.images[:1])
        for hook in hooks:
            hook.remove()
        return sum(counts)

    def _find_problem(self, layout: torch.memory_format | None) -> str | None:
        """Return why a step cannot be trained in a memory format, or in bf16 where that is None."""
        model = self._build(1)
        if layout is not None:
            model = model.to(memory_format=layout)
        try:
            with torch.autocast("cpu", torch.bfloat16, enabled=layout is None):
                self._step(model)
        except UsageError as error:
            return str(error)
        return None


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return whether two sets of tensors are equal; NaN equals NaN."""
    return one.keys() == other.keys() and all(
        torch.equal(_comparable(each), _comparable(other[name])) for name, each in one.items()
    )


def _comparable(tensor: Tensor) -> Tensor:
    return tensor.nan_to_num() if tensor.is_floating_point() else tensor


def is_plain(model: nn.Module) -> bool:
    """Return whether a network is PyTorch's own layers one after the other, all trained and none
    used twice, so that what computes them may be replaced."""
    modules = [each for _, each in model.named_modules(remove_duplicate=False)]
    parameters = [each for _, each in model.named_parameters(remove_duplicate=False)]
    return (
        all(map(_is_plain_layer, modules))
        and all(each.requires_grad for each in parameters)
        and len({*map(id, (*modules, *parameters))}) == len(modules) + len(parameters)
    )


def _is_plain_layer(module: nn.Module) -> bool:
    kind = type(module)
    if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
        return False
    of_torch = kind.__module__.startswith("torch.nn.modules.") or kind in REPLACED.values()
    return kind is nn.Sequential or (of_torch and next(module.children(), None) is None)
