"""The commentary's sentences on a run that has ended: how good it is, and what may be better."""

from core.config import FIELDS
from core.models.architectures import ARCHITECTURES
from core.training.divergence import SAFE_RATES, suggest_rate
from tui.analysis.loss_trends import (
    guessing_loss,
    has_levelled_off,
    is_jumping,
    is_noisy,
    is_still_falling,
    overfitting_since,
)
from tui.state.run_state import RunState, Score
from tui.state.summaries import NOT_STARTED
from tui.text.formats import format_percent, format_rate


def safe_rate(state: RunState) -> float:
    """Return a learning rate that suits the run's optimizer."""
    config = state.started.config if state.started else {}
    return SAFE_RATES.get(config.get("optimizer", ""), SAFE_RATES["adam"])


def rate_to_try(state: RunState) -> str:
    """Return a lower learning rate for a run whose own was too high, "" if that is not known."""
    config = state.started.config if state.started else {}
    rate = state.chosen_rate
    if not rate:
        return ""
    return format_rate(float(f"{suggest_rate(rate, config.get('optimizer', 'adam')):.1g}"))


def advise_retry(state: RunState) -> str:
    """Return what to do about a network that has not learned anything."""
    rate, safe = state.chosen_rate or 0.0, safe_rate(state)
    if rate > safe:
        return f"Start again with learning rate {rate_to_try(state)}."
    if 0 < rate < safe / 5:
        return "Try a higher learning rate."
    return "Try another learning rate or seed."


def find_overfitting(state: RunState) -> Score | None:
    """Return since which evaluation the network overfits.

    A test loss that jumps at a high learning rate rises for that reason.
    """
    is_rate = (state.chosen_rate or 0.0) > safe_rate(state) and is_jumping(state)
    return None if is_rate else overfitting_since(state)


def describe_failure(state: RunState) -> str | None:
    if state.phase != "failed":
        return None
    if state.has_not_started:
        return f"{NOT_STARTED} Correct the error above, then try again."
    if state.reason != "diverged":
        return "The run ended with the error above. Checkpoints that were saved before it are kept."
    lower = rate_to_try(state)
    advice = f"a learning rate of {lower}" if lower else "a learning rate ten times lower"
    return (
        "Training diverged: the steps were too large, so the loss grew without limit. "
        f"Train again with {advice}."
    )


def describe_result(state: RunState) -> str | None:
    if state.phase not in ("finished", "stopped") or not state.started:
        return None
    score = state.score
    if not score:
        return "The run was stopped before its first evaluation: its accuracy is not known."
    accuracy = format_percent(score.accuracy)
    if state.phase == "stopped":
        return f"The run was stopped. After epoch {score.epoch} the test accuracy was {accuracy}."
    if score.accuracy < 1.5 / state.started.classes:
        return f"The test accuracy is {accuracy}, no better than guessing. {advise_retry(state)}"
    reached, typical = _compare(state)
    parts = (f"The test accuracy is {accuracy}{reached}.", _advise(state), typical)
    return " ".join(filter(None, parts))


def _compare(state: RunState) -> tuple[str, str]:
    """Return how the accuracy compares with what the network reaches, as a clause where that is
    typical, else as a sentence; nothing where nobody has measured it."""
    run, score = state.started, state.score
    assert run is not None
    assert score is not None
    network = ARCHITECTURES.get(run.arch)
    typical = network.typical_accuracy.get(run.dataset) if network else None
    if typical is None:
        return "", ""
    if abs(score.accuracy - typical) <= 0.01:
        return f", typical of {run.arch}", ""
    epochs = FIELDS["epochs"].default
    return "", f"{run.arch} typically reaches {typical:.0%} in {epochs} epochs."


def _advise(state: RunState) -> str:
    """Return what may improve the result, as far as the curves show it; else ""."""
    score, rate, safe = state.score, state.chosen_rate or 0.0, safe_rate(state)
    assert score is not None
    if best := find_overfitting(state):
        return f"The test loss has risen since epoch {best.epoch} (overfitting): use fewer epochs."
    lower = f", try {rate_to_try(state)}" if rate > safe else ""
    if score.loss > 1.07 * guessing_loss(state):
        return f"The loss is above that of guessing: the learning rate was too high{lower}."
    if is_still_falling(state):
        more = "more epochs or a higher learning rate" if 0 < rate < safe else "more epochs"
        return f"The loss was still falling: {more} may help."
    if is_jumping(state) or (is_noisy(state) and rate > safe):
        return f"The loss goes up and down: a lower learning rate may help{lower}."
    if has_levelled_off(state):
        return "The test loss has levelled off: more epochs would hardly help."
    is_known = len(state.scores) >= 3 and rate > 3 * safe
    return f"A lower learning rate may help{lower}." if is_known else ""
