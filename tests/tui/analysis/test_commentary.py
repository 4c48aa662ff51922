"""The commentary: each rule, on runs that are built of events."""

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
from tui.analysis.commentary import RULES, sentences
from tui.state.run_state import RunState

SENTENCES = {rule.name: rule.sentence for rule in RULES}
LONG = replace(STARTED, epochs=20, total_steps=2000)


def comment(state: RunState) -> str:
    return " ".join(sentences(state))


def trained(losses, *events, started=LONG) -> RunState:
    """Return a run after one tenth of an epoch for each training loss, and then the events."""
    steps = [progress(10 * (place + 1), loss) for place, loss in enumerate(losses)]
    return after(started, *steps, *events)


def scored(epoch: int, loss: float, accuracy: float) -> Evaluated:
    return Evaluated(epoch=epoch, step=100 * epoch, test_loss=loss, test_accuracy=accuracy)


def epochs(*rows) -> RunState:
    """Return a run after epochs of (training loss, test loss, test accuracy)."""
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
    return after(LONG, *(replace(progress(10 * n, 0.5), gradient_norm=norm) for n in range(1, 11)))


CHANGED = LearningRateChanged(step=100, learning_rate=1e-4)
CASES = [
    ("start", trained([]), "ln 10"),
    ("falling loss", trained([2, 1.5, 1.2, 1, 0.8, 0.7]), "from 1.57 to 0.833"),
    ("plateau", trained([0.3] * 30), "barely changed for two epochs"),
    (
        "overfitting",
        epochs((1, 0.5, 0.8), (0.5, 0.4, 0.9), (0.3, 0.5, 0.9), (0.2, 0.6, 0.9)),
        "2 e",
    ),
    ("generalization gap", epochs((1, 0.5, 0.8), (0.1, 0.4, 0.9)), "(0.400) is over twice the tr"),
    ("best epoch", epochs((1, 0.5, 0.8), (0.5, 0.4, 0.9)), "Epoch 2 is the best so far"),
    (
        "best epoch",
        epochs((1, 1, 0.9), (1, 1, 0.8), (1, 1, 0.7)),
        "the 2 epochs since then have not",
    ),
    ("high learning rate", trained([2.3, 2.6, 2.7, 2.8]), "worse than random guessing"),
    ("high learning rate", trained([1, 0.5, 0.3, 0.5, 0.9]), "loss is rising"),
    ("high learning rate", trained([1, 0.4, 1, 0.4, 1, 0.4, 1, 0.4]), "is noisy"),
    ("failure", trained([1], RunFailed(reason="diverged", message="NaN")), "Train again with"),
    ("failure", trained([1], RunFailed(reason="error", message="no")), "the error above"),
    ("gradient", gradient(500.0), "very large (norm 500)"),
    ("gradient", gradient(1e-5), "almost 0"),
    ("new learning rate", trained([1] * 10, CHANGED), "The effect shows after about 10 steps."),
    (
        "new learning rate",
        trained([1] * 10, CHANGED, *[progress(100 + 10 * n, 0.5) for n in (1, 2, 3)]),
        "has fallen since then, from 1.00 to 0.500",
    ),
    (
        "result",
        finished(trained([1]), 0.979),
        "The test accuracy is 97.9%: about 1 error in 48 digits",
    ),
    (
        "result",
        finished(trained([1]), 0.9),
        "typically reaches about 97% on MNIST: more epochs may help",
    ),
    ("result", finished(trained([1]), 1.0), "this run is better"),
    ("paused", trained([1], Paused(step=10)), "Paused at step 10."),
]


@pytest.mark.parametrize(("name", "state", "words"), CASES)
def test_each_rule_gives_its_sentence(name, state, words):
    sentence = SENTENCES[name](state)
    assert sentence
    assert words in sentence
    assert sentence in comment(state), "no more important rule applies"


def test_every_rule_has_a_case_and_a_condition():
    assert {name for name, _, _ in CASES} == set(SENTENCES)
    assert all(rule.condition for rule in RULES)


def test_a_steady_run_gets_no_warning():
    noisy = [2.0, 1.2, 0.9, 0.75, 0.7, 0.6, 0.62, 0.55, 0.57, 0.5, 0.49, 0.5, 0.46, 0.47, 0.45]
    for name in ("high learning rate", "gradient", "overfitting", "generalization gap", "plateau"):
        assert SENTENCES[name](trained(noisy)) is None
    assert comment(RunState()) == ""


def test_sentences_change_at_tenths_of_an_epoch():
    state = trained([2, 1.5, 1.2, 1, 0.8, 0.7])
    comments = {comment(after(progress(60 + n, 0.5 + n / 10), state=state)) for n in range(1, 10)}
    assert comments == {comment(state)}


def test_commenting_on_a_long_run_is_fast():
    steps = [
        replace(progress(5 * n, *[0.5 + n % 7 / 100] * 8), gradient_norm=1.0) for n in range(1, 400)
    ]
    state = after(LONG, *steps, *[scored(n, 0.5, 0.9) for n in range(1, 20)])
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
def test_any_events_can_be_commented_on(events):
    state = after(replace(STARTED, steps_per_epoch=3))
    for event in events:
        state = after(event, state=state)
        assert isinstance(comment(state), str)
    for rule in RULES:
        rule.sentence(finished(state, 0.5))


def test_best_epoch_may_be_long_ago():
    rows = [(0.5, 0.5, 0.95 if epoch == 5 else 0.9 + epoch / 10_000) for epoch in range(1, 31)]
    assert "Epoch 30 is the best" not in comment(epochs(*rows))
    assert "Epoch 30 is the best" in comment(epochs(*rows[5:], (0.5, 0.5, 0.96))).replace(
        "26", "30"
    )


def test_low_accuracy_is_called_mostly_wrong():
    assert "most predictions are wrong" not in comment(finished(epochs((0.5, 0.5, 0.55)), 0.55))
    assert "most predictions are wrong" in comment(finished(epochs((0.5, 0.5, 0.2)), 0.2))


def test_divergence_advice_uses_the_peak_rate():
    started = replace(LONG, config={"learning_rate": 0.1})
    failed = RunFailed(reason="diverged", message="the loss became NaN")
    assert "a learning rate of 0.01" in comment(after(started, progress(10, 2.0), failed))


def test_gradient_median_is_of_the_newest_norms():
    steps = [
        replace(progress(n, 0.5), gradient_norm=500.0 if n < 1800 else 1.0) for n in range(1, 2000)
    ]
    assert "gradient" not in comment(after(LONG, *steps))
