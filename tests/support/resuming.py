"""Stop and resume runs."""

from pathlib import Path
from queue import SimpleQueue

from core.events import Progress, RunStarted
from core.runs.resume import take_up
from core.training.trainer import train


def drive(config, orders=(), taken_up=None):
    """A run's events. `orders` has what is said at a step or at the first event of a kind."""
    inbox, events, waiting = SimpleQueue(), [], dict(orders)
    for event in train(config, inbox, taken_up):
        events.append(event)
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    return events


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def folder_of(events) -> Path:
    return Path(only(events, RunStarted)[0].folder)


def go_on(place: Path, orders=(), **changes):
    config, taken_up = take_up(str(place), Path("nowhere"), **changes)
    return drive(config, orders, taken_up)
