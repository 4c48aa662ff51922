"""Training without the app: a progress bar on a terminal, plain lines elsewhere, or JSON."""

import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import FrameType

from core.commands import Inbox, ResumePoint, Stop
from core.config import TrainConfig
from core.errors import exit_status, explain
from core.event_json import as_json
from core.events import Event, Notice, RunFailed, RunFinished
from core.files import redirect_to_devnull
from core.training.distributed import Ranks
from tui.headless.event_files import check_tensorboard
from tui.headless.tensorboard import telling_tensorboard
from tui.headless.torchrun import follow, follows, joined
from tui.signals import CONTINUE, ENDING, HANGUP, SAVE, WARNING, heard
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.state.summaries import epoch_line, farewell, headline
from tui.text.console import complain


def train_plainly(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool = False,
    quiet: bool = False,
    tensorboard: bool = False,
    on_hangup: str = CONTINUE,
) -> int:
    """Trains, and returns the exit status. The first Ctrl-C or SIGTERM stops and saves; so does the
    end of the terminal where `on_hangup` is to save.

    Raises UserError where TensorBoard's files are asked for and cannot be had, or other processes
    that are to train with this one.
    """
    if follows():
        return follow()
    if tensorboard:
        check_tensorboard()
    if ranks := joined():
        on_hangup = SAVE  # torchrun goes with its terminal, and a while later ends all of them
    inbox: Inbox = SimpleQueue()
    with _stopping_on_signals(inbox, on_hangup) as signals:
        events = _trained(config, inbox, resume_point, ranks)
        if tensorboard:
            events = telling_tensorboard(events)
        ended: list[Event] = []
        unsaid = _show_all(_complaining(events, ended), inbox, as_json=as_json, quiet=quiet)
    last = ended[-1]
    if isinstance(last, RunFailed) and last.reason != "stopped":
        return exit_status(last.reason)
    return 128 + signals[0] if signals else unsaid


def _trained(
    config: TrainConfig, inbox: Inbox, resume_point: ResumePoint | None, ranks: Ranks | None
) -> Iterator[Event]:
    """Whoever shows it has begun to by the time that PyTorch is loaded."""
    from core.attach.server import serve_viewers
    from core.training.trainer import train

    yield from serve_viewers(train(config, inbox, resume_point, ranks), inbox)


def _show_all(events: Iterator[Event], inbox: Inbox, *, as_json: bool, quiet: bool) -> int:
    """Shows the events to the last. 0; 141 where the reader has gone, and 1 where they could not
    be written: training is worth more than what is said of it, so it goes on."""
    show = _exhaust if quiet else _print_json if as_json else _print_lines
    if show is _print_lines and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        show = _show_bar
    try:
        show(events)
    except BrokenPipeError:  # who was reading has gone, as with `| head`: save, and end
        inbox.put(Stop())
        status = 141
    except OSError as error:  # a terminal that has gone, or a log on a disk that is full
        with suppress(OSError):
            why = f"what there is to say cannot be written ({explain(error)})"
            complain(f"{why}; training goes on")
        status = 1
    else:
        return 0
    redirect_to_devnull([sys.stdout.fileno()])
    _exhaust(events)
    return status


def print_run(events: Iterable[Event], *, as_json: bool) -> int:
    """Prints what a run elsewhere tells, and returns the exit status that it has there."""
    ended: list[Event] = []
    (_print_json if as_json else _print_lines)(_complaining(events, ended))
    return exit_status(ended[-1].reason) if isinstance(ended[-1], RunFailed) else 0


@contextmanager
def _stopping_on_signals(inbox: Inbox, on_hangup: str) -> Iterator[list[int]]:
    """The first signal asks the run to stop; a second one ends the program on the spot, but for
    those that a job queue sends ahead of the one that is meant."""
    received: list[int] = []
    # Of a terminal that has gone one can no longer say that it was one.
    on_terminal = [number for number in range(3) if os.isatty(number)]
    # At the end of a login systemd sends SIGHUP right after SIGTERM: that is no second wish to end.
    ending = [each for each in heard() if each != HANGUP or on_hangup != CONTINUE]

    def stop(number: int, frame: FrameType | None) -> None:
        if number == HANGUP and on_hangup == CONTINUE:
            redirect_to_devnull(on_terminal)
            return
        received.append(number)
        inbox.put(Stop())
        for each in ending if number in ENDING else ():
            signal.signal(each, signal.SIG_DFL if each != signal.SIGINT else old[each])

    old = {number: signal.signal(number, stop) for number in (*heard(), *WARNING)}
    try:
        yield received
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _complaining(events: Iterable[Event], ended: list[Event]) -> Iterator[Event]:
    """The events; what goes wrong and what a person should know goes to stderr as well. The one
    that says how it ended goes to `ended`."""
    for event in events:
        if isinstance(event, Notice | RunFailed):
            with suppress(OSError):  # stderr may have gone, and the run must not go with it
                complain(event.message)
        if isinstance(event, RunFinished | RunFailed):
            ended.append(event)
        yield event


def _exhaust(events: Iterable[Event]) -> None:
    deque(events, maxlen=0)


def _print_json(events: Iterable[Event]) -> None:
    for event in events:
        if event.serializable:
            print(as_json(event), flush=True)


def _print_lines(events: Iterable[Event]) -> None:
    """A line at the start, one an epoch, one at the end."""
    state = RunState()
    for event in events:
        before, state = state, fold(state, event)
        if state.started and state.started is not before.started:
            print(headline(state), flush=True)
        if state.scores != before.scores:
            print(epoch_line(state), flush=True)
        if isinstance(event, RunFinished):
            print(farewell(state), flush=True)


def _show_bar(events: Iterable[Event]) -> None:
    """A bar for the whole run on stderr, and above it the same lines."""
    from tui.headless.progress_bar import drawn

    state = RunState()
    with drawn() as (show, say):
        for event in events:
            before, state = state, fold(state, event)
            show(state)
            if state.started and state.started is not before.started:
                say(headline(state))
            if state.scores != before.scores:
                say(epoch_line(state))
    if isinstance(event, RunFinished):
        print(farewell(state), flush=True)
