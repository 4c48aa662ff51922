"""The progress bar: one line on a terminal, redrawn while a run is in progress."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.text import Text

from core.training.stopwatch import stopped_clock
from tui.state.run_state import RunState
from tui.terminal.job_control import around_stop, is_in_front
from tui.text.digit_art import draw_bar
from tui.text.formats import format_done, format_duration, format_loss, format_percent, printable

WIDEST, NARROWEST = 40, 6  # of the bar itself
REFRESHES = 5  # a second
State = TypeVar("State")
DrawLine = Callable[[State, int, bool], str]
SHOW_CURSOR, HIDE_CURSOR = b"\x1b[?25h", b"\x1b[?25l"


class ProgressBar(Generic[State]):
    """A rich renderable of the newest state, in the width that there is."""

    def __init__(self, state: State, draw: DrawLine[State]) -> None:
        self.state, self._draw = state, draw

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        # The last column stays empty: some terminals wrap as soon as it is written to.
        text = self._draw(self.state, options.max_width - 1, options.ascii_only)
        yield Text(text, no_wrap=True, overflow="crop", end="")


@contextmanager
def open_bar(
    first: State, draw: DrawLine[State]
) -> Iterator[tuple[Callable[[State], None], Callable[[str], None]]]:
    """Show a bar within the context. Yields a function that shows a state, and one that writes a
    line: above the bar, or to stdout if that is not a terminal. `draw` returns the bar of a state
    in at most so many characters, in ASCII or not."""
    console = Console(stderr=True, highlight=False)
    is_shared = sys.stdout.isatty()
    bar = ProgressBar(first, draw)

    def show(state: State) -> None:
        bar.state = state

    def write(text: str) -> None:
        if is_shared:
            console.print(Text(printable(text)))
        else:
            print(text, flush=True)

    with (
        around_stop(_shown_cursor),
        Live(
            bar,
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=is_shared,
        ),
    ):
        yield show, write


@contextmanager
def _shown_cursor() -> Iterator[None]:
    """Show the cursor, which the bar hides, while training is stopped with Ctrl-Z."""
    os.write(2, SHOW_CURSOR)
    with stopped_clock():
        yield
    if is_in_front(2):
        os.write(2, HIDE_CURSOR)


def bar_line(state: RunState, width: int, plain: bool = False) -> str:
    """Return the run's progress in at most `width` characters; the least important part is left out
    first. `plain`: in ASCII."""
    if not state.started:
        return _preparing(state, width, plain)
    epoch = f"{max(1, state.epoch)}/{state.started.epochs}"
    loss = f"loss {format_loss(state.loss)}" if state.loss is not None else ""
    test = f"test {format_percent(state.score.accuracy)}" if state.score else ""
    speed = f"{state.samples_per_second:,.0f}/s" if state.samples_per_second else ""
    left = f"{format_duration(state.seconds_left)} left" if state.seconds_left is not None else ""
    whole = _joined("  ", f"epoch {epoch}", loss, test, speed, left)
    # Padded, so that the bar keeps its length while the numbers change.
    numbers = _joined("  ", loss, test, f"{speed:>9}", f"{left:>10}")
    if (room := width - len(epoch) - len(numbers) - 12) >= NARROWEST:
        gauge = f"[{draw_bar(state.share, min(room, WIDEST), plain=plain)}]"
        return _joined("  ", f"epoch {epoch}", gauge, numbers)
    shorter = (
        whole,
        _joined(" ", epoch, loss, test, speed, left),
        _joined(" ", epoch, loss, test, left),
        _joined(" ", epoch, loss, left),
        _joined(" ", epoch, loss),
    )
    return next((each for each in shorter if len(each) <= width), shorter[-1][: max(0, width)])


def _preparing(state: RunState, width: int, plain: bool) -> str:
    doing = printable(state.doing or "starting")
    if not state.total:
        return f"{doing} …"[: max(0, width)]
    share = state.done / state.total
    sizes = f"{share:.0%}  {format_done(state.done, state.total, state.unit)}"
    room = width - len(doing) - len(sizes) - 6
    gauge = f"[{draw_bar(share, min(room, WIDEST), plain=plain)}]" if room >= NARROWEST else ""
    return _joined("  ", doing, gauge, sizes)[: max(0, width)]


def _joined(between: str, *parts: str) -> str:
    return between.join(part for part in parts if part)
