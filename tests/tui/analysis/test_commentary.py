"""What is said of a run: each rule, from what a run told."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import (
    Evaluated,
    LearningRateChanged,
    Paused,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
)
from tests.support.events import STARTED, after, progress
from tui.analysis.commentary import RULES, comment
from tui.state.run_state import RunState

SAID = {rule.name: rule.sentence for rule in RULES}
LONG = replace(STARTED, epochs=20, total_steps=2000)


def trained(losses, *events, started=LONG) -> RunState:
    """After so many tenths of an epoch with those training losses, and then the events."""
    told = [progress(10 * (place + 1), loss) for place, loss in enumerate(losses)]
    return after(started, *told, *events)


def scored(epoch: int, loss: float, accuracy: float) -> Evaluated:
    return Evaluated(epoch=epoch, step=100 * epoch, test_loss=loss, test_accuracy=accuracy)


def epochs(*rows) -> RunState:
    """After epochs of (training loss, test loss, test accuracy)."""
    events = [LONG]
    for number, (training, test, accuracy) in enumerate(rows):
        events += [progress(100 * number + 10 * part, training) for part in range(1, 11)]
        events.append(scored(number + 1, test, accuracy))
    return after(*events)


def finished(state, accuracy, *, stopped=False, steps=2000) -> RunState:
    ended = RunFinished(
        epochs=20,
        steps=steps,
        test_loss=0.1,
        test_accuracy=accuracy,
        train_seconds=1.0,
        samples_per_second=1.0,
        checkpoint="c",
        stopped=stopped,
    )
    return after(scored(20, 0.1, accuracy), ended, state=state)


def gradient(norm: float) -> RunState:
    told = [replace(progress(10 * n, 0.5), gradient_norm=norm) for n in range(1, 11)]
    return after(LONG, *told)


CHANGED = LearningRateChanged(step=100, learning_rate=1e-4)
CASES = [
    ("just begun", trained([]), "ln 10"),
    ("falling", trained([2, 1.5, 1.2, 1, 0.8, 0.7]), "0.8333, from 1.5667"),
    ("plateau", trained([0.3] * 30), "barely moved for two epochs"),
    ("memorising", epochs((1, 0.5, 0.8), (0.5, 0.4, 0.9), (0.3, 0.5, 0.9), (0.2, 0.6, 0.9)), "2 e"),
    ("gap", epochs((1, 0.5, 0.8), (0.1, 0.4, 0.9)), "(0.4000) is over twice the training loss"),
    ("best epoch", epochs((1, 0.5, 0.8), (0.5, 0.4, 0.9)), "Epoch 2 is the best so far, 90.0%"),
    ("best epoch", epochs((1, 1, 0.9), (1, 1, 0.8), (1, 1, 0.7)), "the 2 since were no better"),
    ("rate too high", trained([2.3, 2.6, 2.7, 2.8]), "worse than guessing"),
    ("rate too high", trained([1, 0.5, 0.3, 0.5, 0.9]), "loss rises"),
    ("rate too high", trained([1, 0.4, 1, 0.4, 1, 0.4, 1, 0.4]), "jumps about"),
    ("failed", trained([1], RunFailed(reason="diverged", message="no number")), "Train again with"),
    ("failed", trained([1], RunFailed(reason="error", message="no")), "the fault above"),
    ("gradient", gradient(500.0), "huge (norm 500)"),
    ("gradient", gradient(1e-5), "almost 0"),
    ("rate changed", trained([1] * 10, CHANGED), "shows within a tenth"),
    (
        "rate changed",
        trained([1] * 10, CHANGED, *[progress(100 + 10 * n, 0.5) for n in (1, 2, 3)]),
        "has fallen to 0.5000 from 1.0000",
    ),
    (
        "how good it is",
        finished(trained([1]), 0.979),
        "97.9% of the test digits are right: about 1 of 48",
    ),
    ("how good it is", finished(trained([1]), 0.9), "can get about 97%"),
    ("how good it is", finished(trained([1]), 1.0), "it did better"),
    ("held", trained([1], Paused(step=10)), "Held at step 10"),
]


@pytest.mark.parametrize(("name", "state", "words"), CASES)
def test_each_rule_says_when_it_is_so(name, state, words):
    said = SAID[name](state)
    assert said
    assert words in said
    assert said in comment(state), "nothing that tells more is in its way"


def test_every_rule_has_a_case_and_words_for_the_help():
    assert {name for name, _, _ in CASES} == set(SAID)
    assert all(rule.rule for rule in RULES)


def test_a_steady_run_gets_no_alarm():
    noisy = [2.0, 1.2, 0.9, 0.75, 0.7, 0.6, 0.62, 0.55, 0.57, 0.5, 0.49, 0.5, 0.46, 0.47, 0.45]
    for name in ("rate too high", "gradient", "memorising", "gap", "plateau"):
        assert SAID[name](trained(noisy)) is None
    assert comment(RunState()) == ""


def test_what_is_said_stands_until_a_tenth_of_an_epoch_is_over():
    state = trained([2, 1.5, 1.2, 1, 0.8, 0.7])
    said = {comment(after(progress(60 + n, 0.5 + n / 10), state=state)) for n in range(1, 10)}
    assert said == {comment(state)}


def test_a_long_run_is_commented_on_cheaply():
    told = [
        replace(progress(5 * n, *[0.5 + n % 7 / 100] * 8), gradient_norm=1.0) for n in range(1, 400)
    ]
    state = after(LONG, *told, *[scored(n, 0.5, 0.9) for n in range(1, 20)])
    began = time.perf_counter()
    for _ in range(20):
        comment(state)
    assert (time.perf_counter() - began) / 20 < 0.005


NUMBERS = st.one_of(st.floats(allow_nan=True), st.sampled_from([0.0, 0.5, 2.3]))
SHARES = st.floats(0, 1)
EVENTS = st.one_of(
    st.builds(
        lambda step, losses, norm: Progress(
            step=step,
            epoch=1 + step // 100,
            loss=losses[0],
            losses=tuple(losses),
            learning_rate=abs(norm),
            samples_per_second=1.0,
            gradient_norm=norm,
        ),
        st.integers(0, 2000),
        st.lists(NUMBERS, min_size=1, max_size=8),
        NUMBERS,
    ),
    st.builds(scored, st.integers(0, 20), NUMBERS, SHARES),
    st.builds(LearningRateChanged, step=st.integers(0, 2000), learning_rate=NUMBERS),
    st.sampled_from(
        [Paused(step=3), Resumed(step=3), STARTED, RunFailed(reason="diverged", message="diverged")]
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_no_run_is_beyond_words(events):
    state = after(replace(STARTED, steps_per_epoch=3))
    for event in events:
        state = after(event, state=state)
        assert isinstance(comment(state), str)
    for rule in RULES:
        rule.sentence(finished(state, 0.5))


def test_the_best_epoch_is_found_however_long_ago_it_was():
    rows = [(0.5, 0.5, 0.95 if epoch == 5 else 0.9 + epoch / 10_000) for epoch in range(1, 31)]
    assert "Epoch 30 is the best" not in comment(epochs(*rows))
    assert "Epoch 30 is the best" in comment(epochs(*rows[5:], (0.5, 0.5, 0.96))).replace(
        "26", "30"
    )


def test_just_over_half_right_is_not_mostly_wrong():
    assert "most are wrong" not in comment(finished(epochs((0.5, 0.5, 0.55)), 0.55))
    assert "most are wrong" in comment(finished(epochs((0.5, 0.5, 0.2)), 0.2))


def test_advice_after_divergence_is_from_the_schedule_s_peak():
    started = replace(LONG, config={"learning_rate": 0.1})
    failed = RunFailed(reason="diverged", message="it was no number")
    assert "a learning rate of 0.01" in comment(after(started, progress(10, 2.0), failed))


def test_the_gradient_s_middle_is_of_the_newest_ones():
    told = [
        replace(progress(n, 0.5), gradient_norm=500.0 if n < 1800 else 1.0) for n in range(1, 2000)
    ]
    assert "gradient" not in comment(after(LONG, *told))
