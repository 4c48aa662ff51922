"""Where the runs that are going on can be reached: a Unix socket each, for their owner alone.

The sockets are in a folder of the kind that the XDG Base Directory Specification calls the runtime
directory. A socket's name is made of the run's folder, so that who knows one finds the other.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from core.errors import CheckpointError, explain

SUFFIX = ".sock"
# What every system has room for in an address, the zero at its end included; Linux has 108.
LONGEST_ADDRESS = 104
# pid, uid and gid of who is at the other end.
CREDENTIALS = struct.Struct("3i")
PENDING = 16
ANSWER_SECONDS = 5.0


def runtime_folders() -> Iterator[Path]:
    """Where sockets can be, the best place first: a login's own folder, then one in /tmp, which is
    there where nobody has logged in. Those that this machine has not are left out."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    user = os.getuid()
    for parent in dict.fromkeys(filter(None, (given, f"/run/user/{user}"))):
        if os.path.isabs(parent) and os.path.isdir(parent):
            yield Path(parent, "mnist-tui")
    yield Path(f"/tmp/mnist-tui-{user}")


def socket_name(run: Path) -> str:
    return sha256(os.fsencode(os.path.realpath(run))).hexdigest()[:16] + SUFFIX


def check_private(folder: Path) -> None:
    """Raises CheckpointError where anybody else could put something into the folder."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        why = "is no folder"
    elif found.st_uid != os.getuid():
        why = "belongs to another user"
    elif found.st_mode & 0o022:
        why = f"can be written by other users; put it right with: chmod 700 {folder}"
    else:
        above = os.stat(folder.parent)
        if not above.st_mode & 0o022 or above.st_mode & stat.S_ISVTX:
            return
        why = f"is in a folder where other users can replace it; try: chmod o-w {folder.parent}"
    raise CheckpointError(f"{folder} {why}")


def socket_folder() -> Path:
    """The folder for new sockets, made where it is missing. Raises CheckpointError."""
    whys = []
    for folder in runtime_folders():
        if len(os.fsencode(folder / socket_name(folder))) >= LONGEST_ADDRESS:
            whys.append(f"{folder} is too long a path for a socket")
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            check_private(folder)
        except OSError as error:
            whys.append(f"{folder} cannot be made ({explain(error)})")
            continue
        return folder
    raise CheckpointError("; ".join(whys))


def listen(run: Path) -> socket.socket:
    """A socket that takes the viewers of the run in that folder. Raises CheckpointError."""
    if not hasattr(socket, "AF_UNIX"):
        raise CheckpointError("this system has no Unix sockets")
    path = socket_folder() / socket_name(run)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a process that has died: the run is locked, and ours
        server.bind(str(path))
        path.chmod(0o600)
        server.listen(PENDING)
        server.setblocking(False)
    except OSError as error:
        server.close()
        raise CheckpointError(f"{path} cannot be had ({explain(error)})") from None
    return server


def is_ours(peer: socket.socket) -> bool:
    """Whether this user's process is at the other end."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # not on this system: there the folder alone keeps others out
        return True
    _, user, _ = CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size))
    return user == os.getuid()


def sockets() -> Iterator[Path]:
    """All that are there, those of dead processes too; none that others could have put there."""
    for folder in runtime_folders():
        with suppress(OSError, CheckpointError):
            check_private(folder)
            yield from sorted(folder.glob("*" + SUFFIX))


def why_not_here() -> str | None:
    """Why some sockets are not looked for where they could be; None where none is left out."""
    for folder in runtime_folders():
        try:
            check_private(folder)
        except CheckpointError as error:
            return str(error)
        except OSError:  # it is not there, and so is no socket
            pass
    return None


def connect(path: Path) -> socket.socket | None:
    """A connection to who listens there; None where nobody does any more, or somebody else. What a
    process that has died has left there is removed."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(ANSWER_SECONDS)
    try:
        peer.connect(str(path))
        if is_ours(peer):
            return peer
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except OSError:
        pass
    peer.close()
    return None
