"""The commentary on a run: one or two sentences about what is happening, each from a rule.

To add one: a function that returns the sentence, or None where the rule does not apply, and its
line in RULES, the more important first. A sentence fits two lines of 76 columns. Within an epoch
the rules look at complete tenths of it, so a sentence stays long enough to be read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from tui.analysis import run_progress, run_result, run_warnings
from tui.state.run_state import RunState


@dataclass(frozen=True)
class Rule:
    name: str
    condition: str  # when the rule applies, for the help
    sentence: Callable[[RunState], str | None]
    is_alone: bool = False  # whether no other sentence matters then


RULES = (
    Rule("failure", "the run ended with an error, or diverged", run_result.describe_failure),
    Rule(
        "dead network",
        "the network predicts the same for every image: the outputs and gradients of its ReLUs are "
        "0, so it cannot recover",
        run_warnings.warn_of_dead_network,
        is_alone=True,
    ),
    Rule(
        "result",
        "the run has ended. What is typical of the network was measured with the default settings",
        run_result.describe_result,
    ),
    Rule("paused", "training is paused", run_progress.describe_pause),
    Rule(
        "no learning",
        "for half an epoch the training loss has stayed at that of guessing",
        run_warnings.warn_of_no_learning,
        is_alone=True,
    ),
    Rule(
        "high learning rate",
        "the training loss is over 7% above that of guessing, or rises to over 2.5 times its "
        "minimum of the last epoch",
        run_warnings.warn_of_high_rate,
    ),
    Rule(
        "low learning rate",
        "after a whole epoch the training loss is over half of that of guessing, and the learning "
        "rate is below the default",
        run_warnings.warn_of_low_rate,
    ),
    Rule(
        "gradient",
        "the median of the last 21 gradient norms is above 100 or below 0.001",
        run_warnings.warn_of_gradient,
    ),
    Rule(
        "overfitting",
        "the test loss was lowest two or more epochs ago and is over 5% higher now, and the "
        "training loss has fallen by over 10%",
        run_warnings.warn_of_overfitting,
    ),
    Rule(
        "new learning rate",
        "the learning rate was changed within the last epoch",
        run_progress.describe_rate_change,
    ),
    Rule("start", "less than a tenth of the first epoch is complete", run_progress.describe_start),
    Rule(
        "generalization gap",
        "at the last evaluation the test loss was over twice the epoch's mean training loss, and "
        "at least 0.05 higher",
        run_warnings.warn_of_gap,
    ),
    Rule("best epoch", "the test set was evaluated", run_progress.describe_best_epoch),
    Rule(
        "noise",
        "the training loss jumps within an epoch, or the test loss by over 10% between epochs",
        run_warnings.warn_of_noise,
    ),
    Rule(
        "falling loss",
        "the mean training loss of the last half of an epoch is over 10% below that of the half "
        "before",
        run_progress.describe_falling_loss,
    ),
    Rule(
        "plateau",
        "the mean training losses of the last two epochs differ by less than 2%",
        run_progress.describe_plateau,
    ),
    Rule("first epoch", "no epoch is complete", run_progress.describe_first_epoch),
)


def sentences(state: RunState) -> list[str]:
    """Return the sentences of the first two rules that apply; none where there is no run."""
    said = ((rule, rule.sentence(state)) for rule in RULES)
    found = list(islice(((rule, text) for rule, text in said if text), 2))
    if found and found[0][0].is_alone:
        del found[1:]
    return [text for _, text in found]
