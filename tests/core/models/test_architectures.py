import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network

ROOT = Path(__file__).parents[3]
SHAPES = {
    "linear": {"fc1.weight": (10, 784), "fc1.bias": (10,)},
    "mlp": {
        "stack.0.weight": (512, 784),
        "stack.0.bias": (512,),
        "stack.2.weight": (512, 512),
        "stack.2.bias": (512,),
        "stack.4.weight": (10, 512),
        "stack.4.bias": (10,),
    },
    "cnn": {
        "stack.0.weight": (32, 1, 3, 3),
        "stack.0.bias": (32,),
        "stack.2.weight": (64, 32, 2, 2),
        "stack.2.bias": (64,),
        "stack.4.weight": (64, 64, 2, 2),
        "stack.4.bias": (64,),
        "stack.8.weight": (1024, 4096),
        "stack.8.bias": (1024,),
        "stack.10.weight": (10, 1024),
        "stack.10.bias": (10,),
    },
}
COUNTS = {"linear": 7_850, "mlp": 669_706, "cnn": 4_230_602}


class Linear(nn.Module):
    """The networks again, written as the article writes them: one class each, with a forward."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 10)

    def forward(self, x):
        return self.fc1(x.view(-1, 28 * 28))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 10),
        )

    def forward(self, x):
        return self.stack(self.flatten(x))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Conv2d(1, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 2, 2, 2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 2, 1, 1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4096, 1024),
            nn.ReLU(),
            nn.Linear(1024, 10),
        )

    def forward(self, x):
        return self.stack(x)


ARTICLE = {"linear": Linear, "mlp": Mlp, "cnn": Cnn}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_declared_parameters_match_built_network(name):
    built = sum(each.numel() for each in resolve_network(name).build().parameters())
    assert built == resolve_network(name).parameters


@pytest.mark.parametrize("name", COUNTS)
def test_article_networks_have_its_shapes(name):
    assert resolve_network(name).parameters == COUNTS[name]
    state = resolve_network(name).build().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == SHAPES[name]


@pytest.mark.parametrize("name", ARTICLE)
def test_article_weights_load_both_ways(name):
    ours, theirs = resolve_network(name).build(), ARTICLE[name]()
    images = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(images), theirs(images))
    again = ARTICLE[name]()
    ours.load_state_dict(again.state_dict())
    assert torch.equal(ours(images), again(images))


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("count", [1, 7])
def test_images_become_ten_logits(name, count):
    logits = resolve_network(name).build()(torch.zeros(count, 1, 28, 28))
    assert logits.shape == (count, 10)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_have_name_and_one_line(name):
    assert ARCHITECTURES[name].name == name
    assert len(ARCHITECTURES[name].description.splitlines()) == 1


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_description_states_typical_accuracy(name):
    network = ARCHITECTURES[name]
    assert f"about {network.typical_accuracy['mnist']:.0%}" in network.description


def test_names_and_settings_import_no_torch():
    modules = ("models.architectures", "config", "events", "commands", "data.datasets")
    modules += ("runs.run_writer", "checkpoints.io")
    lines = "; ".join(f"import core.{each}" for each in modules)
    script = f"import sys; {lines}; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
