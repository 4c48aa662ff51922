"""Questions to the network in training, to a checkpoint and to the next run's network."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from core.checkpoints.io import load
from core.commands import Pause, Quit, Resume, Start
from core.engine.local_host import LocalHost
from core.events import CheckpointSaved, Paused, Progress, RunFinished, RunStarted
from core.explain import explainer
from core.questions import (
    CancelExplanation,
    ExplainChange,
    ExplainIdeal,
    ExplainLayers,
    ExplainMap,
    ExplainOcclusion,
    OfCheckpoint,
    OfUntrained,
    ScoreWithoutUnits,
)
from core.responses.explanations import Explanation, ExplanationRefused, OcclusionExplained, Unit
from core.responses.layers import UNTRAINED
from core.training.trainer import train

# With everything that draws random numbers or changes in a forward pass.
NETWORK = "conv 4 3 stride 2, batchnorm, relu, dropout 0.2, linear 16, relu, linear"


@pytest.fixture
def image(tiny_tensors):
    return tiny_tensors.test_images[3].numpy().tobytes()


def all_questions(image):
    return (
        ExplainOcclusion(image),
        ExplainLayers(image, off=(Unit("stack.0", 1),)),
        ScoreWithoutUnits((Unit("stack.0", 1),)),
        ExplainChange(image, 5),
        ExplainIdeal(2),
        ExplainMap((image,)),
    )


def answers(commands, until=None):
    """Send each question when the one before is answered; return the whole answers."""
    host, waiting, found = LocalHost(), [*commands], []
    host.send(waiting.pop(0))
    for event in host.events():
        refused = isinstance(event, ExplanationRefused)
        if refused or (isinstance(event, Explanation) and event.done == 1):
            found.append(event)
            host.send(waiting.pop(0) if waiting else Quit())
    return found


def test_questions_change_nothing_in_training(tiny, image, monkeypatch):
    """Every tensor of the checkpoint is that of a run without questions, dropout's random numbers
    included."""
    monkeypatch.setattr(explainer, "EXPLAIN_SHARE", 0.9)
    monkeypatch.setattr(explainer, "FORMING_SECONDS", 0.0)
    config = tiny(arch=NETWORK, epochs=60)
    (*_, plain) = train(config, SimpleQueue())
    host, waiting, found = LocalHost(), [*all_questions(image)], []
    host.send(Start(config))
    for event in host.events():
        match event:
            case RunStarted():
                host.send(waiting.pop(0))
            case ExplanationRefused():
                raise AssertionError(event.message)
            case RunFinished():
                finished = event
                host.send(Quit())
            case _ if isinstance(event, Explanation) and event.done == 1:
                found.append(event)
                if waiting:
                    host.send(waiting.pop(0))
    assert len(found) == len(all_questions(image))
    assert {each.source for each in found} == {None}
    before, after = (load(Path(each.checkpoint))[1] for each in (plain, finished))
    assert all(before[name].equal(after[name]) for name in before)
    assert len(before) > 20


def test_question_is_answered_during_a_pause(tiny, image):
    """The checkpoint of the pause is reported meanwhile, however many slices there are."""
    host, order = LocalHost(), []
    host.send(Start(tiny(epochs=100_000)))
    for event in host.events():
        order.append(type(event))
        match event:
            case Progress() if Paused not in order:
                host.send(Pause())
            case Paused():
                host.send(ExplainOcclusion(image))
            case OcclusionExplained(done=1.0) if CheckpointSaved not in order:
                host.send(ExplainOcclusion(image))
            case OcclusionExplained(done=1.0):
                assert Progress not in order[order.index(Paused) :]
                host.send(Resume())
                host.send(Quit())
    assert OcclusionExplained in order


def test_checkpoint_and_untrained_network_are_asked(tiny, image, monkeypatch):
    monkeypatch.setattr(explainer, "FORMING_SECONDS", 0.0)
    config = tiny(arch=NETWORK)
    (*_, finished) = train(config, SimpleQueue())
    path = finished.checkpoint
    questions = all_questions(image)
    found = answers(
        [OfCheckpoint(path, each, None) for each in questions]
        + [OfUntrained(config, each) for each in questions]
    )
    assert [each.source for each in found] == [path] * 6 + [UNTRAINED] * 6
    assert [each.step for each in found] == [20] * 6 + [0] * 6
    assert not [each for each in found if isinstance(each, ExplanationRefused)]


def test_questions_without_an_answer_are_refused(tiny, image, tmp_path):
    config = tiny()
    missing = str(tmp_path / "none.safetensors")
    found = answers(
        [
            ExplainIdeal(1),
            OfCheckpoint(missing, ExplainIdeal(1), None),
            OfUntrained(config, ExplainIdeal(10)),
            OfUntrained(config, ExplainOcclusion(b"short")),
            OfUntrained(config, ExplainMap()),
            OfUntrained(config, ScoreWithoutUnits((Unit("stack.9", 0),))),
        ]
    )
    assert all(isinstance(each, ExplanationRefused) for each in found)
    messages = [each.message for each in found]
    assert "no network is in training" in messages[0]
    assert missing in messages[1]
    assert "no class 10" in messages[2]
    assert "28×28" in messages[3]
    assert "no hidden layer" in messages[4]
    assert "stack.9" in messages[5]
    assert all("\n" not in each for each in messages)


def test_cancelled_question_is_not_answered(tiny, image):
    host = LocalHost()
    host.send(OfUntrained(tiny(arch=NETWORK), ExplainOcclusion(image)))
    host.send(CancelExplanation())
    host.send(OfUntrained(tiny(arch=NETWORK), ExplainOcclusion(image, asker=1, question=2)))
    for event in host.events():
        assert event.question == 2
        if event.done == 1:
            host.send(Quit())
