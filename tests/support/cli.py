"""Run the command line as a process."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import preloaded

ROOT = Path(__file__).parents[2]


NO_NETWORK = "http://127.0.0.1:9/"


def environment_in(folder: Path) -> dict[str, str]:
    """Return an environment without the settings, caches and network of this machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MNIST_TUI_")}
    return kept | {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "MNIST_TUI_MIRROR": NO_NETWORK,
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }


def runner(folder: Path):
    """Return a function that runs the program in a folder, without a terminal or a mirror."""

    def call(*arguments, **extra):
        return preloaded.run(
            [sys.executable, "-m", "tui", *arguments],
            cwd=folder,
            env=environment_in(folder) | extra,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    return call


def one_line(done) -> str:
    """Return the one line of an error, after checking that there is nothing else."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("mnist-tui: ")
    return done.stderr
