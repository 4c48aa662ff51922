"""Our optimizers against torch.optim's: the same steps, to the bit."""

import pytest
import torch

from core.compute import torch_private
from core.config import make_config
from core.optim.optimizers import OPTIMIZERS


def theirs(name, parameters, config):
    rate = {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}
    if name == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **rate)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, betas=(config.momentum, config.beta2), **rate)


def make(config, named):
    settings = config.momentum, config.beta2, config.weight_decay
    return OPTIMIZERS[config.optimizer](torch_private, named, *settings)


def weights():
    torch.manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in ((4, 5), (4,), (2, 3, 3, 3))]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("adam", {}),
        ("adam", {"momentum": 0.7, "beta2": 0.9}),
        ("adamw", {}),
        ("sgd", {}),
        ("sgd", {"momentum": 0.0}),
    ],
)
def test_steps_equal_torch_optim(name, settings, decay):
    config = make_config(optimizer=name, learning_rate=0.05, weight_decay=decay, **settings)
    mine, other = weights(), weights()
    ours = make(config, {str(place): each for place, each in enumerate(mine)})
    reference = theirs(name, other, config)
    for _ in range(6):
        for one, two in zip(mine, other, strict=True):
            one.grad = torch.randn_like(one)
            two.grad = one.grad.clone()
        with torch.no_grad():
            ours.step(config.learning_rate)
        reference.step()
        assert all(torch.equal(one, two) for one, two in zip(mine, other, strict=True))
    for place, parameter in enumerate(other):
        kept = reference.state[parameter]
        state = ours.state.get(str(place), {})
        assert set(state) == {key for key, value in kept.items() if value is not None}
        assert all(torch.equal(state[key], kept[key]) for key in state)


def test_step_uses_its_learning_rate():
    config = make_config(optimizer="sgd", momentum=0.0)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = make(config, {"weight": weight})
    for rate in (0.5, 0.25):
        weight.grad = torch.ones(1)
        with torch.no_grad():
            optimizer.step(rate)
    assert weight.item() == 0.25


def test_training_loads_no_compiler():
    """torch.optim would bring it in: a second of every start."""
    import subprocess
    import sys
    from pathlib import Path

    code = """
import sys, torch
from core.compute import torch_private
from core.compute.candidates import list_choices
from core.config import make_config
from core.data.datasets import Tensors
from core.training.learner import Learner
images, labels = torch.zeros(64, 28, 28, dtype=torch.uint8), torch.zeros(64).long()
tensors = Tensors(images, labels, images, labels)
config, device = make_config(), torch.device("cpu")
learner = Learner(config, list_choices(config.network, device).default, tensors, device)
for images, labels in learner.batches(0, 0):
    learner.step(images, labels, 0.001)
sys.exit("torch._dynamo" in sys.modules)
"""
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
