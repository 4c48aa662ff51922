"""The summary of a network's layers."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.commands import DescribeNetwork
from core.engine.requests import handle_request
from core.events import Notice
from core.models.architectures import ARCHITECTURES
from core.models.network_layers import describe_planned
from core.models.networks import resolve_network
from core.models.summary import describe_network
from core.responses.layers import NetworkDescribed


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_summary_covers_every_layer(arch):
    drawn = torch.get_rng_state()
    described = describe_network.__wrapped__(arch)  # past its cache
    assert torch.equal(torch.get_rng_state(), drawn), "a run's random numbers are its own"
    layers = described.layers
    assert sum(layer.parameters for layer in layers) == resolve_network(arch).parameters
    assert layers[-1].shape == (10,)
    names = {key.rpartition(".")[0] for key in resolve_network(arch).build().state_dict()}
    assert {layer.name for layer in layers if layer.parameters} == names


# Every kind of layer, one of them named only by its flattening.
ALL_KINDS = (
    "crop 2, conv 4 3 stride 2 pad 1, batchnorm, relu, skip (conv 4 1, gelu), maxpool 2, silu, "
    "avgpool 2, 2 x (tanh, sigmoid), linear 20, batchnorm, leakyrelu, dropout 0.25, linear"
)


@pytest.mark.parametrize(
    "spec", [*ARCHITECTURES, ALL_KINDS, f"flatten, {ARCHITECTURES['mlp'].text}"]
)
@pytest.mark.parametrize("classes", [10, 47])
def test_text_is_described_as_the_built_network(spec, classes):
    """Without torch; only what PyTorch prints of a module is left out."""
    network = resolve_network(spec, classes)
    built = describe_network(spec, classes).layers
    described = describe_planned(network.layers, spec, classes)
    assert described.layers == tuple(replace(each, module="") for each in built)
    assert (described.arch, described.classes) == (spec, classes)


# Worked out by hand: outputs × what each is a sum of.
MULTIPLY_ADDS = {
    "linear": [10 * 784],
    "mlp": [512 * 784, 512 * 512, 10 * 512],
    "cnn": [
        32 * 28 * 28 * 9,
        64 * 16 * 16 * 32 * 4,
        64 * 17 * 17 * 64 * 4,
        1024 * 4096,
        10 * 1024,
    ],
}


@pytest.mark.parametrize("arch", MULTIPLY_ADDS)
def test_multiply_adds_match_hand_count(arch):
    layers = describe_network(arch).layers
    assert [each.multiply_adds for each in layers if each.parameters] == MULTIPLY_ADDS[arch]


def test_layer_has_text_shape_and_bytes():
    layers = {layer.name: layer for layer in describe_network("cnn").layers}
    second = layers["stack.2"]
    assert (second.what, second.kind) == ("Conv 32→64, 2×2, stride 2", "Conv")
    assert second.shape == (64, 16, 16)
    assert second.parameter_bytes == 4 * (64 * 32 * 2 * 2 + 64)
    assert second.output_bytes == 4 * 64 * 16 * 16
    assert layers["stack.6"].what == "MaxPool 2×2"
    assert layers["stack.8"].what == "Linear 4096→1024"
    assert describe_network("tiny").layers[2].what == "BatchNorm 8"


def test_host_describes_network_without_run():
    (described,) = handle_request(DescribeNetwork("mlp"))
    assert isinstance(described, NetworkDescribed)
    assert (described.arch, described.input) == ("mlp", (1, 28, 28))
    (refused,) = handle_request(DescribeNetwork("no-such"))
    assert isinstance(refused, Notice)
    assert "cannot describe the network no-such" in refused.message


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_printed_modules_rebuild_the_network(arch):
    """With their names, they load the state dict, and predict the same."""
    rebuilt = nn.Sequential()
    for layer in describe_network(arch).layers:
        *outer, name = layer.name.split(".")
        inside = rebuilt
        for each in outer:
            if each not in dict(inside.named_children()):
                inside.add_module(each, nn.Sequential())
            inside = inside.get_submodule(each)
        inside.add_module(name, eval(f"nn.{layer.module}"))
    network, image = resolve_network(arch).build(), torch.rand(1, 1, 28, 28)
    rebuilt.load_state_dict(network.state_dict())
    assert torch.equal(rebuilt(image), network(image))
