"""The faster routes give what the plain ones give."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from core.compute.cpu_kernels import OneDnnLinear, use_route
from core.compute.routes import Route
from core.compute.torch_private import has_onednn_linear
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network

CPU = torch.device("cpu")
FAST = Route(layout="channels-last", products="onednn")
pytestmark = pytest.mark.skipif(not has_onednn_linear(), reason="this PyTorch has no oneDNN")


def pair(inputs=600, outputs=200, **more):
    plain = nn.Linear(inputs, outputs, **more)
    other = nn.Sequential(nn.Linear(inputs, outputs, **more))
    other[0].load_state_dict(plain.state_dict())
    return plain, use_route(other, FAST, CPU)


def results(model, inputs, gradient):
    inputs = inputs.clone().requires_grad_()
    outputs = model(inputs)
    outputs.backward(gradient)
    return [outputs, inputs.grad, *(each.grad for each in model.parameters())]


def test_onednn_linear_matches_plain_linear():
    plain, fast = pair()
    assert isinstance(fast[0], OneDnnLinear)
    inputs, gradient = torch.randn(32, 600), torch.randn(32, 200)
    for one, two in zip(
        results(plain, inputs, gradient), results(fast, inputs, gradient), strict=True
    ):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_other_shapes_and_types_use_plain_linear():
    plain, fast = pair()
    three = torch.randn(4, 3, 600)
    assert torch.equal(plain(three), fast(three))
    with torch.autocast("cpu", torch.bfloat16):
        assert fast(torch.randn(2, 600)).dtype == torch.bfloat16
    assert torch.equal(plain.double()(three.double()), fast.double()(three.double()))


def test_small_or_unbiased_layers_stay_plain():
    assert type(pair(10, 10)[1][0]) is nn.Linear
    assert type(pair(bias=False)[1][0]) is nn.Linear


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_fast_networks_keep_keys_and_logits(arch):
    torch.manual_seed(1)
    model = resolve_network(arch).build().eval()
    images = torch.randn(7, 1, 28, 28)
    with torch.inference_mode():
        before = model(images)
    keys = {name: each.shape for name, each in model.state_dict().items()}
    fast = use_route(model, FAST, CPU)
    assert {name: each.shape for name, each in fast.state_dict().items()} == keys
    with torch.inference_mode():
        torch.testing.assert_close(fast(images), before, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_freed_memory_is_reused():
    code = """
import resource, torch
from core.compute.cpu_kernels import keep_freed_memory
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    return [torch.ones(4 * 2**20) for _ in range(4)]  # 64 MiB
for _ in range(5):
    step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 10_000, "of 160,000 where each page comes anew"
