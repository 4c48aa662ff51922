"""A network with its optimizer and its data, on one device and by one route: one step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from ctypes import c_float

import torch
from torch import Tensor
from torch.nn import functional

from core.compute import torch_private
from core.compute.cpu_kernels import activate, use_route
from core.compute.cuda_graph import CapturedStep
from core.compute.mlp_backprop import backpropagate, find_linear_layers
from core.compute.routes import Route
from core.compute.sliced_update import SlicedUpdate
from core.config import TrainConfig
from core.data.batches import draw_order, draw_shifts, iterate_batches, pad_images
from core.data.datasets import Tensors
from core.errors import first_line
from core.models.inference import full_float32
from core.models.input_scaling import DEFAULT_SCALING, InputScaling, set_scaling
from core.models.networks import Network, build_untrained
from core.optim.optimizers import OPTIMIZERS
from core.training.distributed import Ranks, seed_steps
from core.training.ranks import part

# How many steps a GPU may have queued: enough to keep it busy, few enough for a command to be
# handled soon. Without a bound a thousand would wait.
STEPS_AHEAD = 2
# Test images evaluated at a time: few on a CPU, so that a command is handled within a moment; on a
# GPU so few that the first convolution of cnn takes 200 MB an array.
EVALUATED_AT_ONCE = {"cpu": 100, "cuda": 2_000}

Prepare = Callable[[Tensors, InputScaling, int, torch.device], Tensors]


def prepare_images(
    tensors: Tensors, scaling: InputScaling, shift: int, device: torch.device
) -> Tensors:
    """Return the images on the device as networks get them, (N, 1, 28, 28) floats; the training
    images with a margin of `shift` pixels."""
    images = tensors.train_images
    images = pad_images(images, shift) if shift else images
    return Tensors(
        scaling.apply(images).to(device),
        tensors.train_labels.to(device),
        scaling.apply(tensors.test_images).to(device),
        tensors.test_labels.to(device),
    )


class Learner:
    """Trains a network one batch at a time.

    The first weights are drawn on the CPU, so that a seed gives the same on every device.
    """

    def __init__(
        self,
        config: TrainConfig,
        route: Route,
        tensors: Tensors,
        device: torch.device,
        ranks: Ranks | None = None,
        scaling: InputScaling = DEFAULT_SCALING,
        network: Network | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        """`ranks` are the processes that share each batch; None for a single process. `network` is
        the one of the config where its dataset, and so its classes, are not on this machine.
        `prepare` replaces `prepare_images`."""
        self.config, self.route, self.device, self.ranks = config, route, device, ranks
        activate(route, device)  # the threads first: they also share the work of drawing weights
        self.network = network or config.network
        untrained = build_untrained(self.network, config.seed)
        self.model = use_route(untrained, route, device).to(device)
        self.scaling = scaling
        set_scaling(self.model, scaling)
        named = self.model.named_parameters()
        self.parameters = {name: each for name, each in named if each.requires_grad}
        # Code of the user's may leave some of them out, always or in a step.
        self.may_miss_gradients = self.network.file is not None
        self.optimizer = OPTIMIZERS[config.optimizer](
            torch_private, self.parameters, config.momentum, config.beta2, config.weight_decay
        )
        prepared = (prepare or prepare_images)(tensors, scaling, config.shift, device)
        self.images, self.labels, self.test_images, self.test_labels = prepared
        by_hand = route.backward == "chain"
        self.linear_layers = find_linear_layers(self.model) if by_hand else None
        self.sliced = None
        if route.update == "sliced":
            self.sliced = SlicedUpdate(self.model, self.optimizer, route.precision)
        self.captured: CapturedStep | None = None
        self._ahead: deque[torch.cuda.Event] = deque()
        # A graph's steps leave their gradients in the tensors that it was captured with.
        self._replayed, self._captured_gradients = False, dict[str, Tensor]()

    def batches(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's images (size, 1, 28, 28) and labels (size,) from step `first` on.

        With several ranks they are this rank's part of each batch, which may be empty. PyTorch's
        random numbers are then seeded for each step of a network that may draw some: a checkpoint
        has only the leader's.
        """
        config, count = self.config, len(self.labels)
        skipped = first * config.batch_size
        order = draw_order(config.seed, epoch, count)[skipped:].to(self.device)
        shifts = None
        if most := config.shift:
            shifts = draw_shifts(config.seed, epoch, count, most)[skipped:].to(self.device)
        if self.ranks:
            parts = self._parts(self.ranks, order, shifts)
            if not self.network.may_draw:
                return parts
            return seed_steps(parts, (config.seed, self.ranks.rank, epoch), first)
        return iterate_batches(self.images, self.labels, order, config.batch_size, shifts)

    def _parts(
        self, ranks: Ranks, order: Tensor, shifts: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this rank's part of each batch; order and shifts are drawn for the whole batch."""
        count = len(order)
        whole = count - count % self.config.batch_size
        for places in torch.arange(count, device=self.device).tensor_split([whole]):
            if not len(places):
                continue
            rows = places.view(-1, min(self.config.batch_size, len(places)))
            own = rows[:, part(rows.shape[1], ranks.rank, ranks.world)].flatten()
            moved = None if shifts is None else shifts[own]
            size = len(own) // len(rows)
            yield from iterate_batches(self.images, self.labels, order[own], max(1, size), moved)

    def step(self, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        """Train on one batch and return its mean loss (), before the update, on the device."""
        if self.device.type == "cuda":
            # A graph has the rate in float32; a smaller last batch, without one, gets the same.
            rate = c_float(rate).value
        self._replayed = self.captured is not None and len(labels) == self.config.batch_size
        if self.captured and self._replayed:
            loss = self.captured.replay(images, labels, rate)
        else:
            loss = self._step(images, labels, rate)
        if self.device.type == "cuda":
            self._limit_queue()
        return loss

    def _limit_queue(self) -> None:
        """Wait until the GPU is at most STEPS_AHEAD behind."""
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
            if self.sliced:
                self.sliced.step(rate)
        assert loss is not None
        return loss

    def _differentiate(self, images: Tensor, labels: Tensor) -> Tensor:
        """Set the parameters' gradients of the mean loss, and return that loss ()."""
        if self.linear_layers:
            smoothing = self.config.label_smoothing
            return backpropagate(self.linear_layers, images, labels, smoothing)
        for parameter in self.parameters.values():
            parameter.grad = None
        loss = self.loss(images, labels)
        loss.backward()
        if self.may_miss_gradients:
            for parameter in self.parameters.values():
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        return loss.detach()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.route.precision == "bf16":
            # The cache of cast weights would outlive the CUDA graph that fills it.
            with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
                logits = self.model(images)
        else:
            logits = self.model(images)
        smoothing = self.config.label_smoothing
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    def capture(self) -> str | None:
        """Capture a step as a CUDA graph, which is then replayed at the cost of one launch.

        Return why that failed; steps then run without a graph. So they do by other routes.
        """
        if self.route.launch != "graph":
            return None
        images, labels = next(self.batches(0, 0))
        before = {name: each.clone() for name, each in self.state().items()}
        try:
            self.captured = CapturedStep(self._step, images, labels)
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
                with torch.inference_mode(), full_float32():
                    logits = self.model(images)
                yield logits
        finally:
            self.model.train()

    def gradient_norm(self) -> Tensor:
        """Return the norm () of the last step's gradients, over all parameters, on the device."""
        norms = torch_private.norm_of_each(list(self.gradients().values()))
        return torch.linalg.vector_norm(torch.stack(list(norms)))

    def gradients(self) -> dict[str, Tensor]:
        """Return the last step's gradients by the parameters' names."""
        if self._replayed:
            return self._captured_gradients
        found = {name: each.grad for name, each in self.parameters.items()}
        if self.sliced:
            found |= self.sliced.gradients()
        return {name: each for name, each in found.items() if each is not None}

    def state(self) -> dict[str, Tensor]:
        """Return the weights under their names, and all else that exact resuming needs."""
        tensors = dict(self.model.state_dict())
        for name, by_key in self.optimizer.state.items():
            tensors |= {f"optimizer.{name}.{key}": each for key, each in by_key.items()}
        # Nothing here draws random numbers during a run, but a network with dropout does.
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
        if self.sliced:
            self.sliced.read_weights()
        torch.set_rng_state(tensors["rng.torch"].cpu())
        if self.device.type == "cuda" and "rng.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng.cuda"].cpu(), self.device)
