"""The Python file that a person named on this command line as the network. No torch here.

Nothing else names a file whose code is run: a config file, an environment variable, a run.json or
a checkpoint may come from someone else, and what they say only finds the file named here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError, explain, printable
from core.user import expand

# What a config stores: the file's name without its folder, the class or function in it, and the
# first digits of the file's digest.
SPEC = re.compile(r"([^/\\:]+\.py):([^\W\d]\w*)@([0-9a-f]{12})")
# What looks like one: neither a list of layers nor a name has a colon.
MEANT = re.compile(r".+\.py([:@].*)?|[^\s,()]+:[^\s,()]+", re.DOTALL)
DIGEST_DIGITS = 12
LARGEST_SOURCE = 2**18
EXAMPLE = "mynet.py:Net"
# The option by which a process passes the file to one that it starts: path, name, digest.
ARGUMENT = "--network-file"


@dataclass(frozen=True)
class NetworkFile:
    """A class or function in a Python file, as the file was when it was named."""

    path: Path
    name: str
    source: str
    digest: str  # SHA-256 of the source in UTF-8

    @property
    def label(self) -> str:
        """How messages name it: "mynet.py:Net"."""
        return printable(f"{self.path.name}:{self.name}")

    @property
    def spec(self) -> str:
        return f"{self.path.name}:{self.name}@{self.short_digest}"

    @property
    def short_digest(self) -> str:
        return self.digest[:DIGEST_DIGITS]

    @property
    def arguments(self) -> list[str]:
        """What a process that this one starts needs to read the same file."""
        return [ARGUMENT, str(self.path), self.name, self.digest]


@dataclass(frozen=True)
class Facts:
    """What is known of a network that has been tried. Multiply-adds are those of layers for one
    image; `bf16_problem` is why it cannot be computed in bf16, "" where it can."""

    parameters: int
    multiply_adds: int
    convolutions: int
    linears: int
    any_layout: bool  # whether it can be computed in the memory format channels-last
    bf16_problem: str


_named: NetworkFile | None = None  # a command line names at most one
# Of the files that this process has tried (see checks.py), with so many classes.
TRIED: dict[tuple[NetworkFile, int], Facts] = {}


def is_file_spec(text: str) -> bool:
    """Return whether a text means a file, and not a name or layers."""
    return MEANT.fullmatch(text) is not None


def label_of(spec: str) -> str:
    """Return what messages call the file of a spec, which may not be here: "mynet.py:Net"."""
    return printable(spec.partition("@")[0])


def named_file() -> NetworkFile | None:
    return _named


def name_file(text: str, digest: str = "") -> NetworkFile:
    """Read the file that a person names as "mynet.py:Net". From now on this process runs its code
    where it builds that network.

    With a `digest` the file must have it. Raises UsageError, also for an error of syntax.
    """
    global _named
    place, colon, name = text.rpartition(":")
    if not colon:
        place, name = text, ""
    shown = printable(place)
    if not place.endswith(".py"):
        raise UsageError(f"--arch {printable(text)}: {shown} is not a .py file")
    if not name.isidentifier():
        what = f"{printable(name)!r} is not a name" if name else f"as in {EXAMPLE}"
        raise UsageError(f"--arch {shown} needs the name of a class or function in it: {what}")
    path = Path(os.path.abspath(expand(place)))
    source = _read(path, shown)
    found = NetworkFile(path, name, source.decode(), hashlib.sha256(source).hexdigest())
    if digest and found.digest != digest:
        raise UsageError(
            f"{shown} has changed since it was named: its digest was {digest[:DIGEST_DIGITS]}, and "
            f"is now {found.short_digest}"
        )
    compile_source(found)
    _named = found
    return found


def name_by_arguments(arguments: list[str]) -> None:
    """Read the file that the process that started this one has passed on. Raises UsageError."""
    if arguments[:1] == [ARGUMENT]:
        _, path, name, digest = arguments
        name_file(f"{path}:{name}", digest)


def _read(path: Path, shown: str) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"--arch {shown} is not a file")
        with path.open("rb") as file:
            content = file.read(LARGEST_SOURCE + 1)
        content.decode()
    except UnicodeDecodeError:
        raise UsageError(f"--arch {shown} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--arch {shown} cannot be read ({explain(error)})") from None
    if len(content) > LARGEST_SOURCE:
        raise UsageError(
            f"--arch {shown} is larger than {LARGEST_SOURCE // 1024} KB, too large to store in "
            "checkpoints"
        )
    return content


def compile_source(file: NetworkFile) -> object:
    """Return the file's code, which has not run yet. Raises UsageError."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return compile(file.source.encode(), str(file.path), "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        what = printable(error.msg or "invalid syntax")
    except (ValueError, RecursionError, MemoryError) as error:
        where, what = "", printable(str(error) or "too deeply nested")
    raise UsageError(f"{printable(file.path.name)}{where}: {what}")


def find_file(spec: str) -> NetworkFile:
    """Return the file of this command line, where a config or a checkpoint means the same.

    Raises UsageError that says how to name it.
    """
    matched = SPEC.fullmatch(spec)
    if _named and spec in (_named.spec, f"{_named.path.name}:{_named.name}"):
        return _named
    if not matched:
        place, _, name = spec.rpartition(":")
        file, name = (place, name) if place else (spec, "Net")
        raise UsageError(_ask(os.path.basename(file.replace("\\", "/")), name.partition("@")[0]))
    file, name, digits = matched.groups()
    if _named is None:
        raise UsageError(_ask(file, name))
    if _named.name == name and _named.digest.startswith(digits):  # renamed, but the same file
        return _named
    if _named.digest.startswith(digits):
        label = printable(f"{file}:{name}")
        raise UsageError(f"it was trained with {label}, and --arch names {_named.label}")
    check_digest(_named, spec, digits)
    return _named


def check_digest(file: NetworkFile, spec: str, digest: str) -> None:
    """Raise UsageError where a file is not the one that a checkpoint was trained with, of which
    that is the digest, or its first digits."""
    if digest and file.digest.startswith(digest):
        return
    label = label_of(spec)
    raise UsageError(
        f"it was trained with {label} of digest {printable(digest[:DIGEST_DIGITS])}, and the file "
        f"named with --arch, {file.label}, has {file.short_digest}: `mnist-tui checkpoints show "
        "RUN --source > FILE.py` writes the file it was trained with"
    )


def _ask(file: str, name: str) -> str:
    file, label = printable(file), printable(f"{file}:{name}")
    return f"{label} is code in {file}, which is only run where you name it: add --arch {label}"
