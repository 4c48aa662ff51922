"""Import weights that other programs saved, or refuse them with the reason."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.checkpoints.io import load_model
from core.errors import CheckpointError
from core.models.architectures import ARCHITECTURES
from core.runs.imported import import_file


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return ARCHITECTURES["linear"].build()


def saved(tmp_path, value, **how):
    torch.save(value, tmp_path / "model.pth", **how)
    return tmp_path / "model.pth"


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("zipped", [True, False])
def test_architecture_is_found_by_names_and_shapes(tmp_path, arch, zipped):
    weights = ARCHITECTURES[arch].build().state_dict()
    path = saved(tmp_path, weights, _use_new_zipfile_serialization=zipped)
    imported = import_file(path, tmp_path / "runs")
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


def test_unknown_network_names_the_most_similar(tmp_path):
    weights = ARCHITECTURES["mlp"].build().state_dict() | {"stack.4.bias": torch.zeros(11)}
    with pytest.raises(CheckpointError) as refused:
        import_file(saved(tmp_path, weights), tmp_path / "runs")
    assert str(refused.value) == (
        f"{tmp_path}/model.pth does not fit mlp, the most similar network: "
        "stack.4.bias is 11, expected 10"
    )
    assert not (tmp_path / "runs").exists()


def test_other_names_match_by_shapes_in_order(tmp_path):
    """As a script saves them that numbers its layers in another way."""
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    imported = import_file(tmp_path / "mine.pth", tmp_path / "runs")
    assert imported.arch == "mlp"
    assert "1.weight became stack.0.weight, and so on" in imported.note
    images = torch.randn(5, 1, 28, 28)
    _, here = load_model(imported.path)
    assert torch.equal(here(images), model(images))
