"""What learns: a network, its optimizer, and the digits, on one device, in one arithmetic."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from ctypes import c_float

import torch
from torch import Tensor
from torch.nn import functional

from core.compute import torch_private
from core.compute.cpu_kernels import use_fast_routes
from core.compute.cuda_graph import Captured
from core.compute.mlp_backprop import backpropagate, chain
from core.compute.threads import choose_threads
from core.config import TrainConfig
from core.data.batches import draw_order, draw_shifts, iterate_batches, pad_images
from core.data.datasets import Tensors
from core.errors import first_line
from core.models.architectures import ARCHITECTURES
from core.models.inference import normalize
from core.optim.optimizers import OPTIMIZERS
from core.training.distributed import Ranks
from core.training.ranks import part

# How many steps a GPU may have waiting: enough to keep it busy, few enough for a command to be
# heard soon. Without a bound a thousand would wait.
STEPS_AHEAD = 2
# Test images evaluated at a time: few on a CPU, so that a command is handled within a moment.
EVALUATED_AT_ONCE = {"cpu": 100}


class Learner:
    """Making one is the first thing that can run out of memory.

    The seed draws the weights on the CPU, so that they are the same on every device.
    """

    def __init__(
        self,
        config: TrainConfig,
        precision: str,
        tensors: Tensors,
        device: torch.device,
        ranks: Ranks | None = None,
    ) -> None:
        """`ranks` are the processes that share each batch, where it is not one alone."""
        self.config, self.precision, self.device = config, precision, device
        self.ranks = ranks
        self.threads = choose_threads(
            config.threads, config.arch, ranks.place.local_world if ranks else 1
        )
        torch.set_num_threads(self.threads)
        torch.manual_seed(config.seed)
        self.model = use_fast_routes(ARCHITECTURES[config.arch].build(), device).to(device)
        self.parameters = dict(self.model.named_parameters())
        self.optimizer = OPTIMIZERS[config.optimizer](
            torch_private, self.parameters, config.momentum, config.beta2, config.weight_decay
        )
        images = normalize(tensors.train_images).to(device)
        self.images = pad_images(images, config.shift) if config.shift else images
        self.labels = tensors.train_labels.to(device)
        self.test_images = normalize(tensors.test_images).to(device)
        self.test_labels = tensors.test_labels.to(device)
        self.chain = chain(self.model) if device.type == "cpu" and precision == "fp32" else None
        self.captured: Captured | None = None
        self._ahead: deque[torch.cuda.Event] = deque()
        # A graph's steps leave their gradients where they were when it was captured.
        self._replayed, self._captured_gradients = False, dict[str, Tensor]()

    def batches(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch's images (size, 1, 28, 28) and labels (size,), from its step `first` on; with
        several ranks this one's part of each, which may be empty."""
        config, count = self.config, len(self.labels)
        skipped = first * config.batch_size
        order = draw_order(config.seed, epoch, count)[skipped:].to(self.device)
        shifts = None
        if config.shift:
            shifts = draw_shifts(config.seed, epoch, count, config.shift)
            shifts = shifts[skipped:].to(self.device)
        if self.ranks:
            return self._parts(self.ranks, order, shifts)
        return iterate_batches(self.images, self.labels, order, config.batch_size, shifts)

    def _parts(
        self, ranks: Ranks, order: Tensor, shifts: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """This rank's of each batch; what is random has been drawn for all of it."""
        count = len(order)
        whole = count - count % self.config.batch_size
        for first, last in ((0, whole), (whole, count)):
            if first == last:
                continue
            places = torch.arange(first, last, device=self.device)
            rows = places.view(-1, min(self.config.batch_size, last - first))
            own = rows[:, part(rows.shape[1], ranks.rank, ranks.world)].flatten()
            moved = None if shifts is None else shifts[own]
            size = len(own) // len(rows)
            yield from iterate_batches(self.images, self.labels, order[own], max(1, size), moved)

    def step(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        """Learns from one batch; gives its mean loss from before that, still on the device."""
        if self.device.type == "cuda":
            # As a graph has it: a last, smaller batch is a step without one.
            rate = c_float(rate).value
        self._replayed = self.captured is not None and len(labels) == self.config.batch_size
        if self.captured and self._replayed:
            loss = self.captured.replay(images, labels, rate)
        else:
            loss = self._step(images, labels, rate)
        if self.device.type == "cuda":
            self._keep_up()
        return loss

    def _keep_up(self) -> None:
        """Waits for the GPU where it is more than STEPS_AHEAD behind."""
        done = torch.cuda.Event()
        done.record(torch.cuda.current_stream(self.device))
        self._ahead.append(done)
        if len(self._ahead) > STEPS_AHEAD:
            self._ahead.popleft().synchronize()

    def _step(self, images: Tensor, labels: Tensor, rate: float | Tensor) -> Tensor:
        loss = self._differentiate(images, labels) if len(labels) or not self.ranks else None
        with torch.no_grad():
            if self.ranks:
                parameters = list(self.parameters.values())
                loss = self.ranks.combine(parameters, loss, len(labels))
            self.optimizer.step(rate)
        assert loss is not None
        return loss

    def _differentiate(self, images: Tensor, labels: Tensor) -> Tensor:
        """Puts the mean loss's gradients into the parameters' grad, and gives that loss."""
        if self.chain:
            smoothing = self.config.label_smoothing
            return backpropagate(self.chain, images, labels, smoothing)
        for parameter in self.parameters.values():
            parameter.grad = None
        loss = self.loss(images, labels)
        loss.backward()
        return loss.detach()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.precision == "bf16":
            # A cache of cast weights would outlive the graph that it was made in.
            with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
                logits = self.model(images)
        else:
            logits = self.model(images)
        smoothing = self.config.label_smoothing
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    def capture(self) -> str | None:
        """On a CUDA device, records a step as a graph, which is then replayed at the price of one
        launch. Why that could not be, or None: steps are then made one by one. So they are with
        several ranks, which would have to capture alike what waits for the others.
        """
        if self.device.type != "cuda" or self.ranks:
            return None
        images, labels = next(self.batches(0, 0))
        before = {name: each.clone() for name, each in self.state().items()}
        try:
            self.captured = Captured(self._step, images, labels)
            self._captured_gradients = self.gradients()
        except RuntimeError as error:
            return first_line(error)
        finally:
            self.load_state(before)
        return None

    def test_logits(self) -> Iterator[Tensor]:
        """Yield the logits (size, 10) of the test images in order, a part at a time."""
        size = EVALUATED_AT_ONCE.get(self.device.type, 10_000)
        self.model.eval()
        try:
            for images in self.test_images.split(size):
                with torch.inference_mode():
                    logits = self.model(images)
                yield logits
        finally:
            self.model.train()

    def gradient_norm(self) -> Tensor:
        """Of the last step, over all parameters, still on the device."""
        norms = torch_private.norm_of_each(list(self.gradients().values()))
        return torch.linalg.vector_norm(torch.stack(list(norms)))

    def gradients(self) -> dict[str, Tensor]:
        """Those of the last step, by the parameters' names."""
        if self._replayed:
            return self._captured_gradients
        found = {name: each.grad for name, each in self.parameters.items()}
        return {name: each for name, each in found.items() if each is not None}

    def state(self) -> dict[str, Tensor]:
        """The weights under their own names, and what else it takes to go on exactly."""
        tensors = dict(self.model.state_dict())
        for name, kept in self.optimizer.state.items():
            for key, value in kept.items():
                tensors[f"optimizer.{name}.{key}"] = value
        # Nothing here draws from it during a run, but a network may: one with dropout does.
        tensors["rng.torch"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(self.device)
        return tensors

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Load such a state in place. Its names and shapes must be those of `state`."""
        with torch.no_grad():
            for name, tensor in self.state().items():
                if not name.startswith("rng."):
                    tensor.copy_(tensors[name])
        torch.set_rng_state(tensors["rng.torch"].cpu())
        if self.device.type == "cuda" and "rng.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng.cuda"].cpu(), self.device)
