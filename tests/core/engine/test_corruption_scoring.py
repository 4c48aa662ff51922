"""Scoring a checkpoint on corrupted images, alone and beside training."""

from queue import SimpleQueue

import pytest

from core.commands import CancelCorruptions, Pause, Quit, Resume, ScoreCorruptions, Start
from core.data.corruptions import ALL, corrupt, list_levels
from core.engine import corruption_scoring
from core.engine.local_host import LocalHost
from core.engine.requests import load_newest
from core.events import Paused, Progress, Resumed, RunStarted
from core.models.inference import predict
from core.responses.predictions import CheckpointRefused
from core.responses.scores import CorruptionsScored
from core.training.trainer import train

ALL_LEVELS = list_levels(ALL)


@pytest.fixture
def checkpoint(tiny):
    (*_, finished) = train(tiny(), SimpleQueue())
    return finished.checkpoint


@pytest.fixture
def every_part(monkeypatch):
    """Emit the response after each part."""
    monkeypatch.setattr(corruption_scoring, "REPORT_SECONDS", 0.0)


def test_scores_are_those_of_all_images_at_once(checkpoint, tiny_tensors):
    host = LocalHost()
    host.send(ScoreCorruptions(checkpoint, None))
    for event in host.events():
        if isinstance(event, CorruptionsScored) and event.done == 1:
            host.send(Quit())
    clean, *scores = event.scores
    images, labels = tiny_tensors.test_images, tiny_tensors.test_labels
    assert (event.path, event.samples, event.step) == (checkpoint, len(labels), 20)
    assert clean.corruption is None
    assert [each.corruption for each in scores] == list(ALL_LEVELS)
    _, model = load_newest(checkpoint)
    for each in (clean, scores[4], scores[-1]):
        shown = corrupt(images, each.corruption) if each.corruption else images
        predicted = predict(model, shown).argmax(1)
        assert sum(each.correct) == (predicted == labels).sum()
        assert each.accuracy == (predicted == labels).double().mean()
        wrong = {index for index in range(len(labels)) if predicted[index] != labels[index]}
        assert {digit.index for digit in each.mistakes} <= wrong
        assert len(each.mistakes) == min(40, len(wrong))
        for digit in each.mistakes:
            assert digit.pixels == shown[digit.index].numpy().tobytes()
            assert not digit.right
        tops = [max(digit.probabilities()) for digit in each.mistakes]
        assert tops == sorted(tops, reverse=True)


def test_training_goes_on_beside_scoring(checkpoint, tiny, every_part):
    """During a run, during a pause, and again after it; a part at a time."""
    host, order = LocalHost(), []
    host.send(Start(tiny(epochs=100_000)))
    for event in host.events():
        order.append(type(event))
        match event:
            case RunStarted():
                host.send(ScoreCorruptions(checkpoint, None))
            case CorruptionsScored(done=done) if order.count(CorruptionsScored) == 3:
                assert done < 1
                host.send(Pause())
            case CorruptionsScored(done=1.0):
                host.send(Resume())
            case Resumed():
                host.send(Quit())
    before_pause = order[: order.index(Paused)]
    assert before_pause.count(CorruptionsScored) >= 3
    assert Progress in before_pause
    scored = order[order.index(Paused) : order.index(Resumed)].count(CorruptionsScored)
    assert scored > len(ALL_LEVELS) - 10, "nothing is waited for during a pause"


def test_scoring_takes_its_share_of_training(checkpoint, tiny, every_part, monkeypatch):
    waits = []
    real = corruption_scoring.CorruptionScoring._continue_in

    def wait(self, seconds):
        waits.append(seconds)
        real(self, 0.0)

    monkeypatch.setattr(corruption_scoring.CorruptionScoring, "_continue_in", wait)
    host = LocalHost()
    host.send(ScoreCorruptions(checkpoint, None, gives_way=True))
    parts = []
    for event in host.events():
        if isinstance(event, CorruptionsScored):
            parts.append(event.done)
            if event.done == 1:
                host.send(Quit())
    assert len(waits) == len(parts) - 1 == len(ALL_LEVELS)
    assert min(waits) > 0


def test_cancelled_scoring_ends(checkpoint, every_part):
    inbox = SimpleQueue()
    scoring = corruption_scoring.CorruptionScoring(inbox)
    list(scoring.handle(ScoreCorruptions(checkpoint, None)))
    assert list(scoring.handle(inbox.get(timeout=20)))
    list(scoring.handle(CancelCorruptions()))
    assert not list(scoring.handle(inbox.get(timeout=20)))
    assert inbox.empty()


def test_unreadable_checkpoint_is_refused(tmp_path):
    host = LocalHost()
    host.send(ScoreCorruptions(str(tmp_path / "none"), None))
    host.send(Quit())
    (refused,) = host.events()
    assert isinstance(refused, CheckpointRefused)
    assert refused.path == str(tmp_path / "none")
