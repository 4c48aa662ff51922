"""Runs on disk that no training made, and processes that work on them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from core.checkpoints.header import CheckpointInfo, encode_header
from tests.support import preloaded

ROOT = Path(__file__).parents[2]
TENSOR = {"fc1.weight": {"dtype": "F32", "shape": [500], "data_offsets": [0, 2000]}}


def write_checkpoint(path: Path, step: int) -> None:
    """Write a small checkpoint whose bytes are the step."""
    info = CheckpointInfo(
        run=path.parent.name,
        arch="linear",
        dataset="sample",
        config={},
        epoch=step,
        step=step,
        test_loss=1.0,
        test_accuracy=0.5,
        parameters=500,
        saved_at=1e9,
    )
    path.write_bytes(encode_header(TENSOR, info) + bytes([step]) * 2000)


def make_run(folder: Path, name: str = "linear-1", epochs: int = 0) -> Path:
    """Make a finished run, an hour old, and return its folder."""
    place = folder / name
    place.mkdir(parents=True)
    description = {"run": name, "status": "finished", "config": {"arch": "linear"}}
    (place / "run.json").write_text(json.dumps(description))
    (place / "events.jsonl").write_text('{"event": "paused", "time": 1.0, "step": 3}\n')
    for epoch in range(1, epochs + 1):
        write_checkpoint(place / f"epoch-{epoch:03}.safetensors", epoch)
    for kind in ("last", "best"):
        write_checkpoint(place / f"{kind}.safetensors", max(epochs, 1))
    for path in (*place.iterdir(), place):
        os.utime(path, (time.time() - 3600,) * 2)
    return place


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the modification time of every file under a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_python(code: str, *arguments: object) -> subprocess.Popen:
    """Start a Python process that can import the program; its stdin and stdout are pipes."""
    return preloaded.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
