"""Write checkpoint files for tests."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save as serialize

from core.checkpoints.header import CheckpointInfo
from core.checkpoints.io import compute_digest
from core.models.networks import resolve_network

ROOT = Path(__file__).parents[2]


INFO = CheckpointInfo(
    run="linear-20260102-030405",
    arch="linear",
    dataset="sample",
    config={"epochs": 3, "learning_rate": 0.001, "data": None},
    epoch=2,
    step=41,
    test_loss=0.25,
    test_accuracy=0.75,
    parameters=7850,
    saved_at=1_770_000_000.5,
)


def state() -> dict[str, torch.Tensor]:
    """Return what a run saves: weights, optimizer and generator, of several dtypes and shapes."""
    model = resolve_network("linear").build()
    tensors = dict(model.state_dict())
    for name in list(tensors):
        tensors[f"optimizer.{name}.step"] = torch.tensor(41.0)
        tensors[f"optimizer.{name}.exp_avg"] = torch.randn_like(tensors[name])
    return tensors | {"rng.torch": torch.get_rng_state()}


def header_length(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")


def with_description(described: object, tensors: dict[str, torch.Tensor] | None = None) -> bytes:
    """Return a safetensors file with that description; its digest is correct unless given."""
    tensors = tensors if tensors is not None else state()
    if isinstance(described, dict):
        described = {"digest": compute_digest(tensors)} | described
    return serialize(tensors, metadata={"mnist_tui": json.dumps(described)})


def described(**changes: object) -> bytes:
    """Return a checkpoint as an earlier version saved it, without a header digest."""
    values = {key: value for key, value in asdict(INFO).items() if key != "digest"}
    return with_description(values | {"version": 1} | changes)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read_in_limited_memory(script: str, path: Path, limit: int) -> str:
    """Run a script on a path in another process with that many bytes of address space.

    Returns what it prints.
    """
    memory = (
        "import pathlib, resource, sys\n"
        f"if sys.platform == 'linux': resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
    )
    command = [sys.executable, "-c", memory + script, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout
