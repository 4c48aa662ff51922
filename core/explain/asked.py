"""The trainer's event for a question. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.events import Event
from core.questions import Question

if TYPE_CHECKING:
    from core.explain.subject import Subject


class NetworkAsked(Event, recorded=False):
    """A question to the network in training. `take` copies the network as it is now; the host calls
    it, unless the question is about an earlier copy."""

    question: Question
    take: Callable[[], Subject]
