"""When training has diverged."""

import math
from pathlib import Path

import pytest
import torch

from core.checkpoints.header import read_info
from core.commands import Pause, Resume, Save, Stop
from core.config import TrainConfig
from core.errors import Diverged
from core.events import Evaluated, Paused, Progress, RunStarted
from core.models.metrics import METRICS
from core.training import divergence, loop
from core.training.divergence import LossCheck, check_weights, suggest_rate
from tests.support.training import drive, folder_of, only, resume_run

CONFIG = TrainConfig(learning_rate=0.1)
TEN, FOUR = 10, 4
LARGE = 1_000 * math.log(10)


def steps_checked(check: LossCheck, losses: list[float], parts: tuple[int, ...]) -> str:
    """Return the message after losses that are reported in parts of so many steps, or ""."""
    step = 0
    try:
        for part in parts:
            check.add(losses[step : step + part], step + part, CONFIG)
            step += part
    except Diverged as error:
        return str(error)
    return ""


def test_first_loss_that_is_not_finite_diverges():
    check = LossCheck(TEN)
    check.add([1.0, 0.5], 17, CONFIG)
    with pytest.raises(Diverged, match="diverged by step 19: the loss became NaN or infinite"):
        check.add([0.5, float("nan"), float("inf")], 20, CONFIG)


def test_infinite_weight_diverges():
    check_weights([torch.ones(3)], 7, CONFIG)
    with pytest.raises(Diverged, match=r"by step 7: .* below 0\.1"):
        check_weights([torch.ones(3), torch.tensor([0.0, float("inf")])], 7, CONFIG)


@pytest.mark.parametrize("parts", [(150,), (50,) * 3, (37, 53, 60), (99, 1, 50), (1,) * 150])
def test_block_of_large_losses_diverges_however_reported(parts):
    losses = [1.0] * 50 + [LARGE + 1] * 50 + [math.nan] * 50
    message = steps_checked(LossCheck(TEN), losses, parts)
    assert "by step 100: the mean training loss of steps 51 to 100 is 2.3e+03" in message
    assert "over 1,000 times that of guessing; try a learning rate below 0.1" in message


@pytest.mark.parametrize("loss", [LARGE - 1, LARGE + 1])
def test_limit_is_a_thousand_times_guessing(loss):
    assert bool(steps_checked(LossCheck(TEN), [loss] * 50, (50,))) == (loss > LARGE)
    assert steps_checked(LossCheck(FOUR), [loss] * 50, (50,)), "with four classes it is lower"


def test_spike_of_a_few_steps_does_not_diverge():
    losses = [0.5] * 60 + [3e4] * 3 + [0.5] * 87
    assert steps_checked(LossCheck(TEN), losses, (80, 70)) == ""


def test_block_of_unknown_start_is_not_judged():
    """A checkpoint of an earlier version has no sum of the block that it was saved in."""
    check = LossCheck(TEN)
    check.resume(20, None)
    check.add([1e9] * 30, 50, CONFIG)
    with pytest.raises(Diverged, match="steps 51 to 100"):
        check.add([1e9] * 50, 100, CONFIG)


@pytest.mark.parametrize(
    ("rate", "optimizer", "lower"),
    [(1e9, "adam", 0.001), (0.005, "adamw", 0.0005), (10.0, "sgd", 0.01), (0.05, "sgd", 0.005)],
)
def test_suggested_rate_is_one_that_trains(rate, optimizer, lower):
    assert suggest_rate(rate, optimizer) == pytest.approx(lower)


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


def reason_of(events) -> str:
    assert events[-1].reason == "diverged"
    return events[-1].message.partition("; the last checkpoint")[0]


def test_interrupted_run_diverges_like_an_uninterrupted_one(tiny, every_step, monkeypatch):
    """Paused, saved and stopped within a block, whose mean is over the limit only as a whole."""
    monkeypatch.setattr(divergence, "LIMIT", 0.95)
    config = tiny(batch_size=2, learning_rate=1e-6)
    whole = reason_of(drive(config))
    assert "by step 50: the mean training loss of steps 1 to 50" in whole
    cut = drive(config, {10: [Pause()], Paused: [Resume()], 20: [Save()], 30: [Stop()]})
    assert (cut[-1].stopped, cut[-1].steps) == (True, 30)
    resumed = resume_run(folder_of(cut))
    assert only(resumed, RunStarted)[0].step == 30
    assert reason_of(resumed) == whole
    again = resume_run(folder_of(cut))
    assert only(again, RunStarted)[0].step == 30, "a run that has diverged can be resumed"
    assert reason_of(again) == whole
    assert read_info(Path(again[-1].checkpoint)).step == 30


def test_losses_that_diverged_at_once_are_reported(tiny, monkeypatch):
    """They are all in one report, which finds them too large."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 1e9)
    monkeypatch.setattr(divergence, "LIMIT", 0.5)
    events = drive(tiny(batch_size=2, learning_rate=1e-6))
    assert reason_of(events).startswith("training diverged by step 50")
    first, rest = only(events, Progress)
    assert first.step == 1
    assert rest.step >= 50
    assert rest.loss > 0.5 * math.log(10)


def test_large_test_loss_is_divergence(tiny, monkeypatch):
    values = iter([0.5, LARGE + 1])
    monkeypatch.setitem(METRICS, "loss", lambda logits, labels: next(values))
    events = drive(tiny(epochs=2))
    assert events[-1].reason == "diverged"
    assert "by step 20: the mean test loss is 2.3e+03, over 1,000 times" in events[-1].message
    assert [event.test_loss for event in only(events, Evaluated)] == [0.5]
    assert read_info(folder_of(events) / "last.safetensors").step == 10
