"""What a network from a Python file does wrong is one line, and what is unusual works."""

import signal
from dataclasses import replace

import pytest
import torch

from core.checkpoints.export_weights import export
from core.checkpoints.header import read_info
from core.checkpoints.io import load, load_model
from core.commands import Inspect, Stop
from core.compute.candidates import network_traits
from core.config import TrainConfig
from core.errors import UsageError
from core.events import RunFailed
from core.models.network_file import named
from core.models.network_file.checks import check_in_thread
from core.models.networks import build_untrained, resolve_network
from core.models.summary import describe_network
from core.training import loop
from core.training.diagnostics import inspect_model
from tests.support.training import drive, folder_of, resume_run

HEAD = """
import random
import torch
from torch import nn
from torch.nn import functional
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
"""
FORWARD = "    def forward(self, x):\n"


@pytest.fixture(autouse=True)
def _nothing_named():
    yield
    named._named = None


def name(folder, source, what="Net", file="mynet.py"):
    path = folder / file
    path.write_text(source)
    return resolve_network(named.name_file(f"{path}:{what}").spec)


def body(*lines, after=""):
    """Return a network of one linear layer with more lines in its constructor and that forward."""
    made = "".join(f"        {line}\n" for line in after.split(";") if line)
    return HEAD + made + FORWARD + "".join(f"        {line}\n" for line in lines)


