"""Drive a training run event by event."""

from queue import SimpleQueue

from core.events import (
    Progress,
)
from core.training.trainer import train


class Inbox(SimpleQueue):
    """A run that waits for what never comes fails the test and does not hang it."""

    def get(self, block=True, timeout=None):
        return super().get(block, 20 if timeout is None else timeout)


def drive(config, orders=()):
    """A whole run. `orders` has what is said at the first event of a kind, or at a step."""
    inbox, events, waiting = Inbox(), [], dict(orders)
    for event in train(config, inbox):
        events.append(event)
        due = event.step if isinstance(event, Progress) else type(event)
        for command in waiting.pop(due, ()):
            inbox.put(command)
    assert not waiting, "what was to be waited for came"
    return events


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]
