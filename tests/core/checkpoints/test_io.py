"""Save, load and list checkpoints; damaged files are refused with the reason."""

import json
import math
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save as serialize

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo, encode_header
from core.checkpoints.header import read_info as read
from core.checkpoints.io import compute_digest, load, load_model
from core.errors import CheckpointError
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network
from core.runs.catalog import list_checkpoints, read_checkpoint_file
from tests.support import preloaded
from tests.support.checkpoints import (
    INFO,
    described,
    header_length,
    read_in_limited_memory,
    state,
    with_description,
    write,
)

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cfc000000301010018dd8db00000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("whole") / "last.safetensors"
    checkpoints.save(path, state(), INFO)
    return path.read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    """Return one path for the many damaged files of a property test."""
    return tmp_path_factory.mktemp("scratch") / "damaged.safetensors"


def refusals(path: Path) -> list[str]:
    """Return the message of each reader for a file that none of them reads."""
    said = []
    for way in (read, load, load_model):
        with pytest.raises(CheckpointError) as refused:
            way(path)
        said.append(str(refused.value))
    for message in said:
        assert message.startswith(f"{path} ")
        assert len(message.splitlines()) == 1
    return said


def refusal(path: Path) -> str:
    """Return the message for a file with a good header and a bad network."""
    read(path)
    with pytest.raises(CheckpointError) as refused:
        load_model(path)
    message = str(refused.value)
    assert message.startswith(f"{path} ")
    assert len(message.splitlines()) == 1
    return message


def test_saved_tensors_load_equal(tmp_path):
    tensors, path = state(), tmp_path / "last.safetensors"
    checkpoints.save(path, tensors, INFO)
    info, found = load(path)
    assert info == replace(INFO, digest=compute_digest(tensors))
    assert read(path) == info
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def test_load_model_ignores_optimizer_state(tmp_path):
    tensors, path = state(), tmp_path / "last.safetensors"
    checkpoints.save(path, tensors, INFO)
    _, model = load_model(path)
    weights = model.state_dict()
    assert set(weights) == {"fc1.weight", "fc1.bias"}
    for name, value in weights.items():
        assert torch.equal(value, tensors[name])


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_network_saves_and_loads(tmp_path, arch):
    model, path = resolve_network(arch).build(), tmp_path / "last.safetensors"
    checkpoints.save(path, dict(model.state_dict()), replace(INFO, arch=arch))
    info, again = load_model(path)
    assert info.arch == arch
    images = torch.rand(3, 1, 28, 28)
    with torch.inference_mode():
        assert torch.equal(again(images), model(images))


def test_snapshot_copies_views(tmp_path):
    path, grid = tmp_path / "last.safetensors", torch.arange(6.0).view(2, 3)
    checkpoints.save(path, checkpoints.snapshot({"turned": grid.T}), INFO)
    assert torch.equal(load(path)[1]["turned"], grid.T)


def test_safetensors_reads_our_files(tmp_path, whole):
    path = write(tmp_path / "last.safetensors", whole)
    with safe_open(path, framework="pt") as file:
        assert "fc1.weight" in file.keys()  # noqa: SIM118 (it is not iterable itself)
        assert json.loads(file.metadata()["mnist_tui"])["arch"] == "linear"


def test_digest_depends_on_all_but_order():
    one, other = torch.zeros(2, 3), torch.ones(4)
    total = compute_digest({"a": one, "b": other})
    assert total == compute_digest({"b": other, "a": one})
    assert total != compute_digest({"a": one, "c": other})
    assert total != compute_digest({"a": one.view(3, 2), "b": other})
    assert total != compute_digest({"a": one, "b": other + 1})
    assert total != compute_digest({"a": one.int(), "b": other})


