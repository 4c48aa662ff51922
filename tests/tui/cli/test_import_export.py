"""Weights pass between the article's code and ours, and to programs that have neither."""

import sys
from importlib.util import find_spec

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from core.checkpoints.export_weights import export
from core.checkpoints.io import load_model
from core.data.datasets import load_dataset
from core.models.inference import predict
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.metrics import METRICS
from core.models.networks import resolve_network
from core.runs.imported import import_file
from tests.support import preloaded

STEPS, BATCH, TESTED = 10, 64, 320


# The classes of the article.
class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc1(self.flatten(x))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )

    def forward(self, x):
        return self.stack(self.flatten(x))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=2, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, kernel_size=2, stride=1, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4096, 1024),
            nn.ReLU(),
            nn.Linear(1024, 10),
        )

    def forward(self, x):
        return self.stack(x)


NETWORKS = {"linear": Linear, "mlp": MLP, "cnn": CNN}


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Try the scalings of the input on few images: that they are found is tested elsewhere."""
    monkeypatch.setattr("core.checkpoints.import_scaling.LARGE_TRIED_IMAGES", 40)


@pytest.fixture(scope="module")
def digits(real_mnist):
    loading = load_dataset("mnist", str(real_mnist))
    while True:
        try:
            next(loading)
        except StopIteration as done:
            return done.value[1]


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """The article's networks by name, each after some training steps, and its file."""
    made = {}
    for arch, network in NETWORKS.items():
        torch.manual_seed(3)
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for step in range(STEPS):
            part = slice(step * BATCH, (step + 1) * BATCH)
            logits = model(DEFAULT_SCALING.apply(digits.train_images[part]))
            loss = functional.cross_entropy(logits, digits.train_labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        path = tmp_path_factory.mktemp(arch) / "model.pth"
        torch.save(model.state_dict(), path)
        made[arch] = model.eval(), path
    return made


def logits_of(model: nn.Module, digits) -> torch.Tensor:
    with torch.no_grad():
        parts = digits.test_images[:TESTED].split(BATCH)
        return torch.cat([model(DEFAULT_SCALING.apply(part)) for part in parts])


@pytest.mark.mnist
@pytest.mark.parametrize("arch", NETWORKS)
def test_round_trip_keeps_the_accuracy(arch, trained, digits):
    article, path = trained[arch]
    before = logits_of(article, digits)
    accuracy = METRICS["accuracy"](before, digits.test_labels[:TESTED])
    assert 0.3 < accuracy < 1, "a network that has learned something"
    imported = import_file(path, path.parent / "runs", scaling=DEFAULT_SCALING)
    assert imported.arch == arch
    info, ours = load_model(imported.path)
    assert (info.run, info.step, info.test_accuracy) == ("model", 0, None)
    here = predict(ours, digits.test_images[:TESTED], batch=BATCH)
    assert METRICS["accuracy"](here, digits.test_labels[:TESTED]) == accuracy
    assert torch.equal(here, before)
    export(imported.path, path.parent / "back.pth")
    again = NETWORKS[arch]()
    again.load_state_dict(torch.load(path.parent / "back.pth", weights_only=True))
    assert torch.equal(logits_of(again.eval(), digits), before)
    export(imported.path, safe := path.parent / "back.safetensors")
    found = load_model(import_file(safe, path.parent / "runs").path)[1].state_dict()
    assert all(torch.equal(found[name], each) for name, each in article.state_dict().items())


# An mlp has no layer that neither of them has.
@pytest.mark.mnist
@pytest.mark.parametrize("arch", ["linear", "cnn"])
def test_onnx_export_has_the_same_logits(arch, trained, digits):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    article, path = trained[arch]
    imported = import_file(path, path.parent / "runs", scaling=DEFAULT_SCALING)
    _, difference = export(imported.path, target := path.parent / "model.onnx")
    assert difference < 1e-4
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    images = DEFAULT_SCALING.apply(digits.test_images[:TESTED])
    (found,) = session.run(["logits"], {"image": images.numpy()})
    expected = logits_of(article, digits).numpy()
    assert numpy.abs(found - expected).max() < 1e-4
    assert (found.argmax(1) == expected.argmax(1)).all()
    metadata = {each.key: each.value for each in onnx.load(target).metadata_props}
    assert "(pixel / 255 - 0.5) / 0.5" in metadata["mnist_tui.input"]


@pytest.mark.mnist
def test_pt2_export_runs_with_torch_alone(trained, digits, tmp_path):
    article, path = trained["cnn"]  # the others have no layer that it lacks
    imported = import_file(path, path.parent / "runs", scaling=DEFAULT_SCALING)
    info, difference = export(imported.path, tmp_path / "cnn.pt2")
    assert (info.arch, difference) == ("cnn", 0)
    images = DEFAULT_SCALING.apply(digits.test_images[:3])
    torch.save(images, tmp_path / "images.pt")
    code = (
        "import sys, torch\n"
        "ours = [name for name in sys.modules if name.split('.')[0] in ('core', 'tui')]\n"
        "sys.modules |= dict.fromkeys((*ours, 'core', 'tui'))  # so that importing them fails\n"
        "found = torch.export.load('cnn.pt2').module()(torch.load('images.pt'))\n"
        "torch.save(found, 'logits.pt')\n"
    )
    preloaded.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    found = torch.load(tmp_path / "logits.pt", weights_only=True)
    with torch.no_grad():
        assert torch.equal(found, article(images))


def test_program_scales_its_input(tmp_path):
    """With --with-scaling it takes what ToTensor() gives, and states so."""
    weights = resolve_network("linear").build()
    torch.save(weights.state_dict(), tmp_path / "model.pth")
    scaling = InputScaling(0.1307, 0.3081)
    source = import_file(tmp_path / "model.pth", tmp_path / "runs", scaling=scaling).path
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        expected = weights((images - 0.1307) / 0.3081)
    export(source, tmp_path / "out.pt2", with_scaling=True)
    stated = {"input": "", "input_std": ""}
    program = torch.export.load(tmp_path / "out.pt2", extra_files=stated).module()
    assert torch.allclose(program(images), expected, atol=1e-4)
    assert "as pixel / 255, so in [0, 1]" in stated["input"]
    assert stated["input_std"] == "1.0"
    if find_spec("onnxscript") is None:
        return
    import onnxruntime

    export(source, tmp_path / "out.onnx", with_scaling=True)
    session = onnxruntime.InferenceSession(tmp_path / "out.onnx")
    (found,) = session.run(["logits"], {"image": images.numpy()})
    assert numpy.abs(found - expected.numpy()).max() < 1e-4
    export(source, tmp_path / "bare.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "bare.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert "(pixel / 255 - 0.1307) / 0.3081" in metadata["mnist_tui.input"]
    assert metadata["mnist_tui.input_mean"] == "0.1307"
