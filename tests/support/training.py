"""Drive training runs event by event, also stopped and resumed ones."""

from pathlib import Path
from queue import SimpleQueue

import torch

from core.compute.candidates import list_choices
from core.events import Progress, RunStarted
from core.runs.resume import prepare_resume
from core.training.trainer import train


def default_route(config, device=None, precision="fp32"):
    """Return the route that nobody has measured."""
    device = device or torch.device("cpu")
    return list_choices(config.network, device, precision, config.threads).default


class Inbox(SimpleQueue):
    """Fail instead of waiting forever for a command that never comes."""

    def get(self, block=True, timeout=None):
        return super().get(block, 20 if timeout is None else timeout)


def drive(config, orders=(), resume_point=None, *, all_due=True):
    """Train and return all events. `orders` has commands by step or by type of event: they are
    sent at that step's progress, or at the first event of the type. Unless `all_due` is False, all
    of these must come."""
    inbox, events, waiting = Inbox(), [], dict(orders)
    for event in train(config, inbox, resume_point):
        events.append(event)
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    assert not (waiting and all_due), "a step or an event with orders did not come"
    return events


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def folder_of(events) -> Path:
    return Path(only(events, RunStarted)[0].folder)


def resume_run(place: Path, orders=(), **changes):
    config, resume_point = prepare_resume(str(place), Path("nowhere"), **changes)
    return drive(config, orders, resume_point, all_due=False)