def test_read_info_reads_the_header_alone(tmp_path, whole):
    """A sparse gigabyte stands for the tensors, in a process with half a gigabyte of memory."""
    length = header_length(whole)
    header = json.loads(whole[8:length])
    metadata = header.pop("__metadata__")
    last = max(header, key=lambda name: header[name].get("data_offsets", [0, 0])[1])
    start = header[last]["data_offsets"][0]
    count = 2**30
    header[last] |= {"dtype": "U8", "shape": [count], "data_offsets": [start, start + count]}
    text = encode_header(header, CheckpointInfo(**json.loads(metadata["mnist_tui"])))
    path = write(tmp_path / "large.safetensors", text)
    os.truncate(path, len(text) + start + count)
    script = (
        "from core.checkpoints.header import read_info\n"
        "print(read_info(pathlib.Path(sys.argv[1])).step,"
        " [m for m in ('torch', 'safetensors', 'numpy') if m in sys.modules])"
    )
    assert read_in_limited_memory(script, path, 2**29) == "41 []\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x00", "is not a checkpoint"),
        (PNG, "is not a checkpoint"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 20, "is not a checkpoint"),
        ((2**63).to_bytes(8, "little") + b"{}" * 50, "is not a checkpoint"),
        ((2**22 + 1).to_bytes(8, "little") + b"{}" * 50, "is not a checkpoint"),
        ((2**22).to_bytes(8, "little") + b"{}" * 50, "is cut off"),
        ((4).to_bytes(8, "little") + b"[[]]", "is not a checkpoint"),
        ((4).to_bytes(8, "little") + b'{"a"', "is not a checkpoint"),
        ((4).to_bytes(8, "little") + b"\xff\xfe\xfd\xfc", "is not a checkpoint"),
        ((9).to_bytes(8, "little") + b'{"a": {}}', "is not a checkpoint"),
        ((2**17).to_bytes(8, "little") + b"[" * 2**17, "is not a checkpoint"),
        (serialize({"fc1.bias": torch.zeros(10)}), "was not saved by mnist-tui"),
        (serialize({"a": torch.zeros(1)}, metadata={"format": "pt"}), "was not saved by mnist-tui"),
        (serialize({"a": torch.zeros(1)}, metadata={"mnist_tui": "{"}), "has a damaged header"),
        (with_description([1]), "has a damaged header"),
        (with_description(None), "has a damaged header"),
        (with_description({"version": 1}), "has a damaged header"),
        (with_description({}), "has no format version; this mnist-tui reads 4"),
        (described(version=2), "has a damaged header: its digest is missing"),
        (described(version=3), "has a damaged header: its digest is missing"),
        (described(version=4), "has a damaged header: its digest is missing"),
        (described(version=5), "has format 5; this mnist-tui reads 4"),
        (described(arch=["linear"]), "arch is not text"),
        (described(run=None), "run is not text"),
        (described(step=-1), "step is not a count"),
        (described(epoch="2"), "epoch is not a count"),
        (described(saved_at=None), "saved_at is not a number"),
        (described(test_accuracy=math.nan), "test_accuracy is not a number"),
        (described(test_loss=math.inf), "test_loss is not a number"),
        (described(config="quick"), "config is not a table"),
        (described(input_mean="0"), "input_mean is not a number"),
        (described(input_std=math.inf), "input_std is not a number"),
        (described(input_std=0), "input_std is 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_refused_with_reason(tmp_path, content, said):
    path = write(tmp_path / "strange.safetensors", content)
    for message in refusals(path):
        assert said in message
    listed = read_checkpoint_file(path, len(content))
    assert listed.info is None
    assert said in listed.error


def test_unknown_fields_are_ignored(tmp_path):
    path = write(tmp_path / "last.safetensors", described(teacher="cnn"))
    assert load_model(path)[0] == replace(INFO, digest=read(path).digest, version=1)


def test_unevaluated_weights_have_no_metrics(tmp_path):
    path = write(tmp_path / "a.safetensors", described(test_loss=None, test_accuracy=None))
    assert (read(path).test_loss, read(path).test_accuracy) == (None, None)


def test_missing_file_and_folder_are_refused(tmp_path):
    assert "does not exist" in refusals(tmp_path / "nowhere.safetensors")[0]
    assert "is a folder" in refusals(tmp_path)[0]
    file = write(tmp_path / "file", b"x")
    assert "cannot be read (Not a directory)" in refusals(file / "last.safetensors")[0]


def test_truncated_file_is_refused(scratch, whole):
    length = header_length(whole)
    places = {*range(0, length, 97), 1, 7, 8, 9, length - 1, length, length + 1}
    for size in sorted(places | {*range(length, len(whole), 9973), len(whole) - 1}):
        scratch.write_bytes(whole[:size])
        refusals(scratch)


def test_bytes_after_the_end_are_refused(scratch, whole):
    scratch.write_bytes(whole + b"\0")
    assert "has bytes after its end" in refusals(scratch)[0]


@settings(deadline=None)
@given(data=st.data())
def test_flipped_tensor_bit_is_detected(scratch, whole, data):
    place = data.draw(st.integers(header_length(whole), len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    scratch.write_bytes(damaged)
    assert "is damaged: its tensors do not match the digest" in refusal(scratch)


def test_flipped_header_bit_is_detected(scratch, whole):
    for place in range(header_length(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        scratch.write_bytes(damaged)
        with pytest.raises(CheckpointError) as refused:
            read(scratch)
        assert str(refused.value).startswith(f"{scratch} ")
        assert len(str(refused.value).splitlines()) == 1


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"\x02\0\0\0\0\0\0\0{}")
def test_any_bytes_raise_checkpoint_error(scratch, content):
    scratch.write_bytes(content)
    refusals(scratch)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(asdict(INFO))),
        st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(),
    )
)
def test_any_description_raises_checkpoint_error(scratch, changes):
    scratch.write_bytes(described(**changes))
    try:
        _, model = load_model(scratch)
    except CheckpointError as error:
        said = str(error)
    else:
        assert set(model.state_dict()) == {"fc1.weight", "fc1.bias"}
        said = f"{scratch} "
    assert said.startswith(f"{scratch} ")
    assert len(said.splitlines()) == 1


def test_unknown_architecture_is_named(tmp_path):
    path = write(tmp_path / "last.safetensors", described(arch="resnet"))
    assert f"contains a network 'resnet'; this mnist-tui has {', '.join(ARCHITECTURES)}" in refusal(
        path
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fc1.bias": torch.zeros(11)}, "fc1.bias is 11, expected 10"),
        ({"fc1.weight": torch.zeros(784, 10)}, "fc1.weight is 784×10, expected 10×784"),
        ({"fc1.bias": None}, "fc1.bias is missing, expected 10"),
        ({"fc2.bias": torch.zeros(10)}, "fc2.bias (10) is not one of its tensors"),
        ({"fc1.bias": torch.tensor(0.0)}, "fc1.bias is one number, expected 10"),
    ],
)
def test_mismatched_tensors_are_named(tmp_path, change, said):
    tensors = {name: each for name, each in (state() | change).items() if each is not None}
    path = tmp_path / "last.safetensors"
    checkpoints.save(path, tensors, INFO)
    assert f"does not fit linear: {said}" in refusal(path)


