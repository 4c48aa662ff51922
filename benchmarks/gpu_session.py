"""The results of gpu.py so far, written to its two files, and the time that is left."""

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_table import describe

from core.files import replace_file

Row = dict[str, Any]


@dataclass
class Session:
    """The results so far, and the time that is left."""

    options: argparse.Namespace
    began: float = field(default_factory=time.monotonic)
    results: Row = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds until the limit."""
        return self.began + self.options.minutes * 60 - time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", file=sys.stderr, flush=True)

    def write(self) -> None:
        self.results["seconds"] = round(time.monotonic() - self.began, 1)
        folder = Path(self.options.out)
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "gpu.json", json.dumps(self.results, indent=1).encode() + b"\n")
        try:
            table = describe(self.results)
        except Exception as error:  # the results count, also where they cannot be shown
            table = f"The results in gpu.json cannot be shown: {type(error).__name__}: {error}\n"
        replace_file(folder / "gpu.md", table.encode())
