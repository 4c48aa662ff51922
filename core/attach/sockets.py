"""The Unix sockets of runs in progress, for their owner only.

They are in a runtime directory, as the XDG Base Directory Specification calls it. The name of a
socket is a hash of the run's folder.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from core.errors import CheckpointError, explain
from core.user import check_private

SUFFIX = ".sock"
# Bytes of an address on every system, with the zero at its end; Linux has 108.
LONGEST_ADDRESS = 104
PENDING = 16
REPLY_SECONDS = 5.0


def runtime_folders() -> Iterator[Path]:
    """Yield the folders for sockets, the best first: the login's own, then one in /tmp, which needs
    no login. Folders that this machine lacks are left out."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    user = os.getuid()
    for parent in dict.fromkeys(filter(None, (given, f"/run/user/{user}"))):
        if os.path.isabs(parent) and os.path.isdir(parent):
            yield Path(parent, "mnist-tui")
    yield Path(f"/tmp/mnist-tui-{user}")


def socket_name(run: Path) -> str:
    return sha256(os.fsencode(os.path.realpath(run))).hexdigest()[:16] + SUFFIX


def socket_folder() -> Path:
    """Return the folder for new sockets; create it if it is missing. Raises CheckpointError."""
    reasons = []
    for folder in runtime_folders():
        if len(os.fsencode(folder / socket_name(folder))) >= LONGEST_ADDRESS:
            reasons.append(f"{folder} is too long a path for a socket")
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            check_private(folder)
        except OSError as error:
            reasons.append(f"cannot create {folder} ({explain(error)})")
        else:
            return folder
    raise CheckpointError("; ".join(reasons))


def listen(run: Path) -> socket.socket:
    """Return a socket that accepts the viewers of the run in a folder. Raises CheckpointError."""
    if not hasattr(socket, "AF_UNIX"):
        raise CheckpointError("this system has no Unix sockets")
    path = socket_folder() / socket_name(run)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a dead process: this one has the run's lock
        server.bind(str(path))
        path.chmod(0o600)
        server.listen(PENDING)
        server.setblocking(False)
    except OSError as error:
        server.close()
        raise CheckpointError(f"cannot create the socket {path} ({explain(error)})") from None
    return server


def is_ours(peer: socket.socket) -> bool:
    """Return whether the process at the other end is this user's."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # not on this system: the folder's permissions are the only protection
        return True
    _pid, user, _group = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, 12))
    return user == os.getuid()


def sockets(pattern: str = f"*{SUFFIX}") -> Iterator[Path]:
    """Yield the sockets of that name, also of dead processes; none that another user can have
    created."""
    for folder in runtime_folders():
        with suppress(OSError, CheckpointError):
            check_private(folder)
            yield from sorted(folder.glob(pattern))


def why_ignored() -> str | None:
    """Return why the sockets of a runtime folder are ignored; None if none are."""
    for folder in runtime_folders():
        try:
            check_private(folder)
        except CheckpointError as error:
            return str(error)
        except OSError:  # it does not exist
            pass
    return None


def connect(path: Path) -> socket.socket | None:
    """Connect to a socket; None if its process is dead or another user's. The socket of a dead
    process is removed."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(REPLY_SECONDS)
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
