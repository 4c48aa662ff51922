"""Import weights that other programs saved, or refuse them with the reason."""

import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from core.checkpoints.io import load_model
from core.data.datasets import DATASETS
from core.errors import CheckpointError, UsageError
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network
from core.models.saved_networks import save_network
from core.runs.imported import import_file
from tui.cli import main as cli


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return resolve_network("linear").build()


def saved(tmp_path, value, **how):
    torch.save(value, tmp_path / "model.pth", **how)
    return tmp_path / "model.pth"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_architecture_is_found_by_names_and_shapes(tmp_path, arch):
    weights = resolve_network(arch).build().state_dict()
    imported = import_file(saved(tmp_path, weights), tmp_path / "runs")
    assert (imported.arch, imported.note) == (arch, "")
    found = load_model(imported.path)[1].state_dict()
    assert all(torch.equal(found[name], each) for name, each in weights.items())


def in_training(model):
    """Return what a training script saves to resume from."""
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(2, 1, 28, 28)).sum().backward()
    optimizer.step()
    kept = {"epoch": 3, "losses": [0.5, 0.25], "optimizer_state_dict": optimizer.state_dict()}
    return kept | {"model_state_dict": torch.nn.DataParallel(model).state_dict()}


@pytest.mark.parametrize(
    "wrap",
    [
        in_training,
        lambda model: {"state_dict": model.state_dict(), "device": torch.device("cpu")},
        lambda model: dict(model.named_parameters()),
        # The names of torch.compile.
        lambda model: {f"_orig_mod.{name}": each for name, each in model.state_dict().items()},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dict_is_found_inside_other_values(tmp_path, model, wrap, zipped):
    path = saved(tmp_path, wrap(model), _use_new_zipfile_serialization=zipped)
    found = load_model(import_file(path, tmp_path / "runs").path)[1].state_dict()
    assert all(torch.equal(found[name], each) for name, each in model.state_dict().items())


@pytest.mark.parametrize(
    ("dtype", "said"),
    [
        (torch.float16, "converted from float16 to float32, without rounding"),
        (torch.bfloat16, "converted from bfloat16 to float32, without rounding"),
        (torch.float64, "converted from float64 to float32, with rounding"),
    ],
)
def test_other_floats_become_float32_with_note(tmp_path, model, dtype, said):
    weights = {name: each.to(dtype) / 3 for name, each in model.state_dict().items()}
    save_file(weights, tmp_path / "model.safetensors")
    imported = import_file(tmp_path / "model.safetensors", tmp_path / "runs")
    assert imported.note.endswith(said)
    found = load_model(imported.path)[1].state_dict()
    assert all(torch.equal(found[name], each.float()) for name, each in weights.items())


def test_unknown_network_names_the_nearest(tmp_path):
    weights = resolve_network("mlp").build().state_dict() | {"stack.4.bias": torch.zeros(11)}
    with pytest.raises(CheckpointError) as refused:
        import_file(saved(tmp_path, weights), tmp_path / "runs")
    assert str(refused.value) == (
        f"{tmp_path}/model.pth does not fit mlp, the nearest network (5 of 6 tensors fit): "
        "stack.4.bias is 11, expected 10"
    )
    assert not (tmp_path / "runs").exists()


class Quickstart(nn.Module):
    """The network of PyTorch's quickstart tutorial, which has the shapes of mlp."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )

    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))


class Functional(nn.Module):
    """The layers of quick with the names of PyTorch's MNIST example."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 5, 2), nn.Conv2d(16, 32, 3)
        self.fc1, self.fc2 = nn.Linear(512, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = self.conv1(functional.pad(x, (-2, -2, -2, -2))).relu()
        x = functional.max_pool2d(self.conv2(x), 2).relu().flatten(1)
        return self.fc2(self.fc1(x).relu())


def in_safetensors(path, weights):
    save_file(weights, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def by_torch_save(path, weights):
    torch.save(weights, path.with_suffix(".pth"))
    return path.with_suffix(".pth")


def transformed(prefix):
    return lambda weights: {f"{prefix}{name}": each for name, each in weights.items()}


@pytest.mark.parametrize("save", [in_safetensors, by_torch_save])
@pytest.mark.parametrize(
    ("network", "arch", "change"),
    [
        (Quickstart, "mlp", transformed("")),
        (Quickstart, "mlp", transformed("_orig_mod.module.")),
        (Quickstart, "mlp", lambda weights: dict(reversed(weights.items()))),
        (lambda: Quickstart().linear_relu_stack, "mlp", transformed("net.")),
        (Functional, "quick", transformed("model.")),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), "linear", transformed("")),
    ],
)
def test_other_names_match_by_shapes(tmp_path, network, arch, change, save):
    model = network()
    imported = import_file(save(tmp_path / "mine", change(model.state_dict())), tmp_path / "runs")
    assert imported.arch == arch
    assert f"they were matched with those of {arch} by their shapes: " in imported.note
    images = torch.randn(5, 1, 28, 28)
    theirs = (
        model if isinstance(model, Quickstart | Functional) else nn.Sequential(nn.Flatten(), model)
    )
    with torch.inference_mode():
        assert torch.equal(load_model(imported.path)[1](images), theirs(images))


def test_wrapped_names_of_ours_need_no_note(tmp_path):
    weights = resolve_network("mlp").build().state_dict()
    path = in_safetensors(tmp_path / "mine", transformed("model._orig_mod.")(weights))
    imported = import_file(path, tmp_path / "runs")
    assert (imported.arch, imported.note) == ("mlp", "")


def refusal(tmp_path, weights, **options) -> str:
    """Return the error of an import without the file's name."""
    path = in_safetensors(tmp_path / "mine", weights)
    with pytest.raises((CheckpointError, UsageError)) as refused:
        import_file(path, tmp_path / "runs", **options)
    assert not (tmp_path / "runs").exists()
    return str(refused.value).removeprefix(f"{path} ")


def test_error_names_tensors_that_do_not_fit(tmp_path):
    """The network of PyTorch's MNIST example on other images, which is like quick."""
    example = {
        "conv1": (32, 1, 3, 3),
        "conv2": (64, 32, 3, 3),
        "fc1": (128, 9280),
        "fc2": (10, 128),
    }
    weights = {f"{name}.weight": torch.zeros(shape) for name, shape in example.items()}
    weights |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in example.items()}
    assert refusal(tmp_path, weights) == (
        "does not fit quick, the nearest network (4 of 8 tensors fit): no place for conv1.weight "
        "(32×1×3×3), conv2.bias (64), conv2.weight (64×32×3×3) and fc1.weight (128×9280); missing: "
        "stack.1.weight (16×1×5×5), stack.1.bias (16), stack.3.weight (32×16×3×3) and "
        "stack.7.weight (128×512); fc1.weight takes 9,280 inputs, which are no square of 64 "
        "channels; name its layers with --arch LAYERS"
    )
    assert refusal(tmp_path, weights, arch="linear").startswith("does not fit linear (1 of 2 ")
    assert refusal(tmp_path, {"a": torch.zeros(3)}) == (
        f"fits none of the program's networks ({', '.join(ARCHITECTURES)}): its tensors are a (3); "
        "a (3) is of no conv, linear or batchnorm; name its layers with --arch LAYERS"
    )


def test_normalization_and_other_heads_are_refused(tmp_path):
    """A network that computes more than ours would predict otherwise without the rest."""
    weights = Quickstart().state_dict()
    statistics = {"bn.running_mean": torch.zeros(512), "bn.num_batches_tracked": torch.tensor(3)}
    assert refusal(tmp_path, weights | statistics) == (
        "does not fit mlp, the nearest network (6 of 6 tensors fit): no place for "
        "bn.num_batches_tracked (one number of int64) and bn.running_mean (512); those under "
        "linear_relu_stack alone fit mlp: --key linear_relu_stack leaves the others out"
    )
    order = {"order": torch.arange(784)}
    assert "no place for order (784 of int64)" in refusal(tmp_path, weights | order)
    path = tmp_path / "mine.safetensors"
    imported = import_file(path, tmp_path / "runs", key="linear_relu_stack")
    assert imported.arch == "mlp"


def test_transposed_weights_are_refused(tmp_path):
    """As Keras stores them: (in, out), and (height, width, in, out) of a convolution."""
    weights = {
        name.replace(".weight", "/kernel").replace(".bias", "/bias"): each
        for name, each in Functional().state_dict().items()
    }
    for name, each in weights.items():
        weights[name] = (
            each.permute(2, 3, 1, 0) if each.ndim == 4 else each.mT if each.ndim == 2 else each
        ).contiguous()
    assert refusal(tmp_path, weights) == (
        "has the tensors of quick transposed, as Keras and JAX store them (conv1/kernel is "
        "5×5×1×16, expected 16×1×5×5); save them in PyTorch's layout, such as weight.T of a Linear"
    )


def test_counters_are_left_out_with_note(tmp_path, model):
    averaged = torch.optim.swa_utils.AveragedModel(model)
    imported = import_file(saved(tmp_path, averaged.state_dict()), tmp_path / "runs")
    assert (imported.arch, imported.note) == ("linear", "not read: n_averaged")


def test_layer_with_two_names_is_read_once(tmp_path):
    twice = nn.Module()
    twice.fc1 = nn.Linear(784, 10)
    twice.layers = nn.ModuleList([twice.fc1])
    imported = import_file(saved(tmp_path, twice.state_dict()), tmp_path / "runs")
    assert imported.note == (
        "one tensor has two names and was read once: layers.0.weight is fc1.weight and "
        "layers.0.bias is fc1.bias"
    )


def test_weights_that_fit_two_architectures_need_arch(tmp_path, monkeypatch):
    twin = replace(ARCHITECTURES["mlp"], name="twin")
    monkeypatch.setitem(ARCHITECTURES, "twin", twin)
    weights = Quickstart().state_dict()
    assert refusal(tmp_path, weights) == (
        "fits more than one network: mlp and twin; choose one with --arch NAME"
    )
    path = tmp_path / "mine.safetensors"
    assert import_file(path, tmp_path / "runs", arch="twin").arch == "twin"
    with pytest.raises(
        UsageError,
        match=r"--arch must be one of linear, mlp, .*, the name of a saved network, or",
    ):
        import_file(path, tmp_path / "runs", arch="resnet")


RESIDUAL = (
    "conv 4 3 pad 1, batchnorm, relu, 2 x (skip (conv 4 3 pad 1, relu)), maxpool 4, dropout 0.1, "
    "linear"
)


def test_text_names_the_network(tmp_path):
    """What no shapes tell; and a network that the user has saved under a name is found."""
    weights = resolve_network(RESIDUAL).build().state_dict()
    assert "name its layers with --arch LAYERS" in refusal(tmp_path, weights)
    path = tmp_path / "mine.safetensors"
    imported = import_file(path, tmp_path / "runs", arch=RESIDUAL)
    assert (imported.arch, imported.network, imported.note) == ("custom", RESIDUAL, "")
    info, model = load_model(imported.path)
    assert (info.network, info.config["arch"]) == (RESIDUAL, RESIDUAL)
    assert all(torch.equal(each, weights[name]) for name, each in model.state_dict().items())
    save_network("residual", RESIDUAL)
    assert import_file(path, tmp_path / "runs").arch == "residual"


def test_shapes_of_a_chain_decide_its_network(tmp_path):
    weights = resolve_network("linear 30, relu, linear").build().state_dict()
    imported = import_file(in_safetensors(tmp_path / "mine", weights), tmp_path / "runs")
    assert imported.note == (
        "no network with a name fits; by the shapes and order of its tensors it is "
        '"linear 30, relu, linear", whose activations are assumed: if it was another one, pass '
        "--arch LAYERS"
    )
    assert load_model(imported.path)[0].network == "linear 30, relu, linear"


def test_classes_are_those_of_the_dataset(tmp_path, monkeypatch):
    weights = resolve_network("linear 30, relu, linear", 3).build().state_dict()
    assert refusal(tmp_path, weights) == (
        "gives 3 numbers for an image, and there are 10 classes: name the dataset of its classes "
        "by --dataset NAME"
    )
    named = {"class_names": ("a", "b", "c"), "missing": lambda data: "it is on another machine"}
    three = replace(DATASETS["sample"], **named)
    monkeypatch.setitem(DATASETS, "three", three)
    path = tmp_path / "mine.safetensors"
    imported = import_file(path, tmp_path / "runs", dataset="three")
    info, model = load_model(imported.path)
    assert (info.class_names, info.dataset) == (("a", "b", "c"), "three")
    assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 3)
    again = import_file(imported.path, tmp_path / "runs", "again")
    assert load_model(again.path)[0].class_names == ("a", "b", "c"), "as its header says"
    monkeypatch.setitem(DATASETS, "three", DATASETS["sample"])
    with pytest.raises(CheckpointError, match="a, b and c, and three has others: pass"):
        import_file(imported.path, tmp_path / "runs")
    with pytest.raises(CheckpointError, match="has the classes a, b and c, which are not those"):
        import_file(imported.path, tmp_path / "runs", dataset="sample")


