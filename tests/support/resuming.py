"""Stop and resume runs."""

from pathlib import Path
from queue import SimpleQueue

from core.events import Progress, RunStarted
from core.runs.resume import prepare_resume
from core.training.trainer import train


def drive(config, orders=(), resume_point=None):
    """A run's events. `orders` has what is said at a step or at the first event of a kind."""
    inbox, events, waiting = SimpleQueue(), [], dict(orders)
    for event in train(config, inbox, resume_point):
        events.append(event)
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    return events


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def folder_of(events) -> Path:
    return Path(only(events, RunStarted)[0].folder)


def resume_run(place: Path, orders=(), **changes):
    config, resume_point = prepare_resume(str(place), Path("nowhere"), **changes)
    return drive(config, orders, resume_point)
