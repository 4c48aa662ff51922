"""This user, this host and the user's own folders, also where a container has none of them.

A container often runs as a number without an entry in the user database, and without HOME or with
one that cannot be written. Everything that needs a user, a host or a home folder asks here.
"""

import os
import platform
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from core.errors import CheckpointError, UsageError, explain
from core.files import check_writable

NAME = "mnist-tui"
# The variables in which `getpass.getuser` looks for a name, before it asks the user database.
NAME_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")
# As on a machine that is lent for its GPU, where nothing can be installed.
NO_PLATFORMDIRS = "the package platformdirs is not installed"
# Where no folder can be written: nothing can be created below a device, not even by root.
NOWHERE = Path(os.devnull, NAME)
_reported: set[str] = set()  # not empty once that has been reported


def host_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def set_missing_name() -> None:
    """Set LOGNAME to the user's number if the user has no name.

    PyTorch's compiler, which exports use, names a folder by `getpass.getuser`, which raises
    KeyError for a user who is not in the user database.
    """
    if any(os.environ.get(each) for each in NAME_VARIABLES) or not hasattr(os, "getuid"):
        return
    import pwd

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ["LOGNAME"] = str(os.getuid())


def expand(path: str) -> Path:
    """Return the path with ~ expanded. Raises UsageError where that user has no home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder") from None


def cache_folder(wanted: str = "") -> Path:
    """Return the folder for what can be downloaded or computed again.

    It is in the user's cache folder; where that cannot be written, in a private folder under the
    temporary folder, which is reported on stderr once. Where the user's folder has the `wanted`
    file already, it is returned even if it cannot be written. Nothing is raised.
    """
    return _own_folder("cache", wanted)


def config_folder(wanted: str = "") -> Path:
    """Return the folder for preferences, found as `cache_folder` finds its own."""
    return _own_folder("config", wanted)


def data_folder(wanted: str = "") -> Path:
    """Return the folder for what the user has made, found as `cache_folder` finds its own."""
    return _own_folder("data", wanted)


def downloads_folder() -> Path:
    """Return the folder for pictures of the screen, found as `cache_folder` finds its own."""
    return _own_folder("downloads", "")


def _own_folder(kind: str, wanted: str) -> Path:
    standard, why = _standard_folder(kind)
    if standard and (why is None or (wanted and os.path.exists(standard / wanted))):
        return standard
    folder = _private_folder()
    # Not where the folder for pictures alone is replaced: who saves one is shown its path.
    if not _reported and (problem := explain_replaced()):
        # Without a handler, logging prints warnings on stderr.
        import logging

        logging.getLogger(NAME).warning("%s: %s", NAME, problem)
    return NOWHERE if folder is None else folder / kind


def explain_replaced() -> str | None:
    """Return why a private folder replaces the user's cache or config folder, or else the data
    folder alone; None where it does not.

    It is then not reported on stderr any more.
    """
    what, names = "preferences and downloads", "XDG_CACHE_HOME and XDG_CONFIG_HOME"
    why = next(filter(None, (_standard_folder(kind)[1] for kind in ("cache", "config"))), None)
    if why is None:
        what, names, why = "drawings and scores", "XDG_DATA_HOME", _standard_folder("data")[1]
    if why is None:
        return None
    _reported.add(NAME)
    choose, folder = f"set {names}", _private_folder()
    if folder is None:
        where, advice = "are not kept", f"{choose} to folders of yours"
    else:
        where, advice = f"are kept in {folder}", f"to choose others, {choose}"
    advice = "install it" if why == NO_PLATFORMDIRS else advice
    return f"{why}: {what} {where}; {advice}"


def _standard_folder(kind: str) -> tuple[Path | None, str | None]:
    """Return the user's folder for "cache", "config", "data" or "downloads", and why it cannot be
    written.

    The folder is None where the user has no home folder, the reason where it can be written.
    """
    try:
        import platformdirs  # 10 ms of every start
    except ModuleNotFoundError:
        return None, NO_PLATFORMDIRS
    find: dict[str, Callable[[], Path]] = {
        "cache": lambda: platformdirs.user_cache_path(NAME),
        # The name that earlier versions gave the folder, so that they are found again.
        "config": lambda: platformdirs.user_config_path(NAME, appauthor=False),
        "data": lambda: platformdirs.user_data_path(NAME, appauthor=False),
        "downloads": platformdirs.user_downloads_path,
    }
    try:
        folder = find[kind]()
    except RuntimeError:  # of newer versions; an older one returns the path as it is
        folder = Path("~")
    if folder.parts[0] == "~":
        return None, "this user has no home folder"
    try:
        check_writable(folder)
    except OSError as error:
        return folder, f"{folder} cannot be written ({explain(error)})"
    return folder, None


@cache
def _private_folder() -> Path | None:
    """Return a folder under the temporary folder that only this user can enter; create it if there
    is none. None where that is not possible.

    A folder of the expected name that another user has created is not used.
    """
    import tempfile

    if not hasattr(os, "getuid"):  # Windows, where the temporary folder is the user's own
        return None
    name = f"{NAME}-{os.getuid()}"
    try:
        parent = Path(tempfile.gettempdir())
        first = parent / name
        with suppress(FileExistsError):
            first.mkdir(mode=0o700)
        for folder in (first, *sorted(parent.glob(f"{name}-*"))):
            if _is_private(folder):
                return folder
        made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
    except OSError:  # no temporary folder, or it is full
        return None
    return made if _is_private(made) else None


def _is_private(folder: Path) -> bool:
    try:
        check_private(folder)
    except (OSError, CheckpointError):
        return False
    return True


def check_private(folder: Path) -> None:
    """Raise CheckpointError if another user can write to the folder. Raises OSError."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        why = "is not a folder"
    elif found.st_uid != os.getuid():
        why = "belongs to another user"
    elif found.st_mode & 0o022:
        why = f"can be written by other users; to fix that: chmod 700 {folder}"
    else:
        above = os.stat(folder.parent)
        if not above.st_mode & 0o022 or above.st_mode & stat.S_ISVTX:
            return
        why = f"can be replaced by other users; to fix that: chmod o-w {folder.parent}"
    raise CheckpointError(f"{folder} {why}")
