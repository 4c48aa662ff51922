"""A line about the use of this machine: CPU, memory and GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.reactive import var

from tui.text.formats import format_size
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from core.compute.usage import Gpu, Machine

SECONDS = 2.0

# A part of the line and its importance: the least important is left out first.
Piece = tuple[str, int]


class MachineUsage(Canvas):
    """CPU, memory and GPUs, measured every two seconds while the widget is in sight."""

    COMPONENT_CLASSES = {"machine--text"}

    machine: var[Machine | None] = var(None, init=False)
    bytes_per_second: var[int | None] = var[int | None](None, init=False)

    def on_mount(self) -> None:
        self.set_interval(SECONDS, self.measure)
        self.call_after_refresh(self.measure)  # after the first frame, which it would delay

    def measure(self) -> None:
        if self.screen.is_current and self.display:
            from core.compute.usage import read_machine

            self.machine = read_machine()

    watch_machine = Canvas.redraw

    def draw(self) -> None:
        if self.machine is not None:
            text = format_usage(self.machine, self.size.width - 2, self.bytes_per_second)
            self.paint([[Segment(f" {text}", self.parts["text"])]])


def format_usage(machine: Machine, width: int, bytes_per_second: int | None = None) -> str:
    """Return the measurements in at most `width` characters, the most important ones first kept.

    `bytes_per_second` is what the app writes to the terminal.
    """
    pieces = _pieces(machine)
    if bytes_per_second is not None:
        pieces.append((f"terminal {bytes_per_second:,} B/s", 8))
    while len(text := " · ".join(each for each, _ in pieces)) > width and len(pieces) > 1:
        pieces.remove(min(pieces, key=lambda piece: piece[1]))
    return text[: max(0, width)]


def _pieces(machine: Machine) -> list[Piece]:
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    pieces = [(machine.cpu, 2), (cores, 3)]
    if machine.own_load is not None and machine.load is not None:
        pieces += [(f"CPU {machine.own_load:.0f}%", 9), (f"all CPUs {machine.load:.0f}%", 5)]
    used = f"memory {format_size(machine.own_memory)}"
    pieces += [(used, 7), (f"{_of(machine.memory_used, machine.memory_total)} in use", 4)]
    for gpu in machine.gpus:
        pieces += _gpu_pieces(gpu)
    return pieces


def _gpu_pieces(gpu: Gpu) -> list[Piece]:
    pieces = [(gpu.name, 1)]
    if gpu.utilisation is not None:
        pieces.append((f"GPU {gpu.utilisation:.0f}%", 10))
    if gpu.memory_used is not None and gpu.memory_total is not None:
        pieces.append((_of(gpu.memory_used, gpu.memory_total), 8))
    if gpu.watts is not None:
        pieces.append((f"{gpu.watts:.0f} W", 6))
    if gpu.celsius is not None:
        pieces.append((f"{gpu.celsius:.0f} °C", 6))
    return pieces


def _of(used: int, total: int) -> str:
    return f"{format_size(used)} of {format_size(total)}"