FC = "return self.fc(x.flatten(1))"
WRONG = {
    "syntax": ("x = 1\ndef f(:\n", "mynet.py, line 2: "),
    "import": ("\nraise ValueError('no \\x1b[31m luck')", r"line 2: ValueError: no \\x1b"),
    "beside": ("from layers import Block", "line 1: ModuleNotFoundError.*in its folder are not"),
    "exit": ("import sys\nsys.exit(3)", "line 2: SystemExit"),
    "other exit": ("class Odd(BaseException):\n    pass\nraise Odd()", "line 3: Odd"),
    "no name": ("def net():\n    pass", "mynet.py has no Net; it has net"),
    "value": ("Net = 3", "not a class or function, but int"),
    "no module": ("def Net():\n    return 3", r"returns int, not a torch.nn.Module"),
    "module": ("from torch import nn\nNet = nn.Linear(1, 1)", "is a module itself"),
    "argument": ("def Net(width):\n    pass", r"Net\(\) raises TypeError.*'width'"),
    "forward": (body("return self.fc(x)"), r"line 11: the forward pass of \(2, 1, 28, 28\) raises"),
    "shape": (body("return self.fc(x.flatten(1))[:, :7]"), r"returns \(2, 7\).*expected \(2, 10\)"),
    "one image": (body("return self.fc(x.flatten(1)).squeeze()"), r"\(10,\).*expected \(1, 10\)"),
    "tuple": (body("return self.fc(x.flatten(1)), x"), "returns tuple, not a tensor"),
    "integers": (body("return self.fc(x.flatten(1)).long()"), "returns int64, not floating"),
    "NaN": (body("return self.fc(x.flatten(1)) / 0 * 0"), "NaN"),
    "input": (body("x.mul_(2)", FC), "modifies its input"),
    "state dict": (HEAD + "    def state_dict(self):\n        return self.none\n"
                   + FORWARD + f"        {FC}", "line 11: AttributeError.*'none'"),
    "frozen": (body(FC, after="self.requires_grad_(False)"), "no trainable parameters"),
    "detached": (body("return self.fc(x.flatten(1)).detach()"), "the backward pass raises"),
    "another result": (body("x = x + torch.rand_like(x)", FC), "other logits for the same input"),
    "random": (body("x = x + random.random() * self.training", FC), "no run could be resumed"),
    "seed": (body(FC, after="nn.init.constant_(self.fc.bias, random.random())"), "the same seed"),
    "tensor": (body("x = x * self.w", FC, after="self.w = torch.rand(28)"), "its state dict is"),
    "float64": (body(FC, after="self.double()"), "fc.weight of float64, not float32"),
    "name": (body(FC, after="self.rng = nn.Linear(1, 1)"), "has the tensor rng.weight"),
    "complex": (body(FC, after="self.register_buffer('c', torch.zeros(1, dtype=torch.cfloat))"),
                "c of complex64, which checkpoints cannot store"),
    "overlap": (body(FC, after="self.part = nn.Parameter(self.fc.weight.data[:2])"), "same memory"),
    "expanded": (body(FC, after="self.register_buffer('e', torch.zeros(1).expand(9))"), "clone"),
    "large": (body(FC, after="self.big = nn.Linear(8000, 8000)"), "can have 50,000,000"),
    "the same": (HEAD + FORWARD + f"        {FC}\nnet = Net()\ndef Net():\n    return net",
                 "the same module or parameters twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(tmp_path, case):
    """The line is printable, and names the file."""
    source, expected = WRONG[case]
    with pytest.raises(UsageError, match=expected) as raised:
        name(tmp_path, source).build()
    assert str(raised.value).startswith("mynet.py")
    assert str(raised.value).isprintable()


def test_files_that_cannot_be_named(tmp_path):
    """A missing file, one of another kind, one that is too large and what is no name."""
    (tmp_path / "big.py").write_bytes(b"#" * (named.LARGEST_SOURCE + 1))
    (tmp_path / "latin.py").write_bytes(b'x = "\xff"')
    (tmp_path / "folder.py").mkdir()
    expected = {
        "missing.py:Net": "No such file",
        "net.txt:Net": "not a .py file",
        "big.py": "needs the name of a class or function",
        "big.py:1x": "'1x' is not a name",
        "big.py:Net": "larger than 256 KB",
        "latin.py:Net": "not UTF-8",
        "folder.py:Net": "is not a file",
    }
    for text, message in expected.items():
        with pytest.raises(UsageError, match=message):
            named.name_file(f"{tmp_path}/{text}")


# Shared and non-contiguous parameters, buffers of other types, a layer without a gradient, one that
# is frozen, batch normalization, dropout, a module used twice, sizes found from the input, and a
# tensor of the network's own.
UNUSUAL = (
    HEAD
    + """
        self.shared = nn.Linear(784, 10)
        self.shared.weight = self.fc.weight
        self.turned = nn.Parameter(torch.randn(10, 10).t())
        self.conv = nn.Conv2d(1, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.2)
        self.lazy = nn.LazyLinear(10)
        self.unused = nn.Linear(3, 3)
        self.frozen = nn.Linear(10, 10).requires_grad_(False)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.register_buffer("mask", torch.ones(10, dtype=torch.bool))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
    def forward(self, x):
        if self.training:
            self.steps += 1
        y = self.relu(self.norm(self.conv(x)))
        sequence = y[:, :, 0].transpose(1, 2)
        y = y + self.attention(sequence, sequence, sequence)[0].transpose(1, 2).unsqueeze(2)
        flat = x.view(len(x), -1)
        y = self.relu(self.lazy(self.drop(y.reshape(len(x), -1))) @ self.turned)
        return self.frozen(y * self.mask) + self.fc(flat) + self.shared(flat)
"""
)


def test_an_unusual_network_resumes_to_the_bit(tmp_path, monkeypatch):
    """So it does where the file was copied under another name meanwhile."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    network = name(tmp_path, UNUSUAL)
    config = TrainConfig(
        arch=network.spec, dataset="sample", epochs=1, batch_size=399, routes="default",
        checkpoints=str(tmp_path / "whole"),
    )  # fmt: skip
    whole = drive(config)
    part = drive(replace(config, checkpoints=str(tmp_path / "part")), {4: [Stop()]})
    name(tmp_path, UNUSUAL, file="copy.py")
    resumed = resume_run(folder_of(part))
    assert not [each for each in (*whole, *part, *resumed) if isinstance(each, RunFailed)]
    ends = [folder_of(each) / "last.safetensors" for each in (whole, part)]
    one, tensors = load(ends[0])
    other = read_info(ends[1])
    assert one.step == other.step == 11
    assert one.digest == other.digest
    assert (tensors["steps"], tensors["mask"].dtype) == (11, torch.bool)
    assert torch.equal(tensors["unused.weight"], build_untrained(network, 0).unused.weight)
    model = load_model(ends[1])[1]
    assert model.shared.weight is model.fc.weight
    export(ends[1], tmp_path / "x.safetensors")
    described = describe_network(network.spec)
    assert 7860 < sum(each.parameters for each in described.layers) < network.parameters
    assert [each.name for each in described.layers].count("relu") == 2
    assert "turned" not in {each.name for each in described.layers}
    for layer in (each.name for each in described.layers):
        inspect_model(model, None, Inspect(layer))


def test_the_trial_draws_no_random_numbers(tmp_path):
    """A seed gives the weights that the constructor alone gives, also on a thread of its own."""
    network = name(tmp_path, body(FC))
    check_in_thread(network.file, network.classes)
    torch.manual_seed(5)
    expected, after = torch.nn.Linear(784, 10).weight.detach(), torch.get_rng_state()
    model = build_untrained(network, 5)
    assert torch.equal(model.fc.weight, expected)
    assert torch.equal(torch.get_rng_state(), after)
    assert (network.parameters, network.multiply_adds) == (7850, 7840)


def test_a_network_that_exits_during_training_has_failed(tmp_path):
    """Its exit status is not that of a run that has finished."""
    made = "self.register_buffer('steps', torch.zeros(()))"
    steps = ("self.steps += self.training", "if self.steps > 3: raise SystemExit(0)", FC)
    network = name(tmp_path, body(*steps, after=made))
    config = TrainConfig(
        arch=network.spec, dataset="sample", epochs=1, batch_size=399, routes="default",
        checkpoints=str(tmp_path / "runs"),
    )  # fmt: skip
    failed = drive(config)[-1]
    assert isinstance(failed, RunFailed)
    assert "SystemExit" in failed.message


def test_ctrl_c_ends_a_trial_that_does_not(tmp_path):
    """So it does where the program would stop a run at it; its handlers are back afterwards."""
    handler = list
    old = signal.signal(signal.SIGINT, handler)
    try:
        source = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass"
        with pytest.raises(KeyboardInterrupt):
            name(tmp_path, source).build()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, old)


def test_the_number_of_classes_is_an_argument(tmp_path):
    """A network without it is refused for another number."""
    source = "from torch import nn\ndef Net(classes):\n    return nn.Sequential(nn.Flatten(), {})"
    network = name(tmp_path, source.format("nn.Linear(784, classes)"))
    assert resolve_network(network.spec, 26).build()[1].out_features == 26
    network = name(tmp_path, source.format("nn.Linear(784, 10)"))
    with pytest.raises(UsageError, match=r"expected \(2, 26\)"):
        resolve_network(network.spec, 26).build()


def test_replaced_kernels_are_for_plain_layers_alone(tmp_path):
    """A layer that a network may use in other ways is computed as it says."""
    plain = "from torch import nn\ndef Net():\n    return nn.Sequential(nn.Flatten(), {})"
    assert network_traits(name(tmp_path, plain.format("nn.Linear(784, 10)"))).chain
    frozen = plain.format("nn.Linear(784, 10).requires_grad_(False), nn.Linear(10, 10)")
    assert not network_traits(name(tmp_path, frozen)).chain
    twice = "fc = nn.Linear(784, 784)\n    return nn.Sequential(nn.Flatten(), fc, fc, {})"
    twice = plain.replace("return nn.Sequential(nn.Flatten(), {})", twice)
    assert not network_traits(name(tmp_path, twice.format("nn.Linear(784, 10)"))).chain
    assert not network_traits(name(tmp_path, body(FC))).chain
    made = "self.conv = nn.Conv2d(1, 2, 27);self.w = nn.Parameter(torch.ones(8, 10))"
    view = body("y = self.conv(x)", "return y.view(len(x), -1) @ self.w", after=made)
    assert not network_traits(name(tmp_path, view)).convolutions  # channels-last has no such view
    plain = body("y = self.fc(x.flatten(1))", "assert y.dtype == torch.float32", "return y")
    network = name(tmp_path, plain)
    network.build()
    assert "line 12: the forward pass" in network.facts.bf16_problem


def test_only_the_named_file_is_found(tmp_path):
    """Neither what a config stores nor a path in it names one."""
    with pytest.raises(UsageError, match=r"add --arch mynet\.py:Net"):
        TrainConfig(arch="/tmp/elsewhere/mynet.py:Net")
    first = name(tmp_path, body(FC))
    assert resolve_network("mynet.py:Net").file is first.file
    name(tmp_path, body("x = x * 2", FC))
    with pytest.raises(UsageError, match=f"of digest {first.file.digest[:12]}.*has "):
        resolve_network(first.spec)
    with pytest.raises(UsageError, match="has changed since it was named"):
        named.name_by_arguments(first.file.arguments)
