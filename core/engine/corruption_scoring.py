"""Scores a checkpoint on corrupted images while training and other requests continue.

The work is done in parts of some milliseconds, each at a command in the engine's inbox: so commands
that come meanwhile are handled in between, before, during and after a run.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from threading import Timer
from time import perf_counter

from core.commands import CancelCorruptions, Command, ContinueScoring, Inbox, ScoreCorruptions
from core.digit import with_class_names
from core.engine.requests import describe_failure, load_newest
from core.events import Event
from core.responses.scores import CorruptionsScored

Parts = Iterator[CorruptionsScored]  # the response after each part of the work
REPORT_SECONDS = 0.25  # between two responses that are emitted


class CorruptionScoring:
    """Handles ScoreCorruptions and CancelCorruptions.

    During training each part waits until training has had its share of the time: the parts take no
    more of it than the requests of viewers may.
    """

    def __init__(self, inbox: Inbox) -> None:
        self.is_training = False  # whether a run in this process trains; the engine sets it
        self._inbox = inbox
        self._request: ScoreCorruptions | None = None
        self._number = 0  # of the newest request
        self._parts: Parts | None = None
        self._reported_at = 0.0

    def handle(self, command: Command) -> Iterator[Event]:
        """Yield the responses to a command; none to other commands."""
        try:
            match command:
                case ScoreCorruptions():
                    yield from self._begin(command)
                case CancelCorruptions():
                    self._number += 1
                    self._parts = None
                case ContinueScoring(request=number) if number == self._number:
                    yield from self._continue()
        except Exception as error:  # a damaged file must not end the engine
            self._parts = None
            assert self._request is not None
            yield describe_failure(self._request, error)

    def _begin(self, request: ScoreCorruptions) -> Iterator[Event]:
        before, self._request = self._request, request
        is_same = before and (before.path, before.data) == (request.path, request.data)
        if self._parts is not None and is_same:
            return  # the work continues, with the new `gives_way`
        self._number += 1
        self._parts = None
        self._parts = yield from _load(request)
        self._reported_at = 0.0
        self._inbox.put(ContinueScoring(self._number))

    def _continue(self) -> Iterator[Event]:
        """Compute the next part, and plan the one after it."""
        if self._parts is None or self._request is None:
            return
        since = perf_counter()
        response = next(self._parts)
        now = perf_counter()
        is_due = response.done == 1 or now - self._reported_at >= REPORT_SECONDS
        if response.done == 1:
            self._parts = None
        elif self.is_training or self._request.gives_way:
            self._continue_in((now - since) * _rest_for_training())
        else:
            self._inbox.put(ContinueScoring(self._number))
        if is_due:
            self._reported_at = now
            yield response

    def _continue_in(self, seconds: float) -> None:
        later = Timer(seconds, self._inbox.put, (ContinueScoring(self._number),))
        later.daemon = True
        later.start()


def _rest_for_training() -> float:
    """Return how long training has the CPU for each second of a request."""
    from core.attach.server import REQUEST_SHARE  # which a start without a run does not need

    return 1 / REQUEST_SHARE - 1


def _load(request: ScoreCorruptions) -> Generator[Event, None, Parts]:
    """Load the checkpoint and its test set, and return the work. Raises UserError."""
    info, model = load_newest(request.path)

    from core.data.corruptions import ALL, list_levels
    from core.models.corruption_scores import score_corruptions
    from core.runs.data_folder import check_classes, load_run_data

    check_classes(request.path, info)
    dataset, tensors = yield from load_run_data(info.dataset, info.config, request.data)
    images, labels = tensors.test_images, tensors.test_labels
    total = len(labels) * (1 + len(list_levels(ALL)))
    return (
        CorruptionsScored(
            path=request.path,
            arch=info.arch,
            dataset=dataset,
            epoch=info.epoch,
            step=info.step,
            samples=len(labels),
            class_names=info.class_names,
            scores=tuple(
                replace(each, mistakes=with_class_names(each.mistakes, info.class_names))
                for each in scores
            ),
            done=sum(each.samples for each in scores) / total,
        )
        for scores in score_corruptions(
            model, images, labels, list_levels(ALL), len(info.class_names)
        )
    )
