"""How often the screen follows a run: as often as its share of a processor core allows."""

from time import monotonic, thread_time

# Of one core. Training that uses every core stands still while the screen is at work.
SHARE = 0.03
# A question to the network that is training holds it up: so much of its time may go to answers.
ANSWERS_SHARE = 0.01
SHORTEST, LONGEST = 0.1, 1.0  # seconds between frames
IDLE = 0.25


class Pace:
    """Call `delay` once a frame, on the screen's thread: its CPU time since the last call is what
    the frame cost, the sending of it included."""

    def __init__(self) -> None:
        self._used = thread_time()

    def delay(self, *, active: bool, slow: bool = False) -> float:
        """Seconds until the next frame; `slow`: of a line that takes few."""
        before, self._used = self._used, thread_time()
        if not active:
            return IDLE
        return min(LONGEST, max(LONGEST if slow else SHORTEST, (self._used - before) / SHARE))


class Question:
    """Something that is asked of the network again and again, one question at a time."""

    def __init__(self, shortest: float) -> None:
        """`shortest` is the seconds between an answer and the next question."""
        self._shortest = shortest
        self.forget()

    def forget(self) -> None:
        """What was asked will not be answered, or is of no use any more."""
        self._asked: object = None
        self._waiting, self._not_before = False, 0.0
        self._hurried = False

    def hurry(self) -> None:
        """A person has chosen something else to ask: that need not wait for its time."""
        self._hurried, self._not_before = self._waiting, 0.0

    def ask(self, wanted: object) -> bool:
        """Whether to ask this now: it has not been answered, none is on its way, and it is time."""
        changed = wanted != self._asked
        if wanted is None or self._waiting or not changed or monotonic() < self._not_before:
            return False
        self._asked, self._waiting = wanted, True
        return True

    def answered(self, seconds: float) -> None:
        """The answer has come, and training waited for it so long."""
        self._waiting = False
        if not self._hurried:
            self._not_before = monotonic() + max(self._shortest, seconds / ANSWERS_SHARE)
        self._hurried = False
