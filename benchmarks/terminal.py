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
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {"XDG_CONFIG_HOME": folder, "PYTHONPATH": str(root)}
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

    def read(self, seconds: float, *, shown: bool = True) -> bool:
        """Read what arrives within `seconds`; return whether anything did."""
        if not select.select([self.child.fileno()], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.child.fileno(), 1 << 20)
        except OSError:  # the process has exited
            return False
        self.bytes, self.arrived = self.bytes + len(data), time.perf_counter()
        if shown:
            self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*u", b"", data))
        return True

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
