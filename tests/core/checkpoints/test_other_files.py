"""Files that are no checkpoints are called what they are, and foreign weights to be imported."""

import pickle
import shlex

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.errors import CheckpointError
from core.models.networks import resolve_network
from core.runs.imported import import_file
from core.runs.resolve import resolve_checkpoint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "is a PNG image, not a file of torch.save or safetensors",
        ),
        (
            b"\xff\xd8\xff\xe0\0\x10JFIF\0",
            "is a JPEG image, not a file of torch.save or safetensors",
        ),
        (b"\x93NUMPY\1\0v\0", "is a numpy array (.npy), not a file of torch.save or safetensors"),
        (b"\x08\x0a\x12\x07pytorch\x1a\x06", "looks like an ONNX program, which is not read: "),
        ("Grüße, dies ist Text".encode(), "is text; it is neither a file of torch.save nor safe"),
        (b"\1\2\3\xff" * 20, "is neither a file of torch.save nor safetensors"),
        (pickle.dumps({"a": 1}), "is a pickle that torch.save did not write; save one with "),
        (b"", "is empty"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, content, said):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError) as refused:
        import_file(tmp_path / "file", tmp_path / "runs")
    assert str(refused.value).startswith(f"{tmp_path}/file {said}")


def test_programs_and_arrays_are_called_what_they_are(tmp_path):
    program = torch.export.export(nn.Linear(2, 1), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "model.pt2")
    numpy.savez(tmp_path / "arrays.npz", a=numpy.zeros(3))
    save_file({}, tmp_path / "none.safetensors")
    torch.save({}, tmp_path / "none.pth")
    for name, said in (
        ("model.pt2", "is an exported program (.pt2), which holds layers and is not read: import "),
        ("arrays.npz", "contains numpy arrays (.npz), not a state dict; save one with "),
        ("none.safetensors", "contains no tensors"),
        ("none.pth", "contains no tensors"),
    ):
        with pytest.raises(CheckpointError) as refused:
            import_file(tmp_path / name, tmp_path / "runs")
        assert str(refused.value).startswith(f"{tmp_path}/{name} {said}")


def test_foreign_weights_are_to_be_imported_first(tmp_path):
    model = resolve_network("linear").build()
    paths = [tmp_path / name for name in ("new.pth", "old.pth", "a b.safetensors")]
    torch.save(model.state_dict(), paths[0])
    torch.save(model, paths[1], _use_new_zipfile_serialization=False)
    save_file(model.state_dict(), paths[2])
    for path in paths:
        with pytest.raises(CheckpointError) as refused:
            resolve_checkpoint(str(path), tmp_path)
        how = f"import it first: mnist-tui checkpoints import {shlex.quote(str(path))}"
        assert str(refused.value) == f"{path} was not saved by mnist-tui; {how}"
    imported = import_file(paths[0], tmp_path / "runs")
    assert resolve_checkpoint(str(imported.path), tmp_path) == imported.path


def test_other_networks_are_near_to_none(tmp_path):
    """A ResNet has tensors of 512 numbers, as mlp has, and ten classes."""
    weights = {f"layer{each}.weight": torch.zeros(512) for each in range(20)}
    weights |= {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}
    torch.save(weights, tmp_path / "resnet.pth")
    ours = r"fits none of the program's networks \(linear, mlp, .*\): its tensors are layer"
    with pytest.raises(CheckpointError, match=ours):
        import_file(tmp_path / "resnet.pth", tmp_path / "runs")
