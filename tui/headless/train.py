"""Train without the app: a host's events go to one renderer (bar, lines, JSON or none)."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress

from core.commands import ResumePoint, Start, Stop
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from core.errors import exit_status, explain
from core.event_json import as_json as to_json
from core.events import Event, Notice, RunFailed, RunFinished
from core.files import redirect_to_devnull
from core.host import Host, run_events, stop_on_signals
from core.training.stopwatch import stopped_clock
from tui.headless.tensorboard import check_tensorboard, with_tensorboard
from tui.headless.torchrun import follow_first_rank, is_follower, join_ranks
from tui.signals import CONTINUE, HANGUP, SAVE, WARNING, handled_signals
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.state.summaries import describe_epoch, describe_outcome, describe_run
from tui.terminal.job_control import around_stop
from tui.text.console import complain, is_dumb

Renderer = Callable[[Iterable[Event]], None]


def train_headless(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool = False,
    quiet: bool = False,
    tensorboard: bool = False,
    on_hangup: str = CONTINUE,
) -> int:
    """Train, and return the exit status. The first Ctrl-C or SIGTERM stops and saves the run; so
    does the end of the terminal if `on_hangup` is SAVE.

    Raises UserError if TensorBoard's package or the other processes of torchrun are missing.
    """
    if is_follower():
        return follow_first_rank()
    if tensorboard:
        check_tensorboard()
    if ranks := join_ranks():
        on_hangup = SAVE  # torchrun ends with its terminal, and then ends all of its processes
    host = LocalHost(ranks=ranks)
    host.send(Start(config, resume_point))
    with handle_signals(host, on_hangup) as received, around_stop(stopped_clock):
        events = run_events(host)
        if tensorboard:
            events = with_tensorboard(events)
        ended: list[Event] = []
        renderer = choose_renderer(as_json=as_json, quiet=quiet, has_bar=True)
        status = render(report_problems(events, ended), renderer, host)
    last = ended[-1]
    if isinstance(last, RunFailed) and last.reason != "stopped":
        return exit_status(last.reason)
    return 128 + received[0] if received else status


def print_attached(host: Host, *, as_json: bool) -> int:
    """Print the events of a run in another process, and return the exit status that it has."""
    ended: list[Event] = []
    choose_renderer(as_json=as_json)(report_problems(run_events(host), ended))
    return exit_status(ended[-1].reason) if isinstance(ended[-1], RunFailed) else 0


def choose_renderer(*, as_json: bool, quiet: bool = False, has_bar: bool = False) -> Renderer:
    """Return the function that shows events. `has_bar`: a progress bar if stderr is a terminal."""
    if quiet:
        return discard
    if as_json:
        return _print_json
    if has_bar and sys.stderr.isatty() and not is_dumb():
        return _show_bar
    return _print_lines


def render(events: Iterator[Event], renderer: Renderer, host: Host) -> int:
    """Show the events to the last one. Returns 0; 141 if the reader of a pipe has ended, and 1 if
    the output cannot be written. Neither loses the run."""
    try:
        renderer(events)
    except BrokenPipeError:  # as with `| head`: save and end
        host.send(Stop())
        status = 141
    except OSError as error:  # the terminal is gone, or the disk with the log is full
        with suppress(OSError):
            complain(f"cannot write the output ({explain(error)}); training continues")
        status = 1
    else:
        return 0
    redirect_to_devnull([sys.stdout.fileno()])
    discard(events)
    return status


def handle_signals(host: Host, on_hangup: str) -> AbstractContextManager[list[int]]:
    """Return a context in which signals stop and save the run; it yields those received."""
    signals = handled_signals()
    if on_hangup != CONTINUE or HANGUP not in signals:
        return stop_on_signals(host, signals, WARNING)
    # Computed now: a terminal that is gone can no longer be recognised as one.
    on_terminal = [number for number in range(3) if os.isatty(number)]
    # At the end of a login systemd sends SIGHUP right after SIGTERM: that must not end the process
    # before it has saved.
    ending = [each for each in signals if each != HANGUP]
    return stop_on_signals(
        host, ending, WARNING, {HANGUP: lambda: redirect_to_devnull(on_terminal)}
    )


def report_problems(events: Iterable[Event], ended: list[Event] | None = None) -> Iterator[Event]:
    """Yield the events, and print notices and failures to stderr. The run's last event is appended
    to `ended`."""
    for event in events:
        with suppress(OSError):  # the run must not end with stderr
            if isinstance(event, Notice | RunFailed):
                complain(event.message)
        if ended is not None and isinstance(event, RunFinished | RunFailed):
            ended.append(event)
        yield event


def discard(events: Iterable[Event]) -> None:
    deque(events, maxlen=0)


def _print_json(events: Iterable[Event]) -> None:
    for event in events:
        if event.serializable:
            print(to_json(event), flush=True)


def _print_lines(events: Iterable[Event]) -> None:
    """Print a line at the start, one an epoch, and one at the end."""

    def write(text: str) -> None:
        print(text, flush=True)

    _write_lines(events, write, write)


def _show_bar(events: Iterable[Event]) -> None:
    """Show a progress bar on stderr, and the same lines above it."""
    from tui.headless.progress_bar import bar_line, open_bar

    last: list[str] = []
    with open_bar(RunState(), bar_line) as (show, write):
        _write_lines(events, write, last.append, show)
    for line in last:
        print(line, flush=True)


def _write_lines(
    events: Iterable[Event],
    write: Callable[[str], None],
    write_last: Callable[[str], None],
    show: Callable[[RunState], None] | None = None,
) -> None:
    state = RunState()
    for event in events:
        before, state = state, fold(state, event)
        if show:
            show(state)
        if state.started and state.started is not before.started:
            write(describe_run(state))
        if state.scores != before.scores:
            write(describe_epoch(state))
        if isinstance(event, RunFinished):
            write_last(describe_outcome(state))
