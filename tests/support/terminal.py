"""The program in a real pseudo-terminal."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress

import pytest

from tests.support import preloaded
from tests.support.cli import environment_in

pyte = pytest.importorskip("pyte")


class Screen(pyte.Screen):
    """Ignore the private sequences that pyte mistakes for colours."""

    def select_graphic_rendition(self, *attributes, private=False, **more):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, *arguments, **more):
        pass


class Terminal:
    """Run the program in a pseudo-terminal and keep its screen readable."""

    def __init__(
        self,
        folder,
        *arguments,
        size=(80, 24),
        program=("-m", "tui"),
        dataset=("--dataset", "sample"),
        executable=sys.executable,
        fresh=False,
    ):
        environment = environment_in(folder) | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for variable in ("COLUMNS", "LINES"):
            environment.pop(variable, None)
        self.folder = folder
        self.screen = Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.reading = True
        self.drawing = threading.Lock()  # a change of the size must not meet output being drawn
        self.master, slave = os.openpty()
        self._size(*size)
        try:
            self.child = preloaded.Popen(
                [executable, *program, *dataset, *arguments],
                cwd=folder,
                env=environment,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                terminal=True,
                fresh=fresh,
            )
        finally:
            os.close(slave)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while self.reading:
            try:
                if not select.select([self.master], [], [], 0.2)[0]:
                    continue
                data = os.read(self.master, 65536)
            except OSError:  # the program closed its end
                return
            self.output += data
            with self.drawing:
                self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*u", b"", data))

    @property
    def text(self):
        return "\n".join(self.screen.display)

    def expect(self, pattern, seconds=30.0):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"{pattern!r} did not appear:\n{self.text}"
            time.sleep(0.01)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ended(self, seconds=30.0):
        """Wait until the program exits by itself, and return its status."""
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(seconds)
        assert self.child.returncode is not None, f"the program did not exit:\n{self.text}"
        self.reader.join(2)
        return self.child.returncode

    def resize(self, columns, rows):
        with self.drawing:
            self.screen.resize(rows, columns)
        self._size(columns, rows)

    def _size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self):
        """Close the terminal, as a dropped connection does."""
        self.reading = False
        self.reader.join()
        os.close(self.master)
        self.master = None

    def close(self):
        self.child.kill()
        self.child.wait()
        if self.master is not None:
            self.hang_up()


@pytest.fixture
def open_terminal(tmp_path):
    opened = []

    def start(*arguments, **options):
        opened.append(Terminal(tmp_path, *arguments, **options))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


# Modes that the program must end with, and their opposites: main screen, cursor, no mouse reports.
RESTORED = ((b"?1049l", b"?1049h"), (b"?25h", b"?25l"), (b"?1000l", b"?1000h"))


def is_restored(terminal):
    output = terminal.output
    return all(
        output.rfind(b"\x1b[" + end) > output.rfind(b"\x1b[" + start) for end, start in RESTORED
    )


def assert_restored(terminal):
    assert is_restored(terminal), terminal.output[-500:]
    assert b"Traceback" not in terminal.output


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.02)
