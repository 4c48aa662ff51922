"""What is going on now, in one or two plain sentences, each with the rule behind it.

What moves within an epoch is looked at a tenth of one at a time, and all else at each evaluation:
so a sentence stands long enough to be read.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from core.models.architectures import ARCHITECTURES
from tui.state.curves import Curve
from tui.state.run_state import RunState, Score
from tui.text.formats import format_loss

GUESSING = math.log(10)  # the loss of ten equally likely digits
# No rule looks at more points than so many in one stretch, or at more evaluations.
MOST_POINTS, MOST_SCORES = 64, 12


@dataclass(frozen=True)
class Rule:
    """`sentence` says it, or None where it is not so; `rule` is when it is so, for the help."""

    name: str
    sentence: Callable[[RunState], str | None]
    rule: str


def comment(state: RunState) -> str:
    return " ".join(sentences(state))


def sentences(state: RunState) -> list[str]:
    """The one or two that tell most; none where there is no run."""
    said: list[str] = []
    for rule in RULES:
        if sentence := rule.sentence(state):
            said.append(sentence)
            if len(said) == 2:
                break
    return said


# How a run stands


def _failed(state: RunState) -> str | None:
    if state.phase != "failed":
        return None
    if state.reason != "diverged":
        return "The run has ended with the fault above. What was saved before it is kept."
    rate = state.chosen_rate
    try_ = f"a learning rate of {rate / 10:.1g}" if rate else "a tenth of the learning rate"
    return (
        "It diverged: each step went so far that it made the loss larger, until it was no number "
        f"any more. Train again with {try_}."
    )


def _finished(state: RunState) -> str | None:
    if state.phase not in ("finished", "stopped") or not state.score or not state.started:
        return None
    accuracy = state.score.accuracy
    said = f"{accuracy:.1%} of the test digits are right"
    if math.isfinite(accuracy) and accuracy < 1:
        wrong = 1 / (1 - accuracy)
        said += f": about 1 of {wrong:.0f} is wrong" if wrong > 2.5 else ""
        said += ": most are wrong" if accuracy < 0.5 else ""
    network = ARCHITECTURES.get(state.started.arch)
    if network is None or state.phase == "stopped":
        return f"{said}."
    usual = network.typical_accuracy
    if accuracy > usual + 0.01:
        return f"{said}. This network usually gets about {usual:.0%}: it did better."
    if accuracy < usual - 0.01:
        return f"{said}. This network can get about {usual:.0%}: more epochs may help."
    return f"{said}. That is what this network usually gets."


def _paused(state: RunState) -> str | None:
    if state.phase != "paused":
        return None
    return f"Held at step {state.step:,}: the network stays as it is until the run goes on."


# What the training loss does


def _running(state: RunState) -> bool:
    return state.phase in ("training", "paused") and state.started is not None


def _begun(state: RunState) -> str | None:
    if not _running(state) or state.scores or state.epoch > 1 or state.epoch_share >= 0.1:
        return None
    return (
        "It has just begun: a network that knows nothing guesses one of ten digits, and the loss "
        "of guessing is 2.3, which is ln 10."
    )


def _too_fast(state: RunState) -> str | None:
    losses = _tenths(state, 10)
    if len(losses) < 3:
        return None
    if min(losses[-2:]) > GUESSING + 0.15:
        return "The loss is above 2.3, worse than guessing: the learning rate is too high."
    if losses[-1] > 1.3 * min(losses) + 0.05 and losses[-1] > losses[-2] > losses[-3]:
        return "The training loss rises: the learning rate is too high for where it is now."
    ups = sum(max(0.0, b - a) for a, b in pairwise(losses))
    if len(losses) >= 6 and ups > 0.6 * (sum(losses) / len(losses)) + 0.05:
        return "The training loss jumps about: a lower learning rate or a larger batch calms it."
    return None


def _falling(state: RunState) -> str | None:
    losses = _tenths(state, 10)
    if len(losses) < 4:
        return None
    before, now = _halves(losses)
    if not now < 0.9 * before:
        return None
    return (
        f"The training loss is falling well: {format_loss(now)}, from {format_loss(before)} before."
    )


def _plateau(state: RunState) -> str | None:
    losses = _tenths(state, 20)
    if len(losses) < 20 or state.epoch < 2:
        return None
    before, now = _halves(losses)
    if not abs(now - before) < 0.02 * before:
        return None
    return (
        "The training loss has barely moved for two epochs: at this learning rate the network has "
        "learned about what it can; a lower one may gain a little more."
    )


def _gradient(state: RunState) -> str | None:
    end = _end_of_tenth(state)
    points = state.curves.gradients.points
    last = bisect_right(points, end or 0.0, key=lambda point: point[0])
    norms = sorted(norm for _, norm in points[max(0, last - 21) : last])
    if len(norms) < 5:
        return None
    middle = norms[len(norms) // 2]
    if middle > 100:
        return (
            f"The gradient is huge (norm {middle:,.0f}): one wrong step can undo what was learned. "
            "A lower learning rate is safer."
        )
    if middle < 1e-3:
        return f"The gradient is almost 0 (norm {middle:.0e}): the weights hardly change any more."
    return None


def _rate_changed(state: RunState) -> str | None:
    mark = next((mark for mark in reversed(state.marks) if mark.kind == "rate"), None)
    end = _end_of_tenth(state)
    if mark is None or end is None or not state.started:
        return None
    epoch = state.started.steps_per_epoch
    if state.step - mark.step > epoch or not math.isfinite(state.learning_rate or 0.0):
        return None
    before = _mean(_sampled(state.curves.losses, mark.step - epoch / 4, mark.step))
    since = _mean(_sampled(state.curves.losses, mark.step, end))
    said = f"The learning rate was changed at step {mark.step:,}"
    if before is None or since is None or end - mark.step < epoch / 10:
        return f"{said}: what that does shows within a tenth of an epoch."
    if abs(since - before) < 0.02 * before:
        return f"{said}, and the training loss has stayed at {format_loss(since)} since."
    way = "fallen" if since < before else "risen"
    return f"{said}; since then the training loss has {way} to {format_loss(since)} from " + (
        f"{format_loss(before)}."
    )


# What the test digits say


def _memorising(state: RunState) -> str | None:
    epochs = _memorised_epochs(state)
    if epochs < 2:
        return None
    return (
        f"The test loss has risen for {epochs} epochs while the training loss falls: the network "
        "is memorising its training digits."
    )


def _gap(state: RunState) -> str | None:
    scores = _scores(state)
    if len(scores) < 2 or _memorised_epochs(state) >= 2:
        return None
    training = _training_loss(state, scores[-2], scores[-1])
    if training is None or not scores[-1].loss > max(2 * training, training + 0.05):
        return None
    return (
        f"The test loss ({format_loss(scores[-1].loss)}) is over twice the training loss "
        f"({format_loss(training)}): the network does better on digits that it has seen."
    )


def _best(state: RunState) -> str | None:
    scores = state.scores if state.started else ()
    if len(scores) < 2:
        return None
    best = max(scores, key=lambda score: score.accuracy)
    since = scores[-1].epoch - best.epoch
    if best is scores[-1] and _running(state):
        return f"Epoch {best.epoch} is the best so far, {best.accuracy:.1%} right: still gaining."
    if since < 2:
        return None
    return (
        f"Epoch {best.epoch} was the best, {best.accuracy:.1%} right: the {since} since were no "
        "better."
    )


def _memorised_epochs(state: RunState) -> int:
    """How often in a row, up to now, the test loss rose from one evaluation to the next while the
    training loss between them fell."""
    scores = _scores(state)
    losses = [_training_loss(state, a, b) for a, b in pairwise(scores)]
    count = 0
    for place in range(len(scores) - 1, 1, -1):
        before, now = losses[place - 2], losses[place - 1]
        if before is None or now is None or not now < before:
            break
        if not scores[place].loss > scores[place - 1].loss:
            break
        count += 1
    return count


def _scores(state: RunState) -> tuple[Score, ...]:
    return state.scores[-MOST_SCORES:] if state.started else ()


def _training_loss(state: RunState, earlier: Score, later: Score) -> float | None:
    """Its mean between two evaluations."""
    return _mean(_sampled(state.curves.losses, earlier.step, later.step))


# Parts of curves


def _tenths(state: RunState, most: int) -> list[float]:
    """Mean training losses over the newest tenths of an epoch that are whole, oldest first."""
    end = _end_of_tenth(state)
    if end is None or not state.started:
        return []
    tenth = state.started.steps_per_epoch / 10
    starts = [end - tenth * back for back in range(most, 0, -1)]
    means = (
        _mean(_sampled(state.curves.losses, start, start + tenth)) for start in starts if start >= 0
    )
    return [mean for mean in means if mean is not None]


def _end_of_tenth(state: RunState) -> float | None:
    """The step at which the newest whole tenth of an epoch ended; None where nothing is running."""
    if not _running(state) or not state.started:
        return None
    tenth = state.started.steps_per_epoch / 10
    return math.floor(state.step / tenth) * tenth


def _sampled(curve: Curve, start: float, end: float) -> list[float]:
    """Values with start < step <= end, thinned evenly to a bounded number."""
    points = curve.points
    first, last = (bisect_right(points, at, key=lambda point: point[0]) for at in (start, end))
    every = max(1, -(-(last - first) // MOST_POINTS))
    return [value for _, value in points[first:last:every]]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _halves(values: list[float]) -> tuple[float, float]:
    """The means of the older and of the newer half."""
    middle = len(values) // 2
    return sum(values[:middle]) / middle, sum(values[middle:]) / (len(values) - middle)


# Those that tell most come first.
RULES = (
    Rule("failed", _failed, "the run ended by itself before its time"),
    Rule(
        "how good it is",
        _finished,
        "at the end: the share of test digits that are right, and what this network usually gets",
    ),
    Rule("held", _paused, "the run is paused"),
    Rule(
        "rate too high",
        _too_fast,
        "over the last tenths of an epoch the mean training loss lay above 2.45, rose three times "
        "in a row to 1.3 times its lowest, or its rises add up to over 0.6 of its mean",
    ),
    Rule(
        "gradient",
        _gradient,
        "the norm of the gradient, the middle one of the last 21, is above 100 or below 0.001",
    ),
    Rule(
        "memorising",
        _memorising,
        "at each of at least two evaluations in a row the test loss rose, while the mean training "
        "loss of the epoch before it fell",
    ),
    Rule(
        "rate changed",
        _rate_changed,
        "the learning rate was changed by hand within the last epoch: the mean training loss "
        "since, beside that of the quarter of an epoch before",
    ),
    Rule("just begun", _begun, "less than a tenth of the first epoch is done"),
    Rule(
        "gap",
        _gap,
        "at the last evaluation the test loss was over twice the epoch's mean training loss, and "
        "at least 0.05 above it",
    ),
    Rule(
        "best epoch",
        _best,
        "the newest of at least two evaluations has the highest test accuracy; or it is at least "
        "two epochs since the one that has",
    ),
    Rule(
        "falling",
        _falling,
        "of the last epoch's tenths, the newer half has a mean training loss at least 10% lower",
    ),
    Rule(
        "plateau",
        _plateau,
        "the mean training losses of the last epoch and of the one before differ by less than 2%",
    ),
)
