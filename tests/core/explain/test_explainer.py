"""The order and the share of time of questions: no network, and no clock but a fake one."""

from queue import SimpleQueue

import pytest
import torch
from torch import nn

from core.errors import UsageError
from core.explain import explainer
from core.explain.explainer import EXPLAIN_SHARE, Explainer
from core.explain.subject import Subject
from core.questions import ContinueExplaining, ExplainIdeal
from core.responses.explanations import ExplanationRefused, IdealExplained
from tests.support.explanations import predicted_as

SLICE, PARTS = 0.01, 4  # seconds of a slice; slices of an answer


class Clock:
    """Its seconds pass while slices are computed, and at timers."""

    now = 100.0
    timers: list[float]

    def __init__(self):
        self.timers = []

    def __call__(self):
        return self.now

    def timer(self, seconds, call, arguments):
        self.timers.append(seconds)

        class Due:
            daemon = False

            def start(inner):
                self.now += seconds
                call(*arguments)

            def cancel(inner):
                pass

        return Due()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(explainer, "perf_counter", clock)
    monkeypatch.setattr(explainer, "Timer", clock.timer)

    def explain(question, subject, memory):
        if question.target == 9:
            raise UsageError("no such class")
        for part in range(1, PARTS + 1):
            clock.now += SLICE
            if question.target == 8 and part == 2:
                raise RuntimeError("a layer that raises\nand more")
            ideal = predicted_as(bytes(784), question.target)
            yield IdealExplained(
                ideal=ideal, target=question.target, step=0, done=part / PARTS, arch="none"
            )

    monkeypatch.setattr(explainer, "explain", explain)
    return clock


def subject(step: int) -> Subject:
    return Subject(model=nn.Identity(), step=step, arch="mlp", class_names=("a", "b"), test=None)


def answers_of(inbox, asked: Explainer):
    """Handle the commands that the explainer sends to itself, and return all answers."""
    found = []
    while not inbox.empty():
        assert isinstance(inbox.get(), ContinueExplaining)
        found += asked.proceed()
    return found


def make(*, is_training=False):
    inbox = SimpleQueue()
    asked = Explainer(inbox)
    asked.set_training(is_training)
    return inbox, asked


def test_answer_names_its_question_and_network(clock):
    inbox, asked = make()
    asked.begin(ExplainIdeal(3, asker=2, question=7), lambda: subject(40))
    last = answers_of(inbox, asked)[-1]
    assert (last.done, last.step, last.arch, last.asker, last.question) == (1, 40, "mlp", 2, 7)
    assert sum(clock.timers) < 0.5, "only an image that forms is waited for"


def test_training_keeps_its_share_of_time(clock):
    """Of all questions together, the copies of the network included."""
    inbox, asked = make(is_training=True)

    def take():
        clock.now += SLICE
        return subject(1)

    began = clock.now
    for asker in range(3):
        asked.begin(ExplainIdeal(asker, asker=asker), take)
    assert len([each for each in answers_of(inbox, asked) if each.done == 1]) == 3
    worked = 3 * (PARTS + 1) * SLICE
    waited = clock.now - began - worked
    last = worked / 3 / (PARTS + 1)  # nothing follows on the last slice
    assert worked - last == pytest.approx(EXPLAIN_SHARE * (waited + worked - last))


def test_pause_ends_the_wait(clock, monkeypatch):
    waiting = []

    class Waiting:
        daemon = False

        def __init__(self, seconds, call, arguments):
            self.start, self.cancel = lambda: waiting.append(self), lambda: waiting.remove(self)

    monkeypatch.setattr(explainer, "Timer", Waiting)
    monkeypatch.setattr(explainer, "FORMING_SECONDS", 0.0)
    inbox, asked = make(is_training=True)
    asked.begin(ExplainIdeal(1), lambda: subject(1))
    assert answers_of(inbox, asked)[-1].done < 1
    assert len(waiting) == 1
    asked.set_training(False)
    assert not waiting
    assert answers_of(inbox, asked)[-1].done == 1


def test_askers_take_turns(clock):
    inbox, asked = make(is_training=True)
    for asker in (1, 2):
        asked.begin(ExplainIdeal(asker, asker=asker), lambda: subject(1))
    assert [each.asker for each in answers_of(inbox, asked)] == [1, 2] * PARTS


def test_new_question_replaces_the_one_before(clock):
    inbox, asked = make()
    asked.begin(ExplainIdeal(1, question=1), lambda: subject(1))
    inbox.get()
    list(asked.proceed())
    asked.begin(ExplainIdeal(2, question=2), lambda: subject(2))
    found = answers_of(inbox, asked)
    assert {each.question for each in found} == {2}
    asked.begin(ExplainIdeal(3, question=3), lambda: subject(3))
    asked.cancel(0)
    assert not answers_of(inbox, asked)


def test_kept_network_is_asked_again(clock):
    """A viewer's is forgotten with its run."""
    inbox, asked = make()
    for step, asker in ((1, 0), (1, 5)):
        asked.begin(ExplainIdeal(1, asker=asker), lambda step=step: subject(step))
        answers_of(inbox, asked)
    asked.forget_viewers()
    for asker, expected in ((0, 1), (5, 2)):
        asked.begin(ExplainIdeal(1, asker=asker, keeps=True), lambda: subject(2))
        assert answers_of(inbox, asked)[-1].step == expected


def test_earlier_network_is_not_kept_for_a_newer_question(clock):
    """Also where the question about the new one was cancelled before its network was taken."""
    inbox, asked = make()
    asked.begin(ExplainIdeal(1), lambda: subject(1))
    answers_of(inbox, asked)
    asked.begin(ExplainIdeal(1), lambda: subject(2))
    asked.begin(ExplainIdeal(2, keeps=True), lambda: subject(2))
    assert answers_of(inbox, asked)[-1].step == 2


def test_waiting_question_ends_with_its_run(clock):
    inbox, asked = make()
    asked.begin(ExplainIdeal(1, asker=5), lambda: subject(1))
    asked.forget_viewers()
    assert not answers_of(inbox, asked)


def test_random_numbers_stay_as_they_are(clock, monkeypatch):
    """A network from a file may draw some in each forward pass, and training's would be others."""

    def explain(question, subject, memory):
        yield IdealExplained(
            ideal=predicted_as(bytes(784), 1), target=1, step=0, done=float(torch.rand(()) >= 0)
        )

    monkeypatch.setattr(explainer, "explain", explain)
    inbox, asked = make()
    before = torch.get_rng_state()
    asked.begin(ExplainIdeal(1), lambda: subject(1))
    assert answers_of(inbox, asked)
    assert torch.get_rng_state().equal(before)


def test_failures_are_one_line(clock):
    inbox, asked = make()
    found = []
    for target in (9, 8):
        asked.begin(ExplainIdeal(target, question=target), lambda: subject(1))
        found.append(answers_of(inbox, asked)[-1])

    def take():
        raise UsageError("no network")

    asked.begin(ExplainIdeal(1), take)
    found += answers_of(inbox, asked)
    assert all(isinstance(each, ExplanationRefused) for each in found)
    what = "this cannot be explained: a layer that raises"
    assert [each.message for each in found] == ["no such class", what, "no network"]
