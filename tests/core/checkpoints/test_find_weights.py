"""State dicts found under any key of a file, beside anything, and inside pickled networks."""

import pickle
from argparse import Namespace
from collections import defaultdict
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.checkpoints.import_weights import read_weights
from core.errors import CheckpointError, UsageError
from core.models.networks import resolve_network


class Network(nn.Module):
    """A network of a program that is not at hand where its file is read."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 10)
        self.register_buffer("cache", torch.zeros(3), persistent=False)
        self.options = Namespace(depth=1, seen={1, 2})


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return resolve_network("linear").build().state_dict()


def saved(path: Path, value, **how) -> Path:
    torch.save(value, path / "model.ckpt", **how)
    return path / "model.ckpt"


def assert_equal(imported, weights):
    assert imported.tensors.keys() == weights.keys()
    assert all(torch.equal(imported.tensors[name], each) for name, each in weights.items())


def beside(weights):
    """Return what scripts save beside the weights: objects of any class, an optimizer's state."""
    copies = {f"{name}.exp_avg": torch.zeros_like(each) for name, each in weights.items()}
    state = {number: dict(zip("ab", copies.values(), strict=True)) for number in range(2)}
    return {
        "args": Namespace(lr=0.1, out=Path("/tmp")),
        "best": numpy.float64(0.5),
        "curve": numpy.zeros(3),
        "metric": print,
        "history": defaultdict(list, loss=[0.5]),
        "optimizer": {"state": state, "param_groups": [{"lr": 0.1}]},
        "rng": torch.zeros(16, dtype=torch.uint8),
        (1, 2): {"seen"},
    }


KEYS = ("net", "network", "weights", "params", "model_state", "model_state_dict", "epoch 3 of mine")
FORMS = (
    {},
    {"_use_new_zipfile_serialization": False},
    {"pickle_protocol": 4},
    {"pickle_protocol": 5},
)


@pytest.mark.parametrize("how", FORMS, ids=str)
def test_only_state_dict_is_found_under_any_key(tmp_path, weights, how):
    for key in KEYS:
        found = read_weights(saved(tmp_path, beside(weights) | {key: weights}, **how))
        assert_equal(found, weights)
        assert found.note == (
            "not read, and no code of it run: argparse.Namespace and pathlib.PosixPath"
        )


def test_nested_and_listed_state_dicts_are_found(tmp_path, weights):
    for value in (
        {"trainer": {"nets": {"classifier": weights}}},
        (weights, {"state": {}, "param_groups": []}),
        defaultdict(dict, checkpoint=[3, weights]),
        Namespace(model=weights),
    ):
        assert_equal(read_weights(saved(tmp_path, value)), weights)


def test_lightning_checkpoint_is_read(tmp_path, weights):
    lightning = {
        "epoch": 1,
        "state_dict": {f"model.{name}": each for name, each in weights.items()},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "loops": {"fit_loop": {"state_dict": {}}},
        "hyper_parameters": {"args": Namespace(lr=0.1)},
    }
    found = read_weights(saved(tmp_path, lightning))
    assert_equal(found, weights)
    assert found.note == "not read, and no code of it run: argparse.Namespace"


def refusal(path: Path, **options) -> str:
    with pytest.raises((CheckpointError, UsageError)) as refused:
        read_weights(path, **options)
    return str(refused.value).replace(f"{path}", "FILE")


def test_several_networks_are_named_for_key(tmp_path, weights):
    ema = {name: each + 1 for name, each in weights.items()}
    several = "FILE contains several networks: {}; choose one with --key NAME"
    path = saved(tmp_path, {"model": weights, "ema": {"shadow": ema}})
    assert refusal(path) == several.format("model and ema.shadow")
    assert_equal(read_weights(path, "ema.shadow"), ema)
    assert_equal(read_weights(path, "ema"), ema)
    assert refusal(path, key="best") == (
        "--key best: FILE has no weights under it, but under model and ema.shadow"
    )
    flat = {f"model.{name}": each for name, each in weights.items()}
    flat |= {f"ema.{name}": each for name, each in ema.items()}
    path = saved(tmp_path, {"state_dict": flat})
    assert refusal(path) == several.format("state_dict.model and state_dict.ema")
    assert_equal(read_weights(path, "state_dict.ema"), ema)
    save_file(flat, path := tmp_path / "model.safetensors")
    assert refusal(path) == several.format("ema and model")
    assert_equal(read_weights(path, "model"), weights)


def test_one_network_under_two_keys_is_one(tmp_path, weights):
    path = saved(tmp_path, {"model": weights, "best": dict(weights)})
    assert_equal(read_weights(path), weights)


def test_rest_of_a_file_is_noted(tmp_path, weights):
    teacher = {"fc.weight": torch.zeros(3, 3), "fc.bias": torch.zeros(3)}
    found = read_weights(saved(tmp_path, {"model": weights, "teacher": teacher}))
    assert found.note == "read from its key model, not from its key teacher"


@pytest.mark.parametrize("how", FORMS, ids=str)
def test_pickled_network_is_read_without_its_code(tmp_path, how, monkeypatch):
    network = Network()
    path = saved(tmp_path, {"epoch": 3, "network": nn.DataParallel(network)}, **how)
    monkeypatch.delattr("tests.core.checkpoints.test_find_weights.Network")
    found = read_weights(path)
    assert_equal(found, network.state_dict())
    assert found.note.endswith(": its weights were read, no code was run")


def test_layers_that_differ_are_named(tmp_path):
    layers = [nn.Flatten(), nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 512), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Dropout(), nn.Linear(512, 10))
    assert read_weights(saved(tmp_path, network)).note.endswith(
        "; its layers differ, so its predictions will too: it has Tanh, mlp has ReLU"
    )
    network[2] = nn.ReLU()
    assert "differ" not in read_weights(saved(tmp_path, network)).note


class Trap:
    """An object whose pickle calls a function."""

    def __reduce__(self):
        return exec, ("raise SystemExit",)


def test_call_beside_weights_is_named_and_not_run(tmp_path, weights):
    found = read_weights(saved(tmp_path, {"net": weights, "trap": Trap()}))
    assert_equal(found, weights)
    assert found.note == "not read, and no code of it run: __builtin__.exec"


def test_files_without_state_dict_say_how_to_save(tmp_path, weights):
    arrays = {name: each.numpy() for name, each in weights.items()}
    how = "save one with torch.save(model.state_dict(), …)"
    assert refusal(saved(tmp_path, {"epoch": 3})) == f"FILE is not a state dict; {how}"
    assert refusal(saved(tmp_path, arrays)).endswith(
        f", which is more than weights and is not run; {how}"
    )
    (tmp_path / "model.ckpt").write_bytes(pickle.dumps(weights))
    assert (
        refusal(tmp_path / "model.ckpt") == f"FILE is a pickle that torch.save did not write; {how}"
    )
