"""Write damaged and hostile checkpoint files, and read each in every way.

    python tests/support/damaged.py FOLDER

writes them below the folder, reads each with every reader, and prints the outcomes as JSON, which
tests/core/checkpoints/test_damaged_files.py checks.
"""

import io
import json
import os
import pickle
import random
import resource
import socket
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy
import torch
from safetensors.torch import save as serialize

from core.checkpoints import import_scaling
from core.checkpoints.header import (
    DIGEST_START,
    LONGEST_NETWORK,
    NO_DIGEST,
    CheckpointInfo,
    abbreviate,
    encode_header,
    read_info,
)
from core.checkpoints.io import compute_digest, load_model, make_entries, to_bytes
from core.errors import CheckpointError
from core.models.networks import resolve_network
from core.runs.catalog import list_checkpoints
from core.runs.imported import import_file

REFUSED, SAME, ANY = "refused", "the same weights", "any weights"
INFO = CheckpointInfo(
    run="linear-1", arch="linear", dataset="mnist", config={"epochs": 3}, epoch=2, step=41,
    test_loss=0.25, test_accuracy=0.75, parameters=7850, saved_at=1.77e9,
)  # fmt: skip
TERABYTE = 2**40
SHARED = torch.zeros(3)
MAGIC = 0x1950A86A20F9469CFC6C  # of torch's legacy files


@dataclass(frozen=True)
class Case:
    """`make` writes the file to a path. `header` is whether its header is valid; `imports` is the
    best outcome that an import may have."""

    name: str
    make: Callable[[Path], object]
    header: bool = False
    imports: str = REFUSED
    exists: bool = True


def of(name: str, content: bytes, **rest) -> Case:
    return Case(name, lambda path: path.write_bytes(content), **rest)


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return dict(resolve_network("linear").build().state_dict())


def state() -> dict[str, torch.Tensor]:
    tensors = weights()
    for name in list(tensors):
        tensors[f"optimizer.{name}.exp_avg"] = torch.zeros_like(tensors[name])
    return tensors | {"rng.torch": torch.zeros(16, dtype=torch.uint8)}


def checkpoint(tensors=None, entries=None, data=None, **said) -> bytes:
    """Return a checkpoint with a correct header digest and, unless given, a correct digest."""
    tensors = state() if tensors is None else tensors
    info = replace(INFO, **({"digest": compute_digest(tensors)} | said))
    body = b"".join(map(bytes, map(to_bytes, tensors.values()))) if data is None else data
    return encode_header(make_entries(tensors) if entries is None else entries, info) + body


def with_header_digest(content: bytes, size: int) -> bytes:
    """Return the content, whose header ends at `size`, with the correct header digest."""
    import hashlib

    place = content.index(DIGEST_START) + len(DIGEST_START)
    zeroed = content[:place] + NO_DIGEST.encode() + content[place + 64 : size]
    return content[:place] + hashlib.sha256(zeroed).hexdigest().encode() + content[place + 64 :]


