"""How to install a package into the environment that this program runs in."""

import os
import shlex
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path


def install_command(*packages: str, upgrade: bool = False) -> str:
    """Return the command that installs packages where this program finds them.

    A bare `pip` in a shell belongs to another environment where the program was installed by pipx
    or `uv tool`, or where its virtual environment is not activated. pipx and uv each leave a file
    in the environments that they make.
    """
    prefix = Path(sys.prefix)
    names = shlex.join(["--upgrade", *packages] if upgrade else packages)
    if (prefix / "pipx_metadata.json").exists():
        name = shlex.quote(prefix.name)
        return f"pipx runpip {name} install {names}" if upgrade else f"pipx inject {name} {names}"
    if (prefix / "uv-receipt.toml").exists() or find_spec("pip") is None:
        return f"uv pip install --python {_name(prefix)} {names}"
    is_active = os.environ.get("VIRTUAL_ENV") == sys.prefix or sys.prefix == sys.base_prefix
    return (
        f"pip install {names}" if is_active else f"{_name(sys.executable)} -m pip install {names}"
    )


def _name(path: str | Path) -> str:
    """Return a path for a shell, relative where it is in the current folder."""
    path = Path(path)
    with suppress(ValueError, FileNotFoundError):  # not in it; it was deleted
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))
