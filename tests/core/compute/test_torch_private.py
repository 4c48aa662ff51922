"""Without each private part of PyTorch, training takes the public way to the same result."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.compute import torch_private
from core.compute.candidates import list_choices
from core.events import Evaluated, Progress, RunFinished
from core.models.networks import resolve_network
from core.training import loop
from tests.support.training import drive, only

CPU = torch.device("cpu")


class Without:
    """A namespace of torch.ops without one name."""

    def __init__(self, namespace, name):
        self._namespace, self._name = namespace, name

    def __getattr__(self, name):
        if name == self._name:
            raise AttributeError(name)
        return getattr(self._namespace, name)


def remove(monkeypatch, name):
    if "." in name:
        space, _, operator = name.partition(".")
        monkeypatch.setattr(torch.ops, space, Without(getattr(torch.ops, space), operator))
    else:
        monkeypatch.delattr(torch, name)


def trained(config):
    events = drive(config)
    assert isinstance(events[-1], RunFinished)
    losses = [event.loss for event in only(events, Progress)]
    weights = checkpoints.load(Path(events[-1].checkpoint))[1]
    return losses, weights, only(events, Evaluated)[-1].test_loss


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("_fused_adam_", {}),
        ("_fused_adam_", {"weight_decay": 0.1}),
        ("_fused_adamw_", {"optimizer": "adamw", "weight_decay": 0.1}),
        ("_fused_sgd_", {"optimizer": "sgd", "weight_decay": 0.1}),
        ("_fused_sgd_", {"optimizer": "sgd", "momentum": 0.0}),
        ("_foreach_add_", {}),
        ("_foreach_norm", {}),
        ("mkldnn._linear_pointwise", {"arch": "mlp"}),
        ("aten.threshold_backward", {"arch": "mlp"}),
    ],
)
def test_run_without_private_part_is_equal(tiny, monkeypatch, name, settings):
    """Equal within 1e-4, relative, over 20 steps: the order of additions differs."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    settings = {"arch": "linear", "learning_rate": 1e-3, **settings}
    losses, weights, test_loss = trained(tiny(**settings))
    with monkeypatch.context() as patch:
        remove(patch, name)
        other_losses, others, other_test_loss = trained(tiny(**settings))
    assert other_losses == pytest.approx(losses, rel=1e-4)
    assert other_test_loss == pytest.approx(test_loss, rel=1e-4)
    assert others.keys() == weights.keys()
    for key, weight in weights.items():
        if weight.is_floating_point():
            torch.testing.assert_close(others[key], weight, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["_fused_adam_", "_fused_adamw_", "_fused_sgd_"])
def test_kernel_with_other_arguments_is_not_used(monkeypatch, name):
    def changed(tensors, *, options):
        raise AssertionError("called with what it does not take")

    settings = {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8}
    settings |= {"amsgrad": False, "maximize": False}
    sgd = {"weight_decay": 0.0, "momentum": 0.9, "dampening": 0.0, "nesterov": False}
    sgd |= {"maximize": False, "is_first_step": False}
    kernels = {
        "_fused_adam_": lambda: torch_private.adam_kernel(False, CPU, settings),
        "_fused_adamw_": lambda: torch_private.adam_kernel(True, CPU, settings),
        "_fused_sgd_": lambda: torch_private.sgd_kernel(CPU, sgd),
    }
    assert kernels[name]() is getattr(torch, name)
    monkeypatch.setattr(torch, name, changed)
    assert kernels[name]() is not changed


def test_copies_without_foreach_are_equal(monkeypatch):
    monkeypatch.delattr(torch, "_foreach_copy_")
    targets, sources = [torch.zeros(2), torch.zeros(3)], [torch.ones(2), torch.arange(3.0)]
    torch_private.copy_each(targets, sources)
    assert all(map(torch.equal, targets, sources))


def test_network_without_onednn_keeps_plain_layers(monkeypatch):
    if not torch_private.has_onednn_linear():
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    choices = list_choices(resolve_network("mlp"), CPU)
    assert "products" not in choices.values
    assert str(choices.default).endswith("chain")


def test_cuda_architectures_come_from_public_list(monkeypatch):
    monkeypatch.setattr(torch._C, "_cuda_getArchFlags", lambda: "sm_80 sm_90", raising=False)
    assert torch_private.cuda_architectures() == ["sm_80", "sm_90"]
    monkeypatch.delattr(torch._C, "_cuda_getArchFlags")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_90"])
    assert torch_private.cuda_architectures() == ["sm_90"]
