"""What holds for each part of the explanations and for every network."""

from dataclasses import replace

import pytest
import torch

from core.class_names import DIGITS
from core.compute.cpu_kernels import use_route
from core.compute.routes import Route
from core.digit import Digit
from core.errors import UserError
from core.explain.parts import explain
from core.explain.subject import Subject, copy_network
from core.models.networks import resolve_network
from core.questions import ExplainChange, ExplainIdeal, ExplainOcclusion

IMAGE = bytes(
    (row * column) % 256 if 8 <= row < 20 else 0 for row in range(28) for column in range(28)
)
QUESTIONS = {
    "occlusion": ExplainOcclusion(IMAGE, 1),
    "compared": ExplainOcclusion(IMAGE, 1, 2),
    "change": ExplainChange(IMAGE, 1),
    "ideal": ExplainIdeal(1),
}
NETWORKS = {
    "linear": 10,
    "conv 3 5 stride 3, batchnorm, relu, dropout 0.5, linear 9, batchnorm, tanh, linear": 26,
    "conv 4 3 stride 3, skip (conv 4 3 pad 1, gelu), linear 200, relu, linear 600, relu, linear": 2,
}


def build_subject(arch: str, classes: int) -> Subject:
    """Return a network with the layers that a CPU's fastest route uses, as after some training."""
    torch.manual_seed(1)
    model = resolve_network(arch, classes).build()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    route = Route(layout="channels-last", products="onednn")
    model = copy_network(use_route(model, route, torch.device("cpu")))
    names = DIGITS[:classes] if classes <= 10 else tuple(f"class {each}" for each in range(classes))
    return Subject(model=model, step=7, arch=arch, class_names=names, test=None)


@pytest.fixture(params=NETWORKS, ids=["linear", "batchnorm", "onednn"])
def subject(request) -> Subject:
    return build_subject(request.param, NETWORKS[request.param])


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_repeat_and_leave_no_trace(subject, name):
    """The same question has the same answers, and random numbers, flags of torch and the network
    stay as they are."""
    question = QUESTIONS[name]
    if getattr(question, "other", None) == 2 and len(subject.class_names) == 2:
        question = ExplainOcclusion(IMAGE, 1, 0)
    weights = {key: each.clone() for key, each in subject.model.state_dict().items()}
    state = torch.get_rng_state()
    *_, last = explain(question, subject, {})
    assert torch.equal(torch.get_rng_state(), state)
    assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == (True, False)
    assert not subject.model.training
    assert all(each.grad is None for each in subject.model.parameters())
    now = subject.model.state_dict()
    assert all(torch.equal(now[key], each) for key, each in weights.items())
    with torch.no_grad():
        *_, again = explain(question, subject, {})
    assert replace(last, time=0) == replace(again, time=0)
    assert last.done == 1
    digit = next(each for each in vars(last).values() if isinstance(each, Digit))
    assert digit.class_names == subject.class_names
    assert len(digit.logits) == len(subject.class_names)


def test_modes_of_torch_hold_between_slices():
    """Training continues between two of them: no mode may be left on."""
    subject = build_subject("linear", 10)
    for _ in explain(ExplainIdeal(1), subject, {}):
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == (True, False)


@pytest.mark.parametrize("name", QUESTIONS)
def test_diverged_network_is_refused_in_one_line(name):
    subject = build_subject("linear", 10)
    next(subject.model.parameters()).data.fill_(float("nan"))
    with pytest.raises(UserError, match="the network's outputs are NaN or infinite"):
        list(explain(QUESTIONS[name], subject, {}))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_layer_that_computes_its_weight_is_copied():
    model = resolve_network("linear").build()
    torch.nn.utils.weight_norm(model.fc1)
    model(torch.zeros(1, 1, 28, 28)).sum().backward()  # so that the weight has a gradient's history
    copied = copy_network(model)
    assert copied.fc1.weight_v is not model.fc1.weight_v
    subject = Subject(model=copied, step=0, arch="linear", class_names=DIGITS, test=None)
    *_, last = explain(ExplainChange(IMAGE, 1), subject, {})
    assert last.changed.predicted == 1


def test_network_without_gradient_is_refused_in_one_line():
    model = resolve_network("linear").build()
    model.flatten.register_forward_hook(lambda module, inputs, output: (output > 0).float())
    subject = Subject(
        model=copy_network(model), step=0, arch="linear", class_names=DIGITS, test=None
    )
    with pytest.raises(UserError, match="no gradient with respect to its image"):
        list(explain(ExplainIdeal(1), subject, {}))
