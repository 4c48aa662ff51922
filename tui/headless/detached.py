"""Training in a process of its own: it is started, named, and left alone."""

import shlex
import signal
from collections import Counter
from collections.abc import Iterator
from types import FrameType

from core.attach.detached import Background
from core.commands import ResumePoint
from core.config import TrainConfig
from core.errors import exit_status
from core.event_json import as_json as line_of
from core.events import Event, Notice, Preparing, RunFailed, RunStarted
from tui.text.console import complain


def train_detached(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Returns the exit status once the run has started, which then needs this program no more.

    stdout gets the run's name and nothing else, so that a script can have it. Raises UserError.
    """
    background = Background()
    before = signal.signal(signal.SIGTERM, _end)
    try:
        *_, last = _complaining(background.begin(config, resume_point), quiet)
    finally:
        background.give_up()
        signal.signal(signal.SIGTERM, before)
    if not isinstance(last, RunStarted):
        if as_json:
            print(line_of(last), flush=True)
        return exit_status(last.reason) if isinstance(last, RunFailed) else 1
    try:
        print(line_of(last) if as_json else last.run, flush=True)
    except OSError:
        quiet = False  # or nobody would know of it
        raise
    finally:
        if not quiet:
            complain(_how_to_go_on(config, last.run, background.pid))
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _complaining(events: Iterator[Event], quiet: bool) -> Iterator[Event]:
    """The events; what a person should know of them goes to stderr."""
    told: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Notice | RunFailed):
            complain(event.message)
        elif isinstance(event, Preparing) and not quiet:
            doing = event.message.partition(":")[0]  # whichever of several files it is
            told[doing] += 1
            if told[doing] == 2:  # what is said once is done already
                complain(f"{doing} first")
        yield event


def _how_to_go_on(config: TrainConfig, run: str, pid: int) -> str:
    elsewhere = config.checkpoints != TrainConfig().checkpoints
    where = f" --checkpoints {shlex.quote(config.checkpoints)}" if elsewhere else ""
    attach = f"mnist-tui attach {shlex.quote(run)}{where}"
    return (
        f"training goes on in process {pid}: `{attach}` follows it, `kill {pid}` saves and ends it"
    )
