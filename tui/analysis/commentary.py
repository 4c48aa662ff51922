"""The commentary on a run: one or two sentences about what is happening, each from a rule.

To add one: a function that returns the sentence, or None where the rule does not apply. The more
important rules come first. Within an epoch the rules look at complete tenths of it, so a sentence
stays long enough to be read.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise

from core.models.architectures import ARCHITECTURES
from tui.analysis.loss_trends import (
    end_of_tenth,
    is_running,
    last_scores,
    losses_by_tenth,
    mean_between,
    means_of_halves,
    overfitting_epochs,
)
from tui.state.run_state import RunState
from tui.state.summaries import NOT_STARTED
from tui.text.formats import format_loss

RANDOM_GUESSING = math.log(10)  # the cross-entropy of ten equally likely classes


Sentence = Callable[[RunState], str | None]


@dataclass(frozen=True)
class Rule:
    name: str
    condition: str  # when the rule applies, for the help
    sentence: Sentence


RULES: list[Rule] = []


def rule(name: str, condition: str) -> Callable[[Sentence], Sentence]:
    def add(sentence: Sentence) -> Sentence:
        RULES.append(Rule(name, condition, sentence))
        return sentence

    return add


def sentences(state: RunState) -> list[str]:
    """Return the sentences of the first two rules that apply; none where there is no run."""
    return list(islice(filter(None, (each.sentence(state) for each in RULES)), 2))


@rule("failure", "the run ended with an error")
def describe_failure(state: RunState) -> str | None:
    if state.phase != "failed":
        return None
    if state.has_not_started:
        return f"{NOT_STARTED} Correct the error above, then try again."
    if state.reason != "diverged":
        return "The run ended with the error above. Checkpoints that were saved before it are kept."
    rate = state.chosen_rate
    advice = f"a learning rate of {rate / 10:.1g}" if rate else "a learning rate ten times lower"
    return (
        "Training diverged: the steps were too large, until the loss became NaN or infinite. "
        f"Train again with {advice}."
    )


@rule("result", "the run has ended: its test accuracy, and what this network typically reaches")
def describe_result(state: RunState) -> str | None:
    if state.phase not in ("finished", "stopped") or not state.score or not state.started:
        return None
    accuracy = state.score.accuracy
    result = f"The test accuracy is {accuracy:.1%}"
    if math.isfinite(accuracy) and accuracy < 1:
        digits = 1 / (1 - accuracy)  # per error
        result += f": about 1 error in {digits:.0f} digits" if digits > 2.5 else ""
        result += ": most predictions are wrong" if accuracy < 0.5 else ""
    network = ARCHITECTURES.get(state.started.arch)
    if network is None or state.phase == "stopped":
        return f"{result}."
    typical = network.typical_accuracy
    if abs(accuracy - typical) <= 0.01:
        return f"{result}. That is typical of this network."
    advice = "this run is better" if accuracy > typical else "more epochs may help"
    return f"{result}. This network typically reaches about {typical:.0%} on MNIST: {advice}."


@rule("paused", "training is paused")
def describe_pause(state: RunState) -> str | None:
    return f"Paused at step {state.step:,}." if state.phase == "paused" else None


@rule(
    "high learning rate",
    "over the last tenths of an epoch the mean training loss was above 2.45, or rose twice in a "
    "row to 1.3 times its minimum, or its increases sum to over 0.6 times its mean",
)
def warn_of_high_rate(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 10)
    if len(losses) < 3:
        return None
    if min(losses[-2:]) > RANDOM_GUESSING + 0.15:
        return "The loss is above 2.3, worse than random guessing: the learning rate is too high."
    if losses[-1] > 1.3 * min(losses) + 0.05 and losses[-1] > losses[-2] > losses[-3]:
        return "The training loss is rising: the learning rate is too high now."
    increase = sum(max(0.0, b - a) for a, b in pairwise(losses))
    if len(losses) >= 6 and increase > 0.6 * (sum(losses) / len(losses)) + 0.05:
        return "The training loss is noisy: a lower learning rate or a larger batch smooths it."
    return None


@rule("gradient", "the median of the last 21 gradient norms is above 100 or below 0.001")
def warn_of_gradient(state: RunState) -> str | None:
    points = state.curves.gradients.points
    last = bisect_right(points, end_of_tenth(state) or 0.0, key=lambda point: point[0])
    norms = sorted(norm for _, norm in points[max(0, last - 21) : last])
    if len(norms) < 5:
        return None
    median = norms[len(norms) // 2]
    if median > 100:
        return (
            f"The gradient is very large (norm {median:,.0f}): a single step can undo what the "
            "network has learned. Lower the learning rate."
        )
    if median < 1e-3:
        return f"The gradient is almost 0 (norm {median:.0e}): the weights hardly change any more."
    return None


@rule(
    "overfitting",
    "in at least two epochs in a row the test loss rose and the mean training loss fell",
)
def warn_of_overfitting(state: RunState) -> str | None:
    epochs = overfitting_epochs(state)
    text = f"The test loss has risen for {epochs} epochs while the training loss falls"
    return f"{text}: the network is overfitting." if epochs >= 2 else None


@rule(
    "new learning rate",
    "the learning rate was changed within the last epoch: the mean training loss since then, and "
    "in the quarter of an epoch before",
)
def describe_rate_change(state: RunState) -> str | None:
    mark = next((mark for mark in reversed(state.marks) if mark.kind == "rate"), None)
    end = end_of_tenth(state)
    if mark is None or end is None or not state.started:
        return None
    epoch = state.started.steps_per_epoch
    if state.step - mark.step > epoch or not math.isfinite(state.learning_rate or 0.0):
        return None
    before = mean_between(state.curves.losses, mark.step - epoch / 4, mark.step)
    since = mean_between(state.curves.losses, mark.step, end)
    changed = f"The learning rate was changed at step {mark.step:,}."
    if before is None or since is None or end - mark.step < epoch / 10:
        steps = float(f"{max(1.0, epoch / 10):.1g}")
        return f"{changed} The effect shows after about {steps:,.0f} steps."
    if abs(since - before) < 0.02 * before:
        return f"{changed} The training loss has stayed at {format_loss(since)} since then."
    trend = "fallen" if since < before else "risen"
    losses = f"from {format_loss(before)} to {format_loss(since)}"
    return f"{changed} The training loss has {trend} since then, {losses}."


@rule("start", "less than a tenth of the first epoch is complete")
def describe_start(state: RunState) -> str | None:
    if not is_running(state) or state.scores or state.epoch > 1 or state.epoch_share >= 0.1:
        return None
    return (
        "Training has just started. An untrained network guesses one of ten classes at random: the "
        "loss of guessing is ln 10, about 2.3."
    )


@rule(
    "generalization gap",
    "at the last evaluation the test loss was over twice the epoch's mean training loss, and at "
    "least 0.05 higher",
)
def warn_of_gap(state: RunState) -> str | None:
    scores = last_scores(state)
    if len(scores) < 2 or overfitting_epochs(state) >= 2:
        return None
    loss = scores[-1].loss
    training = mean_between(state.curves.losses, scores[-2].step, scores[-1].step)
    if training is None or not loss > max(2 * training, training + 0.05):
        return None
    return (
        f"The test loss ({format_loss(loss)}) is over twice the training loss "
        f"({format_loss(training)}): the network begins to overfit."
    )


@rule(
    "best epoch",
    "the last of at least two evaluations has the highest test accuracy, or the one that has it "
    "is at least two epochs old",
)
def describe_best_epoch(state: RunState) -> str | None:
    scores = state.scores if state.started else ()
    if len(scores) < 2:
        return None
    best = max(scores, key=lambda score: score.accuracy)
    since = scores[-1].epoch - best.epoch
    if best is scores[-1] and is_running(state):
        return f"Epoch {best.epoch} is the best so far: the test accuracy is {best.accuracy:.1%}."
    if since < 2:
        return None
    return (
        f"Epoch {best.epoch} was the best, with a test accuracy of {best.accuracy:.1%}: the "
        f"{since} epochs since then have not improved it."
    )


@rule(
    "falling loss",
    "over the last epoch the mean training loss of the second half is at least 10% lower than "
    "that of the first half",
)
def describe_falling_loss(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 10)
    if len(losses) < 4:
        return None
    before, now = means_of_halves(losses)
    change = f"from {format_loss(before)} to {format_loss(now)}"
    return f"The training loss is falling well, {change}." if now < 0.9 * before else None


@rule("plateau", "the mean training losses of the last two epochs differ by less than 2%")
def describe_plateau(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 20)
    if len(losses) < 20 or state.epoch < 2:
        return None
    before, now = means_of_halves(losses)
    if not abs(now - before) < 0.02 * before:
        return None
    return (
        "The training loss has barely changed for two epochs, it is on a plateau. A lower learning "
        "rate may reduce it a little more."
    )
