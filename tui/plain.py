"""Training without the app: a progress bar on a terminal, plain lines elsewhere, or JSON."""

import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from core.commands import Inbox, Stop
from core.config import TrainConfig
from core.errors import exit_status
from core.events import Event, Notice, RunFailed, RunFinished, as_json
from core.resume import TakenUp
from tui.shell import complain
from tui.signals import ENDING
from tui.state import RunState, fold
from tui.torchrun import follow, follows, joined
from tui.words import epoch_line, farewell, figures, headline


def train_plainly(
    config: TrainConfig,
    taken_up: TakenUp | None = None,
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Trains, and returns the exit status. The first Ctrl-C or SIGTERM stops and saves.

    Raises UserError where other processes are to train with this one and cannot be had.
    """
    if follows():
        return follow()
    ranks = joined()
    inbox: Inbox = SimpleQueue()
    with _stopping_on_signals(inbox) as signals:
        from core.trainer import train

        events = _complaining(train(config, inbox, taken_up, ranks))
        show = _exhaust if quiet else _print_json if as_json else _print_lines
        if show is _print_lines and sys.stderr.isatty():
            show = _show_bar
        try:
            last = show(events)
        except BrokenPipeError:  # who was reading has gone, as with `| head`: save, and end
            inbox.put(Stop())
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _exhaust(events)
            return 141
    if signals and (not isinstance(last, RunFailed) or last.reason == "stopped"):
        return 128 + signals[0]
    return exit_status(last.reason) if isinstance(last, RunFailed) else 0


@contextmanager
def _stopping_on_signals(inbox: Inbox) -> Iterator[list[int]]:
    """The first signal asks the run to stop; a second one ends the program on the spot."""
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        inbox.put(Stop())
        for each in old:
            signal.signal(each, signal.SIG_DFL if each != signal.SIGINT else old[each])

    old = {number: signal.signal(number, stop) for number in ENDING}
    try:
        yield received
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _complaining(events: Iterable[Event]) -> Iterator[Event]:
    """The events; what goes wrong and what a person should know goes to stderr as well."""
    for event in events:
        if isinstance(event, Notice | RunFailed):
            complain(event.message)
        yield event


def _exhaust(events: Iterable[Event]) -> Event:
    return deque(events, maxlen=1)[0]


def _print_json(events: Iterable[Event]) -> Event:
    for last in events:
        if last.written:
            print(as_json(last), flush=True)
    return last


def _print_lines(events: Iterable[Event]) -> Event:
    """A line at the start, one an epoch, one at the end."""
    state = RunState()
    for last in events:
        before, state = state, fold(state, last)
        if state.started and state.started is not before.started:
            print(headline(state), flush=True)
        if state.scores != before.scores:
            print(epoch_line(state), flush=True)
        if isinstance(last, RunFinished):
            print(farewell(state), flush=True)
    return last


def _show_bar(events: Iterable[Event]) -> Event:
    """A bar for the whole run, and above it the same lines."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.fields[said]}"))
    state = RunState()
    with Progress(*columns, console=console, expand=True, transient=True) as bars:
        bar = bars.add_task("", total=None, said="")
        for last in events:
            before, state = state, fold(state, last)
            if state.doing != before.doing or state.done != before.done:
                bars.update(
                    bar, description=state.doing, completed=state.done, total=state.total or None
                )
            if state.started and state.started is not before.started:
                bars.reset(bar, total=state.total_steps, completed=state.step)
                bars.print(headline(state), markup=False)
            elif state.started:
                bars.update(
                    bar,
                    completed=state.step,
                    description=f"epoch {state.epoch}/{state.started.epochs}",
                    said=figures(state),
                )
            if state.scores != before.scores:
                bars.print(epoch_line(state), markup=False)
    if isinstance(last, RunFinished):
        print(farewell(state))
    return last