def test_empty_checkpoint_misses_its_tensors(tmp_path):
    path = tmp_path / "last.safetensors"
    checkpoints.save(path, {}, INFO)
    assert load(path)[1] == {}
    assert refusal(path).endswith("does not fit linear: fc1.bias is missing, expected 10")


def test_renamed_tensor_is_named(tmp_path):
    tensors = {name.replace("fc1.w", "fc9.w"): each for name, each in state().items()}
    path = tmp_path / "last.safetensors"
    checkpoints.save(path, tensors, INFO)
    assert refusal(path).endswith("does not fit linear: fc1.weight is missing, expected 10×784")


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_is_refused_and_never_run(tmp_path, zipped):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (ran,))

    trap = tmp_path / "trap.pt"
    torch.save({"fc1.weight": Trap()}, trap, _use_new_zipfile_serialization=zipped)
    refusals(write(tmp_path / "last.safetensors", trap.read_bytes()))
    assert not ran.exists()
    torch.load(trap, weights_only=False)
    assert ran.exists(), "the trap is one"


@pytest.mark.parametrize("fails", ["os.fsync", "pathlib.Path.replace"])
def test_failed_write_keeps_the_old_file(tmp_path, whole, monkeypatch, fails):
    path = write(tmp_path / "last.safetensors", whole)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fails, full)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.save(path, state(), replace(INFO, step=99))
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
    checkpoints.save(path, state(), replace(INFO, step=99))
    assert read(path).step == 99
    assert list(tmp_path.iterdir()) == [path]


def test_reader_never_finds_half_a_file(tmp_path, whole, monkeypatch):
    """Just before the new file replaces the old one, both are complete."""
    path = write(tmp_path / "last.safetensors", whole)
    seen = []
    replaced = Path.replace

    def watched(temporary, target):
        seen.append((load(path)[0].step, load(temporary)[0].step, temporary.suffix))
        return replaced(temporary, target)

    monkeypatch.setattr(Path, "replace", watched)
    checkpoints.save(path, state(), replace(INFO, step=99))
    assert seen == [(41, 99, ".partial")]
    assert load(path)[0].step == 99


def test_pipe_is_listed_without_waiting(tmp_path):
    pipe = tmp_path / "run" / "last.safetensors"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    (listed,) = list_checkpoints(tmp_path)
    assert listed.error == "is not a file"


def test_number_too_large_is_a_damaged_header(tmp_path):
    path = tmp_path / "x.safetensors"
    weights = dict(resolve_network("linear").build().state_dict())
    huge = CheckpointInfo(
        run="r", arch="linear", dataset="sample", config={}, epoch=1, step=1, test_loss=None,
        test_accuracy=None, parameters=7850, saved_at=10**400,
    )  # fmt: skip
    checkpoints.save(path, weights, huge)
    with pytest.raises(CheckpointError, match="has a damaged header"):
        read(path)


def test_reader_beside_a_writer_gets_one_version(tmp_path):
    """Once the header of one version was compared with the tensors of the next."""
    path = tmp_path / "last.safetensors"
    code = (
        "import sys, pathlib, torch\n"
        "from core.checkpoints.io import save\nfrom core.checkpoints.header import CheckpointInfo\n"
        "for step in range(200):\n"
        "    info = CheckpointInfo(run='r', arch='linear', dataset='sample', config={}, epoch=0,\n"
        "        step=step, test_loss=None, test_accuracy=None, parameters=1, saved_at=0.0)\n"
        "    save(pathlib.Path(sys.argv[1]), {'x': torch.full((50_000,), float(step))}, info)"
    )
    root = Path(__file__).parents[3]
    writer = preloaded.Popen([sys.executable, "-c", code, str(path)], cwd=root)
    seen = set()
    while writer.poll() is None:
        if path.exists():
            info, tensors = checkpoints.load(path)
            assert (tensors["x"] == info.step).all()
            seen.add(info.step)
    assert writer.returncode == 0
    assert len(seen) > 2