def flipped(content: bytes, place: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    return bytes(damaged)


def cut_and_flipped() -> Iterator[Case]:
    whole = checkpoint()
    header = 8 + int.from_bytes(whole[:8], "little")
    for size in {*range(9), *range(9, header, 61), header - 1, header, header + 1}:
        yield of(f"cut in its header to {size}", whole[:size])
    for size in range(header + 2, len(whole), 2500):
        yield of(f"cut in its data to {size}", whole[:size])
    for bit in range(64):
        yield of(f"length, bit {bit}", flipped(whole, bit // 8, bit % 8))
    for place in range(8, header, 19):
        yield of(f"header, byte {place}", flipped(whole, place, place % 8))
    for place in range(header, len(whole), 1400):
        yield of(f"data, byte {place}", flipped(whole, place, place % 8), header=True)
    for count in (1, 8, 4096):
        yield of(f"{count} bytes after its end", whole + bytes(count))
    for length in (0, 1, 2, 2**22, 2**22 + 1, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 1):
        yield of(f"a header of {length} bytes", length.to_bytes(8, "little") + b"{}" * 50)


def entries_of(changes: dict) -> dict:
    found = {name: dict(entry) for name, entry in make_entries(state()).items()}
    for name, change in changes.items():
        found[name] = found[name] | change if isinstance(change, dict) else change
    return found


def strange_headers() -> Iterator[Case]:
    body = b"".join(map(bytes, map(to_bytes, state().values())))
    weight = 784 * 10 * 4
    for name, change in {
        "a type that there is not": {"dtype": "F12"},
        "a type that is a list": {"dtype": ["F32"]},
        "a smaller type": {"dtype": "F16"},
        "a larger type": {"dtype": "F64"},
        "too few rows": {"shape": [9, 784]},
        "too many rows": {"shape": [11, 784]},
        "negative sizes": {"shape": [-10, -784]},
        "sizes that are true": {"shape": [True, 7840]},
        "sizes that are fractions": {"shape": [10.0, 784]},
        "sizes that are text": {"shape": ["10", "784"]},
        "no shape": {"shape": None},
        "a shape of a terabyte": {"shape": [2**20, 2**18]},
        "a shape beyond all numbers": {"shape": [2**64, 2**64, 2**64]},
        "a thousand dimensions": {"shape": [1] * 998 + [10, 784]},
        "an overlap": {"data_offsets": [4, weight + 4]},
        "an end before its start": {"data_offsets": [weight, 0]},
        "a negative start": {"data_offsets": [-4, weight - 4]},
        "offsets of three": {"data_offsets": [0, 4, weight]},
        "offsets that are text": {"data_offsets": ["0", str(weight)]},
        "no offsets": {"data_offsets": None},
        "offsets of a terabyte": {"data_offsets": [0, TERABYTE]},
        "an entry that is a list": [],
        "an entry that is nothing": None,
    }.items():
        content = checkpoint(entries=entries_of({"fc1.weight": change}), data=body)
        # A reader of headers checks the layout alone, and that is correct here.
        header = name in ("negative sizes", "sizes that are true", "sizes that are fractions")
        yield of(f"a weight with {name}", content, header=header)
    for name, old, new in (
        ("weights of one name", b"optimizer.fc1.bias.exp_avg", b"fc1.weight"),
        ("states of one name", b"optimizer.fc1.bias.exp_avg", b"rng.torch"),
    ):
        content = checkpoint()
        content = content.replace(b'"%s": ' % old, b'"%s": ' % new + b" " * (len(old) - len(new)))
        yield of(
            f"two {name}", with_header_digest(content, 8 + int.from_bytes(content[:8], "little"))
        )
    for name, text in {
        "no JSON": b"{" * 64,
        "a list": b"[1, 2, 3]",
        "a number": b"17",
        "endless lists": b"[" * 200_000,
        "endless tables": b'{"a":' * 100_000,
        "an endless number": b'{"a": ' + b"9" * 100_000 + b"}",
        "no text": b"\xff\xfe" * 100,
        "zeros": bytes(64),
        "nothing in it": b"{}",
        "a list for metadata": b'{"__metadata__": [1]}',
        "metadata alone": b'{"__metadata__": {"mnist_tui": "{}"}}',
        "a name of a megabyte": b'{"' + b"x" * 2**20 + b'": {"dtype": "F32"}}',
    }.items():
        yield of(f"a header of {name}", len(text).to_bytes(8, "little") + text)


def network_inside_itself() -> torch.nn.Module:
    network = torch.nn.Module()
    network.bias = torch.nn.Parameter(torch.zeros(10))
    for name in "abcdefgh":
        network._modules[name] = network
    return network


def strange_networks() -> Iterator[Case]:
    """Yield checkpoints of texts that no network may be built of, and of strange classes."""
    for text in (
        "linear 999999999, linear", "linear 63000, linear", "conv 999999999 1, linear",
        "conv 1 1 pad 999999999, linear", "conv 1000000 1, linear", "linear " + "9" * 2000,
        "64 x (64 x (64 x (64 x (64 x (relu))))), linear", "2 x (" * 300, "(" * 2000, "." * 2000,
        "relu, " * 300 + "linear", "tanh, " * 2000 + "linear", "\x1b[31mlinear", "linear\0",
        "\ud800", "\u202elinear", " ", "mlp", "mine", "../linear", "dropout 1.0",
        ["linear"], 5, {"a": 1},
    ):  # fmt: skip
        is_text = isinstance(text, str) and len(text) <= LONGEST_NETWORK
        content = checkpoint(arch="custom", network=text)
        yield of(f"the network {abbreviate(str(text))!r}", content, header=is_text)
    for arch in ("\x1b[31m", "../x", "a" * 41, ""):
        yield of(f"a network called {arch!r}", checkpoint(arch=arch, network="linear 9, linear"))
    many = tuple(map(str, range(10**5)))
    for name, found, is_valid in (
        ("a hundred thousand", many, False), ("equal", ("a",) * 10, False), ("one", ("a",), False),
        ("listed", (["a"],) * 10, False), ("long", ("a" * 10**5, "b"), False),
        ("a text of", "0123456789", False), ("red", tuple(f"\x1b[31m{n}" for n in "abc"), True),
    ):  # fmt: skip
        yield of(f"{name} classes", checkpoint(class_names=found), header=is_valid)


def strange_contents() -> Iterator[Case]:
    for version in (0, 3, 99, -1, "2", None, 2.5, [2]):
        said = asdict(INFO) | {"digest": compute_digest(state()), "version": version}
        yield of(f"version {version}", serialize(state(), {"mnist_tui": json.dumps(said)}))
    yield from strange_networks()
    for name, value in {
        "arch": 3, "run": None, "dataset": [], "digest": 0, "epoch": "2", "step": -1,
        "parameters": 1.5, "test_loss": float("nan"), "test_accuracy": float("inf"),
        "saved_at": None, "config": "quick",
    }.items():  # fmt: skip
        said = asdict(INFO) | {"digest": compute_digest(state()), "version": 1, name: value}
        yield of(f"{name} {value}", serialize(state(), {"mnist_tui": json.dumps(said)}))
    for arch in ("resnet", "", "../../etc", "[red]linear", "mlp", "cnn", "quick"):
        # An import finds the architecture by the weights.
        yield of(f"arch {arch!r}", checkpoint(arch=arch), header=True, imports=SAME)
    yield of("another digest", checkpoint(digest="0" * 64), header=True)
    whole = state()
    for name, value in {
        "fc1.bias": torch.zeros(11),
        "fc1.weight": torch.zeros(784, 10),
        "fc2.bias": torch.zeros(10),
        "[red]\x1b[31m\n\u202e": torch.zeros(10),
        "x" * 10_000: torch.zeros(1),
    }.items():
        tensors = whole | {name: value}
        yield of(f"{name[:12]!r} of {tuple(value.shape)}", checkpoint(tensors), header=True)
    for lost in ("fc1.bias", "fc1.weight"):
        tensors = {name: each for name, each in whole.items() if name != lost}
        yield of(f"{lost} missing", checkpoint(tensors), header=True)
    yield of("no tensors", checkpoint({}), header=True)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        tensors = {name: each.to(dtype) for name, each in whole.items()}
        yield of(f"weights of {dtype}", checkpoint(tensors), header=True, imports=ANY)
    for dtype in (torch.int32, torch.int64, torch.uint8, torch.bool):
        tensors = whole | {"fc1.bias": torch.zeros(10, dtype=dtype)}
        yield of(f"a bias of {dtype}", checkpoint(tensors), header=True)
    for name in ("fc1.bias", "fc1.weight"):
        for value in (float("nan"), float("inf"), -float("inf")):
            broken = whole[name].clone()
            broken.view(-1)[-1] = value
            tensors = whole | {name: broken}
            yield of(f"{value} in {name}", checkpoint(tensors), header=True)
            bare = weights() | {name: broken}
            yield of(f"{value} in {name}, bare", serialize(bare))
            yield of(f"{value} in {name}, by torch.save", saved(bare))
    bare = serialize(weights())
    for place in range(8, 8 + int.from_bytes(bare[:8], "little"), 5):
        content = flipped(bare, place, place % 7)
        yield of(f"header without us, byte {place}", content, imports=SAME)


def saved(value, zipped: bool = True) -> bytes:
    torch.save(value, file := io.BytesIO(), _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def by_torch() -> Iterator[Case]:
    zipped, legacy = saved(weights()), saved(weights(), zipped=False)
    for size in (*range(1, 1200, 60), *range(1200, len(zipped), 1600), len(zipped) - 1):
        yield of(f"zip cut to {size}", zipped[:size])
    for size in (*range(1, 700, 40), *range(700, len(legacy), 1600), len(legacy) - 1):
        yield of(f"legacy cut to {size}", legacy[:size])
    ends = len(zipped) - 1100  # the directory
    for place in (*range(0, 900, 15), *range(900, ends, 1100), *range(ends, len(zipped), 17)):
        yield of(f"zip, byte {place}", flipped(zipped, place, place % 8), imports=SAME)
    # A legacy file has no checksum, so changed data cannot be detected.
    for place in range(0, 700, 7):
        yield of(f"legacy, byte {place}", flipped(legacy, place, place % 8), imports=ANY)
    for name, value in {
        "a list": [1, 2],
        "a number": 7,
        "nothing": None,
        "an empty table": {},
        "a tensor": torch.zeros(3),
        "a tensor of numbers": {0: torch.zeros(3)},
        "text for a tensor": weights() | {"fc1.bias": "zeros"},
        "a wrapped list": {"state_dict": [1]},
        "a bias too large": weights() | {"fc1.bias": torch.zeros(11)},
        "a bias of whole numbers": weights() | {"fc1.bias": torch.zeros(10, dtype=torch.int64)},
        "a bias of complex numbers": weights() | {"fc1.bias": torch.zeros(10, dtype=torch.cfloat)},
        "a bias that is sparse": weights() | {"fc1.bias": torch.zeros(10).to_sparse()},
        "a bias that is one number": weights() | {"fc1.bias": torch.zeros(1).expand(10)},
        "a network": torch.nn.Linear(3, 3),
        "a terabyte of one number": weights() | {"fc1.weight": torch.zeros(1).expand(2**20, 2**18)},
        "an array": {"fc1.weight": numpy.zeros((10, 784))},
        "a set": {"fc1.weight": {1, 2}},
        "a network inside itself": network_inside_itself(),
        "a thousand state dicts": [{"bias": torch.zeros(1)}]
        + [{"bias": SHARED} for _ in range(1000)],
        "doubles beyond floats": {k: v.double() + 1e300 for k, v in weights().items()},
    }.items():
        for form, is_zip in (("zip", True), ("legacy", False)):
            yield of(f"{name} in a {form}", saved(value, is_zip))


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def legacy(pickled: bytes, storages: bytes = b"") -> bytes:
    def plain(value: object) -> bytes:
        return pickle.dumps(value, 2)

    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    return plain(MAGIC) + plain(1001) + plain(machine) + pickled + plain([]) + storages


def archives() -> Iterator[Case]:
    good = {f"archive/{name}": part for name, part in members(saved(weights())).items()}
    bomb = archive(good | {"archive/data/9": bytes(10**8)}, zipfile.ZIP_DEFLATED)
    yield of("a bomb of 100 MB", bomb)
    yield of("a bomb in bzip2", archive({"a/data.pkl": bytes(10**7)}, zipfile.ZIP_BZIP2))
    yield of("a bomb in lzma", archive({"a/data.pkl": bytes(10**7)}, zipfile.ZIP_LZMA))
    yield of("a bomb in a bomb", archive({"a/data.pkl": bomb}, zipfile.ZIP_DEFLATED))
    yield of("an archive of nothing", archive({}))
    yield of("an archive of other things", archive({"word/document.xml": b"<xml/>" * 50}))
    yield of("a program", archive(good | {"archive/constants.pkl": b"\x80\x02)."}))
    yield of("no version", archive({"archive/data.pkl": good["archive/data.pkl"]}))
    yield of("no data", archive({k: v for k, v in good.items() if not k.endswith("/data/0")}))
    yield of("less data", archive(good | {"archive/data/0": bytes(100)}))
    yield of("more data", archive(good | {"archive/data/0": bytes(10**6)}))
    yield of("too many files", archive(good | {f"archive/data/x{n}": b"" for n in range(10_001)}))
    out = archive(good | {"archive/../../../out": b"x", "/etc/out": b"x"})
    yield of("files that lead out", out, imports=SAME)
    whole = archive(good)
    place = whole.index(b"PK\x01\x02")  # of data.pkl
    for field, size in (("compressed", 20), ("whole", 24), ("offset", 42), ("name", 28)):
        lie = b"\xf0\xff\xff\x7f"[: 2 if field == "name" else 4]
        content = whole[: place + size] + lie + whole[place + size + len(lie) :]
        yield of(f"a directory that lies of its {field}", content)
    locked = whole[: place + 8] + b"\x01" + whole[place + 9 :]
    yield of("a member that is encrypted", locked)
    yield of("one member twice", _twice(good))


def _twice(good: dict[str, bytes]) -> bytes:
    file = io.BytesIO(archive(good))
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("other/data.pkl", b"\x80\x02).")
    return file.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {each.partition("/")[2]: found.read(each) for each in found.namelist()}


class Runs:
    """An object whose pickle is a call."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def traps(ran: Path) -> Iterator[Case]:
    """Yield files that create `ran` when Python unpickles them."""
    touch, path = f"touch '{ran}'", text(str(ran))
    calls = {
        "os.system": Runs(os.system, touch),
        "eval": Runs(eval, f"open({str(ran)!r}, 'w')"),
        "exec": Runs(exec, f"open({str(ran)!r}, 'w')"),
        "open": Runs(open, str(ran), "w"),
        "touch": Runs(Path.touch, ran),
    }
    wraps = {
        "": lambda trap: trap,
        " among weights": lambda trap: weights() | {"fc1.bias": trap},
        " far inside": lambda trap: {"state_dict": {"a": [({"b": (trap,)},)]}},
        " as a name": lambda trap: {(1, trap): torch.zeros(3)},
    }
    for call, trap in calls.items():
        for where, wrap in wraps.items():
            for form, is_zip in (("zip", True), ("legacy", False)):
                yield of(f"{call}{where} in a {form}", saved(wrap(trap), is_zip))
                if not where:  # it is never called, so the weights beside it can be read
                    content = saved({"net": weights(), "rest": [trap]}, is_zip)
                    yield of(f"{call} beside weights in a {form}", content, imports=SAME)
        for protocol in range(6):
            yield of(f"{call}, protocol {protocol}", pickle.dumps(trap, protocol))
    # Written by hand: operations that Python's pickle does not write.
    made = {
        "INST": b"(" + path + text("w") + b"iio\nopen\n.",
        "OBJ": b"(cio\nopen\n" + path + text("w") + b"o.",
        "STACK_GLOBAL": b"\x80\x04" + short("io") + short("open") + b"\x93" + path + text("w")
        + b"\x86R.",
        "NEWOBJ": b"\x80\x02cio\nFileIO\n" + path + text("w") + b"\x86\x81.",
        "NEWOBJ_EX": b"\x80\x04cio\nFileIO\n" + path + text("w") + b"\x86}\x92.",
        "BUILD": b"\x80\x02cio\nFileIO\n" + path + text("w") + b"\x86R}b.",
        "GLOBAL": b"\x80\x02cio\nopen\n" + path + text("w") + b"\x86R.",
        "FRAME": b"\x80\x04\x95" + struct.pack("<Q", 40 + len(path)) + b"cio\nopen\n" + path
        + text("w") + b"\x86R.",
        "DUP": b"\x80\x02cio\nopen\n2" + path + text("w") + b"\x86R.",
        "an empty name": b"\x80\x02c\nio open\n.",
        "an allowed name and more": b"\x80\x02ccollections OrderedDict\n__init__\n.",
    }  # fmt: skip
    for name, pickled in made.items():
        yield of(f"{name}, bare", pickled)
        yield of(f"{name} in a zip", archive({"a/data.pkl": pickled, "a/version": b"3\n"}))
        yield of(f"{name} in a legacy", legacy(pickled))
        yield of(f"{name} for a magic number", pickled + saved(weights(), zipped=False))
        yield of(f"{name} as the keys", saved(weights(), zipped=False)[:-32_000] + pickled)


def tensor(count: int, size: tuple, stride: tuple, offset: int = 0, key: str = "0") -> bytes:
    """Return the pickle of a state dict of one tensor."""

    def numbers(values: tuple) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    def number(value: int) -> bytes:
        return pickle.dumps(value, 2)[2:-1]

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu")
    rest = b"\x89ccollections\nOrderedDict\n)Rt"
    made = storage + number(count) + b"tQ" + number(offset) + numbers(size) + numbers(stride) + rest
    return b"\x80\x02}" + text("fc1.bias") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + made + b"Rs."


def claims() -> Iterator[Case]:
    """Yield pickles of allowed operations that claim terabytes, or more than they contain."""
    many = 2**38
    pickles = {
        "a storage": tensor(many, (10,), (1,)),
        "a tensor": tensor(10, (many,), (1,)),
        "a tensor of modest sizes": tensor(10, (2**19, 2**19), (2**19, 1)),
        "a tensor that repeats one number": tensor(10, (many,), (0,)),
        "strides": tensor(10, (10,), (many,)),
        "an offset": tensor(10, (1,), (1,), many),
        "a negative count": tensor(-10, (10,), (1,)),
        "negative sizes": tensor(10, (-10, -1), (1, 1)),
        "negative strides": tensor(10, (10,), (-1,)),
        "a negative offset": tensor(10, (10,), (1,), -10),
        "sizes beyond all numbers": tensor(10, (2**200, 2**200), (1, 1)),
        "endless sizes": tensor(10, (2,) * 100, (0,) * 100),
        "more strides than sizes": tensor(10, (10,), (1, 1)),
        "a storage that leads out": tensor(10, (10,), (1,), key="../../../etc/passwd"),
        "bytes": b"\x80\x02c__builtin__\nbytearray\n\x8a\x06" + bytes(5) + b"\x01\x85R.",
        "a text": b"\x80\x02X\xff\xff\xff\x7f" + b"x" * 100,
        "a long number": b"\x80\x02\x8b\xff\xff\xff\x7f" + b"x" * 100,
        "a place in its memory": b"\x80\x02)r\xff\xff\xff\xff.",
        "a size": b"\x80\x02ctorch\nFloatStorage\n\x8a\x06" + bytes(5) + b"\x01\x85R.",
        "endless tuples": b"\x80\x02)" + b"\x85" * 300_000 + b".",
        "endless tuples as a name": b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.",
        "endless lists": b"\x80\x02" + b"]" * 600_000 + b".",
        "endless marks": b"\x80\x02" + b"(" * 600_000 + b".",
        "nothing on its stack": b"\x80\x02R.",
        "no end": b"\x80\x02" + b"N0" * 100,
        "a state set by hand": tensor(10, (10,), (1,))[:-2] + b"}b" + b"s.",
    }
    for name, pickled in pickles.items():
        parts = {"a/data.pkl": pickled, "a/version": b"3\n", "a/data/0": bytes(40)}
        yield of(f"a zip that claims {name}", archive(parts))
        yield of(f"a legacy that claims {name}", legacy(pickled, bytes(48)))


def other_formats() -> Iterator[Case]:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0"
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as made:
        for name in ("storages", "tensors", "pickle"):  # as the very first torch saved
            made.addfile(tarfile.TarInfo(name))
    numpy.savez(arrays := io.BytesIO(), weights=numpy.zeros(10))
    for name, content in {
        "empty": b"",
        "PNG": png,
        "GIF": b"GIF89a" + bytes(100),
        "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100),
        "PDF": b"%PDF-1.7\n" * 20,
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(100),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "gzip": b"\x1f\x8b\x08\0" + bytes(100),
        "ONNX": b"\x08\x08\x12\x07pytorch" + bytes(100),
        "HTML": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 9,
        "JSON": b'{"run": "linear-1"}',
        "a pointer of git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "UTF-16": "fc1.weight".encode("utf-16"),
        "tar": tar.getvalue(),
        "npz": arrays.getvalue(),
        "one zero": b"\0",
        "zeros": bytes(4096),
        "a shell script": b"#!/bin/sh\nrm -rf /\n",
        "PK alone": b"PK\x03\x04",
        "80 alone": b"\x80",
    }.items():
        yield of(name, content)
    for seed in range(20):
        yield of(f"noise {seed}", random.Random(seed).randbytes(37 * seed + 5))


def sparse(begin: bytes, size: int) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(begin)
        os.truncate(path, size)

    return make


def listener(path: Path) -> None:
    # The path of a socket must be short.
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def no_files() -> Iterator[Case]:
    for dtype, size in (("F32", 4), ("U8", 1)):
        entry = {"dtype": dtype, "shape": [TERABYTE // size], "data_offsets": [0, TERABYTE]}
        begin = encode_header({"fc1.bias": entry}, replace(INFO, digest="0" * 64))
        make = sparse(begin, len(begin) + TERABYTE)
        yield Case(f"a terabyte of {dtype}", make, header=True)
    yield Case("a terabyte of zeros", sparse(b"", TERABYTE))
    yield Case("a terabyte behind a zip", sparse(saved(weights()), TERABYTE))
    yield Case("a terabyte behind a pickle", sparse(saved(weights(), False), TERABYTE))
    yield Case("a folder", Path.mkdir)
    yield Case("a socket", listener)
    yield Case("a pipe", os.mkfifo)
    yield Case("a link to itself", lambda path: path.symlink_to(path.name))
    yield Case("a link to nowhere", lambda path: path.symlink_to("gone"), exists=False)
    yield Case("a link to its folder", lambda path: path.symlink_to("."))
    yield Case("a link to zeros", lambda path: path.symlink_to("/dev/zero"))
    yield Case("a link to noise", lambda path: path.symlink_to("/dev/urandom"))
    yield Case("not there", lambda path: None, exists=False)


def cases(ran: Path) -> Iterator[Case]:
    for group in (
        cut_and_flipped, strange_headers, strange_contents, by_torch, archives, claims,
        other_formats, no_files,
    ):  # fmt: skip
        yield from group()
    yield from traps(ran)


def outcome(way: Callable[[], object]) -> dict[str, object]:
    try:
        return {"made": way()}
    except CheckpointError as error:
        return {"refused": str(error)}
    except BaseException as error:
        return {"raised": f"{type(error).__name__}: {error}"}


def read_all(folder: Path) -> dict:
    """Return the outcome of every case, and the growth of memory in bytes."""
    expected, runs, made = weights(), folder / "runs", folder / "imported"

    def imported(path: Path) -> str:
        kept = load_model(import_file(path, made, path.parent.name).path)[1].state_dict()
        same = all(torch.equal(kept[name], each) for name, each in expected.items())
        return SAME if same else ANY

    found = []
    for number, case in enumerate(cases(folder / "ran")):
        path = runs / f"{number:04}" / "last.safetensors"
        path.parent.mkdir(parents=True)
        case.make(path)
        if not found:  # memory of imports and first calls does not count
            good = folder / "good"
            good.write_bytes(saved(weights()))
            assert imported(good) == SAME
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            limit_memory()
        there = {p.name: p.lstat().st_size for p in path.parent.iterdir()}
        row = {
            "name": case.name,
            "path": str(path),
            "header": case.header,
            "imports": case.imports,
            "exists": case.exists,
            "read_info": outcome(lambda path=path: read_info(path).step),
            "load_model": outcome(lambda path=path: load_model(path) and "loaded"),
            "import_file": outcome(lambda path=path: imported(path)),
            "ran": (folder / "ran").exists(),
        }
        row["touched"] = there != {p.name: p.lstat().st_size for p in path.parent.iterdir()}
        found.append(row)
    listed = {str(each.path): each.error for each in list_checkpoints(runs)}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    count = len(list(made.iterdir()))
    return {"cases": found, "listed": listed, "grown": grown * 1024, "imported": count}


def limit_memory() -> None:
    """Limit the address space to 1 GiB more than now."""
    if sys.platform == "linux":
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + 2**30, now + 2**30))


if __name__ == "__main__":
    # Each of a hundred imports tries ten scalings of the input, which have tests of their own.
    import_scaling.TRIED_IMAGES = 100
    torch.set_num_threads(1)
    print(json.dumps(read_all(Path(sys.argv[1]))))
