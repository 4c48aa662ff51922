"""The responses to a search for a learning rate."""

from dataclasses import dataclass, field

from core.events import Event, Preparing

# The first and the last rate that a search tries, and how many it tries.
LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 200


@dataclass(frozen=True)
class TriedRate:
    """A step of the search: its learning rate, its loss before the update, and the loss smoothed
    over the steps around it."""

    rate: float
    loss: float
    smoothed: float


class RatesTried(Event, recorded=False, serializable=False):
    """What a search for a learning rate has so far: of `steps` planned steps those in `points`.

    `rule` says in words how the suggestion was found, or why there is none; it is empty until
    `is_last`. `stopped` says why the search ended early. `doing` is what comes before the first
    step, such as a download.
    """

    points: tuple[TriedRate, ...] = field(repr=False)
    steps: int
    suggestion: float | None = None
    rule: str = ""
    stopped: str = ""
    doing: Preparing | None = None
    notes: tuple[str, ...] = ()  # what the user should know of the settings
    is_last: bool = False
    request: int = 0  # the number of the FindRate that this answers


class RatesRefused(Event, recorded=False, serializable=False):
    """A search that cannot begin, or that has failed."""

    message: str
    request: int = 0
