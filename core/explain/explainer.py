"""Answers questions about networks in slices, between which training and other commands continue.

Each slice is computed at a command in the inbox, so that commands that come meanwhile are handled
first. During training each one waits until training has had its share of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Timer
from time import perf_counter
from typing import Any

from torch.random import fork_rng

from core.commands import Inbox
from core.errors import UserError, first_line
from core.events import Event
from core.explain.parts import explain
from core.explain.subject import Subject
from core.questions import ContinueExplaining, Question
from core.responses.explanations import Explanation, ExplanationRefused, IdealExplained

# The share of training time for all questions together.
EXPLAIN_SHARE = 0.05
REPORT_SECONDS = 0.05  # between two answers that are emitted
FORMING_SECONDS = 0.06  # after each image of an ideal digit, which is to be seen while it forms


@dataclass
class _Work:
    """A question that waits for an answer or is being answered."""

    question: Question
    take: Callable[[], Subject]
    subject: Subject | None = None
    answers: Iterator[Explanation] = field(default_factory=lambda: iter(()))
    reported_at: float = 0.0


class Explainer:
    """Answers one question of each asker at a time; askers take turns."""

    def __init__(self, inbox: Inbox) -> None:
        self._is_training = False
        self._inbox = inbox
        self._work: dict[int, _Work] = {}  # by asker, whose turn it is first
        self._subjects: dict[int, Subject] = {}  # of each asker's last question
        self._memories: dict[int, dict[str, Any]] = {}  # what outlives a question, by asker
        self._is_planned = False
        self._not_before = 0.0
        self._later: Timer | None = None

    def set_training(self, is_training: bool) -> None:
        """Set whether a run in this process trains. Where it pauses or ends, no question waits for
        it any longer."""
        self._is_training = is_training
        if not is_training and self._later:
            self._later.cancel()
            self._later, self._is_planned, self._not_before = None, False, 0.0
            self._plan(0.0)

    def begin(self, question: Question, take: Callable[[], Subject]) -> None:
        """Plan the answer. `take` returns the network, once it is this question's turn."""
        self.cancel(question.asker)
        if not question.keeps:  # also if this one is cancelled before the network is taken
            self._subjects.pop(question.asker, None)
        self._work[question.asker] = _Work(question, take)
        self._plan(0.0)

    def cancel(self, asker: int) -> None:
        """Drop the asker's question."""
        self._work.pop(asker, None)

    def forget(self, asker: int) -> None:
        """Forget everything of an asker, the copy of its network too."""
        self.cancel(asker)
        self._subjects.pop(asker, None)
        self._memories.pop(asker, None)

    def forget_viewers(self) -> None:
        """Forget everything of askers other than this process: their run has ended."""
        for asker in {*self._work, *self._subjects, *self._memories} - {0}:
            self.forget(asker)

    def proceed(self) -> Iterator[Event]:
        """Compute the next slice, and plan the one after it."""
        self._is_planned = False
        # Where training resumed just now, there may be one that was planned before.
        if not self._work or (self._is_training and perf_counter() < self._not_before):
            self._plan(0.0)
            return
        asker, work = next(iter(self._work.items()))
        del self._work[asker]
        since = perf_counter()
        answer: Explanation | ExplanationRefused
        try:
            answer = self._next_answer(work)
            is_last = answer.done >= 1
        except Exception as error:  # a damaged file, or a network from any file
            answer, is_last = _refuse(work, error), True
        self._rest(since)
        if not is_last:
            self._work[asker] = work  # the last in turn
        forms = isinstance(answer, IdealExplained) and not is_last
        if is_last or forms or perf_counter() - work.reported_at >= REPORT_SECONDS:
            work.reported_at = perf_counter()
            yield answer
        self._plan(FORMING_SECONDS if forms else 0.0)

    def _next_answer(self, work: _Work) -> Explanation:
        question = work.question
        if work.subject is None:
            kept = self._subjects.get(question.asker) if question.keeps else None
            work.subject = self._subjects[question.asker] = kept or work.take()
            memory = self._memories.setdefault(question.asker, {})
            work.answers = explain(question, work.subject, memory)
        subject = work.subject
        # A network from a file may draw random numbers in each forward pass; training's stay as
        # they are.
        with fork_rng(devices=subject.gpus):
            answer = next(work.answers)
        return replace(
            answer,
            step=subject.step,
            source=subject.source,
            arch=subject.arch,
            asker=question.asker,
            question=question.question,
        )

    def _rest(self, since: float) -> None:
        """Leave training its share of the time, for the work since then."""
        now = perf_counter()
        rest = (now - since) * (1 / EXPLAIN_SHARE - 1) if self._is_training else 0.0
        self._not_before = now + rest

    def _plan(self, seconds: float) -> None:
        if self._is_planned or not self._work:
            return
        self._is_planned = True
        delay = max(seconds, self._not_before - perf_counter())
        if delay <= 0:
            self._inbox.put(ContinueExplaining())
            return
        self._later = Timer(delay, self._inbox.put, (ContinueExplaining(),))
        self._later.daemon = True
        self._later.start()


def _refuse(work: _Work, error: Exception) -> ExplanationRefused:
    """Return the response to a question that failed."""
    message = str(error)
    if not isinstance(error, UserError):
        message = f"this cannot be explained: {first_line(error)}"
    return ExplanationRefused(
        message=message,
        source=work.subject.source if work.subject else None,
        asker=work.question.asker,
        question=work.question.question,
    )