def test_import_command_takes_key_and_arch(tmp_path, model, monkeypatch, capsys):
    several = {"model": model.state_dict(), "ema": {"fc1.weight": torch.ones(10, 784)}}
    several["ema"]["fc1.bias"] = torch.ones(10)
    path, made = saved(tmp_path, several), str(tmp_path / "runs")

    def call(*options: str) -> tuple[object, str, str]:
        command = ["mnist-tui", "checkpoints", "import", str(path), "--checkpoints", made, *options]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    which = "contains several networks: model and ema; choose one with --key NAME"
    assert call() == (1, "", f"mnist-tui: {path} {which}\n")
    status, out, _ = call("--key", "nope")
    assert (status, out) == (2, "")
    status, out, _ = call("--arch", "nope", "--key", "ema")
    assert (status, out) == (2, "")
    chosen = ("--arch", "linear", "--key", "ema", "--name", "mine", "--dataset", "sample")
    chosen += ("--mean", "(0.,)", "--std", "1")
    status, out, err = call(*chosen)
    assert (status, out, err) == (0, f"{made}/mine/imported.safetensors: linear\n", "")
    info, found = load_model(tmp_path / "runs" / "mine" / "imported.safetensors")
    assert found.fc1.bias.sum() == 10
    assert (info.input_mean, info.input_std) == (0.0, 1.0)
    for wrong in (chosen[:-2], (*chosen[:-1], "0"), ("--dataset", "digits")):
        assert call(*wrong)[0] == 2
    for text in ("0.1307,0.1307", "(0.1, 0.2)", "", "x"):
        status, _, err = call("--std", "1", "--mean", text)
        one = "must be one number, since the images have one channel, not"
        assert (status, f"--mean {one} {text!r}" in err) == (2, True)
    path = ""
    assert call()[2].startswith("mnist-tui: FILE must not be empty")
