"""A run's folder: its run.json, its events.jsonl, and the checkpoints beside them."""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

from core.config import TrainConfig
from core.errors import CheckpointError, explain
from core.events import Event, Paused, Resumed, RunFailed, RunFinished, as_json
from core.files import replace_file


class Run:
    """A run's folder while the run is going on. A context manager: it closes its file."""

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        self.folder = folder
        self.name = folder.name
        self._description = description
        self._write_description("running")
        self._events = (folder / "events.jsonl").open("a", encoding="utf-8")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # a full disk, of which record has told
            self._events.close()

    def record(self, event: Event) -> None:
        """Appends the event, and brings run.json's status up to date. Raises OSError."""
        if not event.recorded:
            return
        try:
            self._events.write(as_json(event) + "\n")
            self._events.flush()
        finally:
            # Whatever becomes of the line, the run must not seem to go on.
            if status := _status(event):
                self._write_description(status)

    def _write_description(self, status: str) -> None:
        self._description["status"] = status
        text = json.dumps(self._description, indent=2) + "\n"
        replace_file(self.folder / "run.json", text.encode())


def _status(event: Event) -> str | None:
    match event:
        case Paused():
            return "paused"
        case Resumed():
            return "running"
        case RunFinished(stopped=stopped):
            return "stopped" if stopped else "finished"
        case RunFailed():
            return "failed"
    return None


def create(config: TrainConfig, dataset: str, device: str) -> Run:
    """A new folder for a run, named by network and time. Two programs that start in the same
    second get different ones. Raises CheckpointError where it cannot be written.
    """
    stem = f"{config.arch}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    try:
        config.folder.mkdir(parents=True, exist_ok=True)
        while True:
            folder = config.folder / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
                break
            except FileExistsError:
                number += 1
        description = {
            "run": folder.name,
            "status": "running",
            "pid": os.getpid(),
            "config": asdict(config) | {"dataset": dataset},
            "seed": config.seed,
            "device": device,
            "versions": versions(),
        }
        return Run(folder, description)
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint folder {config.folder} cannot be written ({explain(error)}); "
            "choose another with --checkpoints"
        ) from None


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("mnist-tui", "torch", "safetensors"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
