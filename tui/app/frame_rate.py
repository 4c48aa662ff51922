"""How often the screen is drawn, and how often the network is asked.

By a share of the CPU time, and by the bytes that the terminal gets.
"""

from time import monotonic, thread_time

from core.events import CheckpointSaved, Evaluated, Progress, Scored
from core.responses.layers import NetworkInspected
from core.responses.predictions import Predicted
from tui.state.drawing_answers import DrawingAsked

# Frequent events during training, which wait for the next frame.
FREQUENT = (
    *(Progress, Evaluated, Scored, CheckpointSaved, Predicted, NetworkInspected),
    DrawingAsked,  # its answer follows soon
)

# The screen's share of one core. While it is drawn, training waits: for the cores, and a network
# whose steps are short for Python's lock. With what follows from it, that is about twice as much.
SCREEN_SHARE = 0.015
# The share of training time that may go to responses: training waits for each.
RESPONSE_SHARE = 0.005
# Seconds between frames during training; with the longest, a slow processor exceeds the share.
SHORTEST, LONGEST = 0.1, 0.5
SLOW_LINK = 1.0  # the same on a slow connection
# What the terminal gets during training is kept below 10 KB a second.
BYTES_PER_SECOND, LONGEST_FOR_BYTES = 8_000.0, 2.0
# How much the estimate of a frame's bytes follows each measurement.
FOLLOWS = 0.3
IDLE = 0.25  # and otherwise


class FrameRate:
    """Call `delay` once a frame, on the screen's thread: its CPU time since the last call is the
    cost of the frame."""

    def __init__(self) -> None:
        self._used = thread_time()
        self._delay = SHORTEST
        self._bytes = 0.0  # of a frame

    def delay(self, *, training: bool, slow: bool = False, sent: float = 0.0) -> float:
        """Return the seconds until the next frame.

        `slow`: the connection is slow. `sent`: the bytes that were sent in the last second.
        """
        before, self._used = self._used, thread_time()
        if not training:
            return IDLE
        self._bytes += FOLLOWS * (sent * self._delay - self._bytes)
        for_bytes = min(LONGEST_FOR_BYTES, self._bytes / BYTES_PER_SECOND)
        for_time = min(LONGEST, max(SHORTEST, (self._used - before) / SCREEN_SHARE))
        self._delay = SLOW_LINK if slow else max(for_time, for_bytes)
        return self._delay


class RequestThrottle:
    """Limits a repeated request: one at a time, and at most a share of training time."""

    def __init__(self, shortest: float, share: float = RESPONSE_SHARE) -> None:
        """`shortest` is the seconds between a response and the next request."""
        self._shortest, self._share = shortest, share
        self.forget()

    def forget(self) -> None:
        """No response will come, or it is of no use any more."""
        self._request: object = None
        self._is_waiting, self._not_before = False, 0.0
        self._is_hurried = False

    def hurry(self) -> None:
        """Allow the next request at once."""
        self._is_hurried, self._not_before = self._is_waiting, 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether a request is waiting for its response."""
        return self._is_waiting

    @property
    def wait(self) -> float:
        """The seconds until the next request is due."""
        return max(0.0, self._not_before - monotonic())

    def start(self, request: object) -> bool:
        """Return whether to send this request now: it is a new one, none is waiting for its
        response, and it is due."""
        is_new = request is not None and request != self._request
        if not is_new or self._is_waiting or monotonic() < self._not_before:
            return False
        self._request, self._is_waiting = request, True
        return True

    def finish(self, seconds: float, pause: float = 0.0, since: float | None = None) -> None:
        """The response has come; training waited for it for so many seconds. `pause` is the least
        time until the next one, if that is longer than the shortest, and `since` when all of these
        begin, if not now."""
        self._is_waiting = False
        if not self._is_hurried:
            start = monotonic() if since is None else since
            self._not_before = start + max(self._shortest, pause, seconds / self._share)
        self._is_hurried = False
