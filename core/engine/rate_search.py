"""Searches for a learning rate between other requests: one at a time, and none during a run."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

from core.commands import CancelFindRate, Command, ContinueFindRate, FindRate, Inbox
from core.errors import UserError, first_line
from core.events import Event
from core.responses.rates import RatesRefused

if TYPE_CHECKING:
    from core.training.rate_finder import RateSearch

SLICE_SECONDS = 0.03  # of work, then commands that came meanwhile are handled
REPORT_SECONDS = 0.1  # between two responses
IN_PROGRESS = "a run is in progress: stop it before you search for a learning rate"


class RateSearches:
    """Handles FindRate and CancelFindRate."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._is_refusing = False
        self._search: RateSearch | None = None
        self._parts: Iterator[None] = iter(())
        self._request = 0
        self._reported_at = 0.0

    def begin_run(self) -> Iterator[Event]:
        """End the search in progress, and refuse others: a run has priority."""
        self._is_refusing = True
        if self._search:
            self._end()
            yield RatesRefused(message=IN_PROGRESS, request=self._request)

    def end_run(self) -> None:
        self._is_refusing = False

    def handle(self, command: Command) -> Iterator[Event]:
        """Yield the responses to a command; none to other commands."""
        try:
            match command:
                case FindRate() if self._is_refusing:
                    yield RatesRefused(message=IN_PROGRESS, request=command.request)
                case FindRate():
                    yield from self._begin(command)
                case CancelFindRate():
                    self._end()
                case ContinueFindRate(request=number) if self._search and number == self._request:
                    yield from self._continue(self._search)
        except Exception as error:  # missing data, or a network from any file
            self._end()
            message = str(error) if isinstance(error, UserError) else first_line(error)
            yield RatesRefused(message=message, request=self._request)

    def _begin(self, command: FindRate) -> Iterator[Event]:
        from core.training.rate_finder import RateSearch

        self._end()
        self._request, self._reported_at = command.request, 0.0
        self._search = RateSearch(command.config)
        self._parts = self._search.parts()
        yield self._search.report(self._request)
        self._inbox.put(ContinueFindRate(self._request))

    def _continue(self, search: RateSearch) -> Iterator[Event]:
        """Do a slice of the work, and plan the next one."""
        since = perf_counter()
        is_over = False
        while not is_over and perf_counter() - since < SLICE_SECONDS:
            is_over = next(self._parts, self) is self
        if is_over or perf_counter() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = perf_counter()
            yield search.report(self._request)
        if is_over:
            self._end()
        else:
            self._inbox.put(ContinueFindRate(self._request))

    def _end(self) -> None:
        """Drop the search, and the memory of its network and images."""
        self._search, self._parts = None, iter(())
