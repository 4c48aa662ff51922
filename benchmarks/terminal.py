"""The app in a pseudo-terminal, for the benchmarks that measure what a person sees."""

import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte
from throughput import HERE

SIZE = (120, 40)  # columns, rows
ROOT = HERE.parent
TUI = [sys.executable, "-m", "tui"]


def environment_for(root: Path) -> dict[str, str]:
    """Return the environment in which the code of a checkout runs as an installed program does:
    with compiled modules and buffered output."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"PYTHONPATH": str(root)}


class Screen(pyte.Screen):
    """Ignore the private sequences that pyte mistakes for colours."""

    def select_graphic_rendition(self, *attributes, private=False, **more):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, *arguments, **more):
        pass


class App:
    """Run the app in a pseudo-terminal, in a folder of its own. `root` is its code's checkout."""

    def __init__(
        self, folder: str, *arguments: str, size: tuple[int, int] = SIZE, root: Path = ROOT
    ) -> None:
        environment = environment_for(root) | {"XDG_CONFIG_HOME": folder}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.bytes = 0
        self.screen = Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.started = time.perf_counter()
        self.arrived = self.started  # when the newest output came, before it was drawn
        self.child = pexpect.spawn(
            TUI[0],
            [*TUI[1:], *arguments],
            cwd=folder,
            env=environment,
            dimensions=size[::-1],
        )
        self.child.delaybeforesend = None  # pexpect would wait 50 ms before each key

    def receive(self, seconds: float) -> bytes:
        """Return what arrives next within `seconds`, without drawing it."""
        if not select.select([self.child.fileno()], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.child.fileno(), 1 << 20)
        except OSError:  # the process has exited
            return b""
        self.bytes, self.arrived = self.bytes + len(data), time.perf_counter()
        return data

    def feed(self, data: bytes) -> None:
        """Draw output on the screen."""
        self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*u", b"", data))

    def read(self, seconds: float, *, shown: bool = True) -> bool:
        """Read what arrives within `seconds`; return whether anything did."""
        data = self.receive(seconds)
        if data and shown:
            self.feed(data)
        return bool(data)

    def collect(self, seconds: float) -> list[tuple[float, bytes]]:
        """Return the pieces of output of so many seconds, each with the time when it arrived."""
        pieces, end = [], time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if data := self.receive(left):
                pieces.append((self.arrived, data))
        return pieces

    def watch(self, seconds: float) -> None:
        """Read output for `seconds` without drawing it, at almost no cost."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left, shown=False)

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> float:
        """Return the seconds until `condition` holds; exit after `seconds`."""
        start = time.perf_counter()
        while not condition():
            if time.perf_counter() - start > seconds:
                raise SystemExit(
                    "the app never showed what was expected:\n" + "\n".join(self.screen.display)
                )
            self.read(0.05)
        return time.perf_counter() - start

    def watch_shown(self, seconds: float) -> None:
        """Read output for `seconds` and draw it on the screen."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def row(self, number: int) -> str:
        return self.screen.display[number]

    def end(self) -> None:
        os.kill(self.child.pid, signal.SIGTERM)
        while self.child.isalive():
            self.read(0.05, shown=False)
