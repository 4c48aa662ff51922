"""Measure what drawing and explaining cost: the app in a pseudo-terminal, while cnn trains.

    python benchmarks/touch.py [--size 120x40] [--data DIR] [ROW ...]

A row is pen (from the mouse or a key to the screen), answers (a second, during a stroke),
speed (of training with the Draw view open, against training without a screen), slow (the bytes of a
stroke on a slow connection), parts (the computation of each answer to a question) or memory (after
500 drawings).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import psutil
from screen_rows import Setup, measure_speed, open_training, options_for, speed_without_screen
from terminal import App
from throughput import find_mnist
from touch_parts import time_parts

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name

DRAW = "6"  # the key of the view
PAD = 2, 3  # the first column and row inside the pad's border, from 1
MOVES = 100
PAUSE = 0.15  # seconds to wait for the output of a move
KEY_SECONDS = 0.1  # after a key, which is handled later than a click that follows at once
DRAWINGS, FIRST_DRAWINGS = 500, 50
ROUNDS = 3  # of the speeds
# The codes of the mouse as terminals report them (SGR, 1006): pressed, dragged, released.
PRESSED, DRAGGED = 0, 32


def mouse(code: int, column: int, row: int, *, released: bool = False) -> str:
    return f"\x1b[<{code};{column};{row}{'m' if released else 'M'}"


def sides(setup: Setup) -> tuple[int, int]:
    """Return the columns and rows of the pad inside its border."""
    return (56, 28) if setup.size[0] >= 110 and setup.size[1] >= 37 else (28, 14)


def path(setup: Setup) -> Iterator[tuple[int, int]]:
    """Yield places on the pad, each beside the one before: to and fro, and down."""
    columns, rows = sides(setup)
    while True:
        for row in range(2, rows - 2):
            places = range(4, columns - 4, 2)
            for column in places if row % 2 else reversed(places):
                yield PAD[0] + column, PAD[1] + row


def open_pad(setup: Setup, folder: str, *options: str) -> App:
    """Return the app in the Draw view, while cnn trains."""
    app = open_training("cnn", setup, folder, *options)
    app.child.send(DRAW)
    app.watch_shown(2.0)
    return app


def pad_of(app: App, setup: Setup) -> str:
    """Return what the pad shows, colours included."""
    columns, rows = sides(setup)
    lines = (app.screen.buffer[PAD[1] - 1 + row] for row in range(rows))
    cells = (line[PAD[0] - 1 + column] for line in lines for column in range(columns))
    return "".join(f"{cell.data}{cell.fg}{cell.bg}" for cell in cells)


def time_moves(app: App, setup: Setup, moves: Iterator[str], count: int = MOVES) -> list[float]:
    """Return the milliseconds from each move to the piece of output that changed the pad."""
    took = []
    for number in range(count):
        before, start = pad_of(app, setup), time.perf_counter()
        app.child.send(next(moves))
        for arrived, data in app.collect(PAUSE + 0.003 * (number % 17)):
            app.feed(data)
            if len(took) == number and pad_of(app, setup) != before:
                took.append((arrived - start) * 1000)
        if len(took) == number:  # it has changed nothing that is shown
            took.append(float("nan"))
    shown = sorted(each for each in took if each == each)
    if len(shown) < 0.8 * count:
        raise SystemExit("most moves changed nothing:\n" + "\n".join(app.screen.display))
    return shown


def quantiles(what: str, took: list[float]) -> dict[str, str]:
    return {
        f"{what}, p50": f"{statistics.median(took):.1f} ms",
        f"{what}, p95": f"{took[int(len(took) * 0.95)]:.1f} ms",
    }


def measure_pen(setup: Setup) -> dict[str, str]:
    numbers = {}
    with tempfile.TemporaryDirectory() as folder:
        app = open_pad(setup, folder)
        places = path(setup)
        app.child.send(mouse(PRESSED, *next(places)))
        app.watch_shown(0.3)
        moves = (mouse(DRAGGED, *place) for place in places)
        numbers |= quantiles("mouse to pad", time_moves(app, setup, moves))
        app.child.send(mouse(PRESSED, *next(places), released=True))
        app.child.send("\x7f")
        app.watch_shown(0.5)
        app.child.send("\r")  # the pen down
        app.watch_shown(0.3)
        keys = ["\x1b[A"] * 9 + ["\x1b[D"] * 9 + ["\x1b[B"] * 9 + ["\x1b[C"] * 9
        moves = cycle(keys)
        numbers |= quantiles("key to pad", time_moves(app, setup, moves))
        app.end()
    return numbers


def draw_for(
    app: App, setup: Setup, seconds: float, look: Callable[[], None] | None = None
) -> None:
    """Draw strokes for so long, thirty moves a second, and clear the drawing between them."""
    end = time.perf_counter() + seconds
    for number, place in enumerate(path(setup)):
        if time.perf_counter() >= end:
            return
        if number % 90 == 0:
            app.child.send("\x7f")
            app.watch_shown(KEY_SECONDS)
        app.child.send(mouse(DRAGGED if number % 90 else PRESSED, *place))
        if number % 90 == 89:
            app.child.send(mouse(PRESSED, *place, released=True))
        if look:
            app.watch_shown(1 / 30)
            look()
        else:
            app.watch(1 / 30)


def measure_answers(setup: Setup) -> dict[str, str]:
    """Count the changes of the bars beside the pad: two answers that look the same count as one."""
    seen, last = 0, ""
    left = sides(setup)[0] + 3

    with tempfile.TemporaryDirectory() as folder:
        app = open_pad(setup, folder)

        def look() -> None:
            nonlocal seen, last
            now = "".join(line[left:] for line in app.screen.display[1:-1])
            seen, last = seen + (now != last), now

        draw_for(app, setup, 3.0, look)
        seen = 0
        draw_for(app, setup, setup.seconds, look)
        app.end()
    return {"answers that differ, a second": f"{seen / setup.seconds:.1f}"}


def speed_drawing(setup: Setup, *, draws: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        app = setup.open_app(folder, *options_for("cnn", setup, folder), "--start")
        app.until(lambda: "training" in app.row(0))
        app.child.send(DRAW)

        def read(seconds: float) -> None:
            if draws:
                draw_for(app, setup, seconds)
            else:
                app.watch(seconds)

        try:
            return measure_speed(folder, setup.seconds, read)
        finally:
            app.end()


def measure_speeds(setup: Setup) -> dict[str, str]:
    kept: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        plain = speed_without_screen("cnn", setup)
        for draws, ratios in kept.items():
            ratios.append(speed_drawing(setup, draws=draws) / plain)
    return {
        f"training speed lost, {'during a stroke' if draws else 'idle'}": (
            f"{100 * (1 - statistics.median(ratios)):.1f} % "
            f"({', '.join(f'{100 * (1 - each):.1f}' for each in ratios)})"
        )
        for draws, ratios in kept.items()
    }


def measure_slow(setup: Setup) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        app = open_pad(setup, folder, "--slow-link")
        app.watch(4.0)
        before = app.bytes
        draw_for(app, setup, setup.seconds)
        rate = (app.bytes - before) / setup.seconds / 1000
        app.child.send("\x7f")
        app.watch_shown(6.0)
        places = path(setup)
        app.child.send(mouse(PRESSED, *next(places)))
        app.watch_shown(1.0)
        moves = (mouse(DRAGGED, *place) for place in places)
        took = time_moves(app, setup, moves, 40)
        app.end()
    return {"slow link": f"{rate:.2f} KB/s", **quantiles("slow link, mouse to pad", took)}


def measure_memory(setup: Setup) -> dict[str, str]:
    """Draw without training: a run's own memory grows with its history."""
    with tempfile.TemporaryDirectory() as folder:
        app = setup.open_app(folder, "--checkpoints", folder)
        app.until(lambda: "Start" in app.row(-1))
        app.child.send(DRAW)
        app.watch(2.0)
        process, sizes = psutil.Process(app.child.pid), []
        places = path(setup)
        for number in range(DRAWINGS):
            app.child.send(mouse(PRESSED, *next(places)))
            for _ in range(8):
                app.child.send(mouse(DRAGGED, *next(places)))
            app.child.send(mouse(PRESSED, *next(places), released=True) + "\x7f")
            app.watch(0.06)
            if number + 1 in (FIRST_DRAWINGS, DRAWINGS):
                sizes.append(process.memory_info().rss / 1e6)
        app.end()
    return {
        f"memory after {FIRST_DRAWINGS}, {DRAWINGS} drawings": "{:.1f}, {:.1f} MB".format(*sizes)
    }


MEASURES: dict[str, Callable[[Setup], dict[str, str]]] = {
    "pen": measure_pen,
    "answers": measure_answers,
    "speed": measure_speeds,
    "slow": measure_slow,
    "parts": lambda setup: time_parts(setup.data),
    "memory": measure_memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=list(MEASURES), metavar="ROW")
    parser.add_argument("--size", default="120x40", metavar="120x40")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a measurement")
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    if unknown := [row for row in options.rows if row not in MEASURES]:
        parser.error(f"no row is called {unknown[0]}; there are {', '.join(MEASURES)}")
    columns, rows = map(int, options.size.split("x"))
    root = Path(__file__).resolve().parents[1]
    setup = Setup(root, (columns, rows), str(Path(options.data).resolve()), options.seconds)
    print(f"{cpu_name()}, {describe_cores()}, {options.size}\n")
    print("| what | measured |\n|---|---|", flush=True)
    for row in options.rows:
        for what, number in MEASURES[row](setup).items():
            print(f"| {what} | {number} |", flush=True)


if __name__ == "__main__":
    main()
