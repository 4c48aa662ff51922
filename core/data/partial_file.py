"""The temporary file of a download, which a later one continues. One process at a time locks it."""

import os
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import get_native_id

from core.files import PARTIAL, open_no_follow
from core.locking import NoLocks, check_locks, is_locked, lock


class Busy(Exception):
    """Another process has the temporary file, or has changed it meanwhile."""


@dataclass
class PartialFile:
    """The temporary file of a download to a folder. `is_own` is whether its name is unique to this
    process, so that no other one continues it."""

    folder: Path
    name: str
    is_own: bool = False

    @property
    def path(self) -> Path:
        own = f".{os.getpid()}-{get_native_id()}" if self.is_own else ""
        return self.folder / f".{self.name}{own}{PARTIAL}"

    @property
    def size(self) -> int:
        """Its bytes, 0 where it does not exist."""
        with suppress(OSError):
            return self.path.lstat().st_size
        return 0

    @property
    def is_taken(self) -> bool:
        """Whether another process downloads to it."""
        try:
            return not self.is_own and is_locked(self.path)
        except NoLocks:
            return False

    def open(self, expected: int, start: int) -> FileIO:
        """Create it or open it to append from byte `start` on, and lock it. It had `expected` bytes
        when the server was asked for the rest.

        Raises Busy, also where the file system has no locks: then it is another file from now on.
        Raises OSError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = FileIO(self.path, "a", opener=open_no_follow)
        try:
            if not self.is_own:
                self._claim(file)
                if self.size != expected:  # also where this would overwrite what another one got
                    if not self.size:  # it was finished, and this is another one, just created
                        self.remove()
                    raise Busy
            file.truncate(start)
        except NoLocks:
            file.close()
            self.remove()
            self.is_own = True
            raise Busy from None
        except BaseException:
            file.close()
            raise
        return file

    def _claim(self, file: FileIO) -> None:
        if not lock(file, tries=1):
            raise Busy
        check_locks(self.path)
        try:  # the process that had it locked may have finished, and removed it
            is_same = os.path.samestat(os.fstat(file.fileno()), os.lstat(self.path))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise Busy

    def remove(self) -> None:
        with suppress(OSError):
            self.path.unlink()


def write_all(file: FileIO, content: bytes) -> None:
    """Write to a file without a buffer. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
