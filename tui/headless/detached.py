"""`--detach`: start a run or a race in a child process, print its name, and exit."""

import shlex
import signal
from types import FrameType

from core.attach.detached import DetachedHost
from core.commands import ResumePoint, Start, StartRace
from core.config import TrainConfig
from core.errors import exit_status
from core.event_json import as_json as to_json
from core.events import RaceStarted, RunFailed, RunStarted
from tui.headless.race import RaceEnd, race_json
from tui.headless.train import report_problems
from tui.text.console import complain


def train_detached(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Return the exit status as soon as the run has started, which then needs no other process.

    stdout gets the run's name and nothing else, for scripts. Raises UserError.
    """
    return _detach(Start(config, resume_point), config.checkpoints, as_json, quiet)


def race_detached(start: StartRace, *, as_json: bool = False, quiet: bool = False) -> int:
    """Do the same with a race."""
    return _detach(start, start.plan.lanes[0].config.checkpoints, as_json, quiet)


def _detach(start: Start | StartRace, checkpoints: str, as_json: bool, quiet: bool) -> int:
    host = DetachedHost()
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        host.send(start)
        events = report_problems(host.events())
        ends = RunStarted | RaceStarted | RunFailed
        last = next(event for event in events if isinstance(event, ends))
    finally:
        host.close()
        signal.signal(signal.SIGTERM, before)
    if isinstance(last, RunFailed):
        if as_json:
            print(to_json(last), flush=True)
        return exit_status(last.reason)
    assert isinstance(last, RunStarted | RaceStarted)
    name = last.race if isinstance(last, RaceStarted) else last.run
    try:
        print(_to_line(start, last) if as_json else name, flush=True)
    except OSError:
        quiet = False  # stderr is the only place left for the name
        raise
    finally:
        if not quiet:
            complain(_next_steps(checkpoints, name, host.pid))
    return 0


def _to_line(start: Start | StartRace, event: RunStarted | RaceStarted) -> str:
    line = race_json(event, RaceEnd(start.plan)) if isinstance(start, StartRace) else None
    return line or to_json(event)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _next_steps(checkpoints: str, name: str, pid: int) -> str:
    is_elsewhere = checkpoints != TrainConfig().checkpoints
    where = f" --checkpoints {shlex.quote(checkpoints)}" if is_elsewhere else ""
    attach = f"mnist-tui attach {shlex.quote(name)}{where}"
    return (
        f"training continues in process {pid}: `{attach}` attaches to it, "
        f"`kill {pid}` saves and ends it"
    )
