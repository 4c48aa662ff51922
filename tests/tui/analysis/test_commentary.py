"""The commentary: each rule, on runs that are built of events."""

import textwrap
import time
from array import array
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.digit import Digit
from core.events import (
    Evaluated,
    LearningRateChanged,
    Paused,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    Scored,
)
from core.responses.predictions import Predicted
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


def at_rate(rate: float, state_of, *arguments) -> RunState:
    """Return what `state_of` makes of a run with that learning rate."""
    return replace(state_of(*arguments), chosen_rate=rate)


def answering(logits: list[float], *more: list[float], step: int = 100) -> Predicted:
    """Return predictions for digits whose outputs are these."""
    digits = tuple(Digit(n, b"", 0, tuple(each)) for n, each in enumerate([logits, *more]))
    return Predicted(digits=digits, samples=100, step=step)


SAME, OTHER = [0.1, 0.5, 0.2], [0.3, 0.1, 0.2]
CHANGED = LearningRateChanged(step=100, learning_rate=1e-4)
OVERFIT = [(1, 0.5, 0.8), (0.5, 0.4, 0.9), (0.3, 0.5, 0.9), (0.2, 0.6, 0.9)]
CASES = [
    ("start", trained([]), "its loss is about ln 10 = 2.30"),
    ("falling loss", trained([2, 1.5, 1.2, 1, 0.8, 0.7]), "from 1.57 to 0.833"),
    ("first epoch", trained([2.2, 1.6]), "from about 2.30 (guessing) to 1.60"),
    ("first epoch", trained([2.3, 2.29]), "still near 2.30, that of guessing"),
    ("plateau", trained([0.3] * 30), "hardly changed for two epochs"),
    ("overfitting", epochs(*OVERFIT), "lowest after epoch 2 (0.400) and is 0.600 now"),
    ("generalization gap", epochs((1, 0.5, 0.8), (0.1, 0.4, 0.9)), "is 4 times the training loss"),
    ("best epoch", epochs((1, 0.5, 0.8)), "After epoch 1, 80.0% of the test images"),
    ("best epoch", epochs((1, 0.5, 0.8), (0.5, 0.4, 0.9)), "Epoch 2 is the best so far (90.0%)"),
    ("best epoch", epochs((1, 1, 0.9), (1, 1, 0.8)), "The best so far is epoch 1 (90.0%)."),
    ("best epoch", epochs((1, 1, 0.9), (1, 1, 0.8), (1, 1, 0.7)), "epoch 1 (90.0%), 2 epochs ago"),
    ("high learning rate", trained([2.3, 2.6, 2.7, 2.8]), "above 2.30, that of guessing"),
    ("high learning rate", epochs((9, 9, 0.7)), "although 70.0% are correct"),
    ("high learning rate", trained([1, 0.3, 0.2, 0.5, 0.9]), "loss is rising"),
    ("low learning rate", at_rate(1e-4, trained, [2.2] * 5 + [2.0] * 5), "a higher learning rate"),
    ("noise", trained([1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1]), "goes up and down"),
    (
        "no learning",
        at_rate(0.1, trained, [9] + [2.31] * 5),
        "Start again with learning rate 0.001",
    ),
    ("no learning", at_rate(1e-5, trained, [2.31] * 6), "Try a higher learning rate"),
    ("dead network", trained([2.3], answering(SAME, SAME, SAME)), "Start again with another seed"),
    ("failure", trained([1], RunFailed(reason="diverged", message="NaN")), "Train again with"),
    ("failure", trained([1], RunFailed(reason="error", message="no")), "the error above"),
    ("gradient", gradient(500.0), "very large (norm 500)"),
    ("gradient", gradient(1e-5), "almost 0 (norm 1e-05): gradients vanish"),
    ("new learning rate", trained([1] * 10, CHANGED), "The effect shows after about 10 steps."),
    (
        "new learning rate",
        trained([1] * 10, CHANGED, *[progress(100 + 10 * n, 0.5) for n in (1, 2, 3)]),
        "has fallen since then, from 1.00 to 0.500",
    ),
    ("result", finished(trained([1]), 0.923), "The test accuracy is 92.3%, typical of mlp."),
    ("result", finished(trained([1]), 0.9), "90.0%. mlp typically reaches 92% in 6 epochs."),
    ("result", finished(trained([1]), 0.1), "10.0%, no better than guessing. Try another"),
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


def test_every_sentence_fits_two_lines():
    long = [(name, words) for name, state, words in CASES if len(lines_of(name, state)) > 2]
    assert not long
    results = [finished(epochs(*OVERFIT, *[OVERFIT[-1]] * 9), share) for share in (0.945, 0.9999)]
    assert all(len(lines_of("result", state)) <= 2 for state in results)


def lines_of(name: str, state: RunState) -> list[str]:
    return textwrap.wrap(SENTENCES[name](state) or "", 76)


WARNINGS = (
    "high learning rate",
    "low learning rate",
    "gradient",
    "overfitting",
    "noise",
    "plateau",
)


def test_a_steady_run_gets_no_warning():
    noisy = [2.0, 1.2, 0.9, 0.75, 0.7, 0.6, 0.62, 0.55, 0.57, 0.5, 0.49, 0.5, 0.46, 0.47, 0.45]
    for name in (*WARNINGS, "generalization gap", "dead network", "no learning"):
        assert SENTENCES[name](trained(noisy)) is None
    assert comment(RunState()) == ""


def test_no_tenth_of_a_real_run_with_default_settings_is_warned_of():
    """The training losses of mlp on the sample, whose tenths of an epoch are 400 images: they were
    called too high a learning rate."""
    started = replace(LONG, steps_per_epoch=125, batch_size=32, train_samples=4_000)
    losses = [
        0.27,
        0.22,
        0.31,
        0.24,
        0.29,
        0.35,
        0.22,
        0.25,
        0.27,
        0.18,
        0.25,
        0.26,
        0.2,
        0.18,
        0.26,
    ]
    for count in range(1, len(losses) + 1):
        state = after(
            started, *(progress(25 * n // 2, loss) for n, loss in enumerate(losses[:count], 1))
        )
        assert [name for name in WARNINGS if SENTENCES[name](state)] == []


DEAD = "The network is dead"


@pytest.mark.parametrize(
    ("answers", "is_dead"),
    [((SAME, SAME, SAME), True), ((SAME, SAME, OTHER), False), ((SAME, SAME), False)],
)
def test_network_with_one_answer_for_all_is_dead(answers, is_dead):
    state = at_rate(0.1, trained, [2.3], answering(*answers))
    assert (DEAD in comment(state)) == is_dead
    if is_dead:
        assert comment(state).endswith("Start again with learning rate 0.001.")
        assert comment(finished(state, 0.1)).startswith(DEAD), "also of a run that has ended"


def test_dead_network_is_seen_in_an_evaluation():
    same, other = array("f", SAME * 4).tobytes(), array("f", SAME * 3 + OTHER).tobytes()
    state = replace(epochs((2.31, 2.31, 0.1)), digits=())
    state = replace(state, started=replace(LONG, classes=3))
    assert DEAD in comment(after(Scored(epoch=1, step=100, logits=same), state=state))
    assert DEAD not in comment(after(Scored(epoch=1, step=100, logits=other), state=state))


@pytest.mark.parametrize(("loss", "is_dead"), [(2.31, True), (1.2, False)])
def test_dead_network_is_seen_in_a_record(loss, is_dead):
    """A record has the counts of an evaluation, not its predictions."""
    state = epochs((loss, loss, 0.1))
    confusion = tuple(tuple(10 * (column == 3) for column in range(10)) for _ in range(10))
    scores = (replace(state.scores[0], confusion=confusion),)
    assert (DEAD in comment(replace(state, scores=scores))) == is_dead


FALLING = [(0.5, 0.5, 0.8), (0.4, 0.4, 0.85), (0.3, 0.3, 0.9)]
JUMPING = [(0.5, test, 0.8) for test in (0.5, 0.7, 0.5, 0.7, 0.5)]
FLAT = [(0.3, 0.3, 0.9)] * 4


def result(rows, rate=0.001) -> str:
    """Return the sentence on a run that ended after these epochs."""
    state = replace(epochs(*rows), phase="finished", chosen_rate=rate)
    return SENTENCES["result"](state) or ""


@pytest.mark.parametrize(
    ("rows", "rate", "advice"),
    [
        (FALLING, 0.001, "was still falling: more epochs may help."),
        (FALLING, 0.0001, "was still falling: more epochs or a higher learning rate may help."),
        (FLAT, 0.001, "levelled off: more epochs would hardly help."),
        (OVERFIT, 0.001, "has risen since epoch 2 (overfitting): use fewer epochs."),
        (JUMPING, 0.1, "goes up and down: a lower learning rate may help, try 0.001."),
        ([(9, 9, 0.8)], 0.1, "above that of guessing: the learning rate was too high, try 0.001."),
        ([(0.5, 0.5, 0.8)], 0.001, "mlp typically reaches 92% in 6 epochs."),
    ],
)
def test_result_advises_what_the_curve_shows(rows, rate, advice):
    text = result(rows, rate)
    assert advice in text
    assert text.endswith("mlp typically reaches 92% in 6 epochs."), "what matters less comes last"


@pytest.mark.parametrize(("last", "is_advised"), [(0.3, True), (0.5, False)])
def test_one_epoch_is_enough_unless_its_loss_still_fell(last, is_advised):
    state = trained([2, 1, 0.6, 0.6, 0.5, 0.5, last, last, last, last], scored(1, 0.4, 0.85))
    text = SENTENCES["result"](replace(state, phase="finished")) or ""
    assert ("more epochs may help" in text) == is_advised


def test_typical_accuracy_is_of_the_dataset_or_not_said():
    def on(dataset):
        return replace(
            epochs((0.5, 0.5, 0.9)), phase="finished", started=replace(LONG, dataset=dataset)
        )

    assert "reaches 97% in" in comment(on("mnist"))
    assert "reaches 92% in" in comment(on("sample"))
    assert "ypical" not in comment(on("bars"))


def test_loss_of_guessing_is_that_of_the_classes():
    state = replace(trained([1.5, 1.5, 1.5]), started=replace(LONG, classes=4))
    assert "above 1.39, that of guessing" in comment(state)


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


def test_divergence_advice_uses_the_peak_rate():
    """Where that is far too high, a tenth of it would be too."""
    failed = RunFailed(reason="diverged", message="the loss became NaN")
    for rate, lower in ((0.005, "0.0005"), (1e9, "0.001")):
        started = replace(LONG, config={"learning_rate": rate, "optimizer": "adam"})
        state = after(started, progress(10, 2.0), failed)
        assert comment(state).endswith(f"Train again with a learning rate of {lower}.")


def test_gradient_median_is_of_the_newest_norms():
    steps = [
        replace(progress(n, 0.5), gradient_norm=500.0 if n < 1800 else 1.0) for n in range(1, 2000)
    ]
    assert "gradient" not in comment(after(LONG, *steps))
