"""Files of torch.save read as torch.load reads them; test_damaged_files.py has the broken ones."""

from io import BytesIO
from zipfile import ZipFile

import pytest
import torch

from core.checkpoints.pickle_reader import SavedTensor
from core.checkpoints.torch_save import read_torch_save


def save(value, zipped: bool) -> bytes:
    torch.save(value, file := BytesIO(), _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    numbers = torch.randn(4, 6, generator=generator)
    floats = {str(dtype): numbers.to(dtype) for dtype in (torch.float16, torch.bfloat16)}
    whole = {
        str(dtype): (numbers * 50).to(dtype)
        for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.bool, torch.double)
    }
    views = {
        "whole": numbers,
        "row": numbers[2],
        "transposed": numbers.t(),
        "every second": numbers[::2, 1::2],
        "one number": numbers[3, 5],
        "repeated": numbers[:1].expand(4, 6),
        "empty": torch.zeros(0, 3),
        "bytes": torch.arange(7, dtype=torch.uint8),
        "parameter": torch.nn.Parameter(numbers + 1),
    }
    return floats | whole | views


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_equal_those_of_torch_load(zipped):
    content = save(tensors(), zipped)
    expected = torch.load(BytesIO(content), weights_only=True)
    found = read_torch_save(content)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        loaded = found[name].load()
        assert loaded.dtype == tensor.dtype
        assert torch.equal(loaded, tensor), name


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_values_keep_their_structure(zipped):
    value = {
        "epoch": 3,
        "losses": [0.5, [1, 2], (), (1, "a", None)],
        "flags": {"yes": True, "no": False, 7: -(2**40)},
        "size": torch.Size([2, 3]),
        "network": torch.nn.Linear(2, 1).state_dict(),
    }
    found = read_torch_save(save(value, zipped))
    assert all(isinstance(each, SavedTensor) for each in found.pop("network").values())
    del value["network"]
    assert found == value


def test_files_of_big_endian_machines_are_refused():
    with ZipFile(BytesIO(save({"x": torch.ones(1)}, zipped=True))) as little:
        members = {name: little.read(name) for name in little.namelist()}
    with ZipFile(swapped := BytesIO(), "w") as big:
        for name, content in members.items():
            big.writestr(name, b"big" if name.endswith("/byteorder") else content)
    with pytest.raises(ValueError, match="was saved on a big-endian machine"):
        read_torch_save(swapped.getvalue())
    legacy = save({"x": torch.ones(1)}, zipped=False)
    place = legacy.index(b"little_endian") + len("little_endian") + 2  # BINPUT and its index
    assert legacy[place : place + 1] == b"\x88"  # True
    with pytest.raises(ValueError, match="is damaged, or is not a state dict"):
        read_torch_save(legacy[:place] + b"\x89" + legacy[place + 1 :])
