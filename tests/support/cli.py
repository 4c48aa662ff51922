"""Run the command line as a process."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.support import preloaded

ROOT = Path(__file__).parents[2]


KEPT_DETECTOR = "unlike-sample-1.safetensors"
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
        detector = folder / "cache" / "mnist-tui" / KEPT_DETECTOR
        if arguments[0] == "predict" and "cache" not in str(extra):
            _copy(_kept_detector(), detector)
        done = preloaded.run(
            [sys.executable, "-m", "tui", *arguments],
            cwd=folder,
            env=environment_in(folder) | extra,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        _copy(detector, _kept_detector())
        return done

    return call


@cache
def _kept_detector() -> Path:
    """Return where all tests find the detector that one of them has made: it takes a second."""
    shared = os.environ.get(preloaded.SHARED)
    return Path(os.path.dirname(shared) if shared else tempfile.mkdtemp(prefix="m"), KEPT_DETECTOR)


def _copy(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}")
        os.replace(shutil.copyfile(source, part), target)


def one_line(done) -> str:
    """Return the one line of an error, after checking that there is nothing else."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("mnist-tui: ")
    return done.stderr
