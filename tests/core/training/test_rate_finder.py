"""The search for a learning rate: what it suggests of a curve, and that a run is none the wiser."""

import math
import random

import pytest
import torch

from core.config import TrainConfig
from core.errors import UserError
from core.events import RunFinished
from core.responses.rates import STEPS
from core.training.learner import Learner
from core.training.rate_finder import RateSearch, rate_of_step, suggest
from tests.support.cli import NO_NETWORK
from tests.support.training import drive, folder_of, only

DROPS = "linear 16, relu, dropout 0.5, linear"


def curve(steepest: float, noise: float = 0.02, least: float = 0.4) -> list[float]:
    """Return losses that fall from 2.3 around a rate, and rise ten times as high above it."""
    draw = random.Random(0)
    losses = []
    for step in range(STEPS):
        away = math.log10(rate_of_step(step) / steepest)
        fall = (2.3 - least) / (1 + math.exp(-away * 6))
        rise = 10 ** max(0.0, away - 1.0) - 1
        losses.append(2.3 - fall + rise + draw.gauss(0, noise))
    return losses


def searched(config: TrainConfig):
    search = RateSearch(config)
    for _ in search.parts():
        pass
    return search.report()


def test_rates_grow_from_a_millionth_to_one():
    assert rate_of_step(0) == pytest.approx(1e-6)
    assert rate_of_step(STEPS - 1) == pytest.approx(1.0)
    factors = [rate_of_step(step + 1) / rate_of_step(step) for step in range(STEPS - 1)]
    assert max(factors) == pytest.approx(min(factors))


@pytest.mark.parametrize("steepest", [3e-5, 1e-3, 0.02])
def test_suggestion_is_where_the_loss_falls_fastest(steepest):
    rate, rule = suggest(curve(steepest))
    assert rate == pytest.approx(steepest, rel=0.3)
    assert rule == "where the smoothed loss falls fastest over the logarithm of the rate"


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e5])
def test_suggestion_ignores_the_scale_of_the_loss(scale):
    losses = curve(1e-3, noise=0.1)
    assert suggest([scale * loss for loss in losses]) == suggest(losses)


def test_loss_that_explodes_moves_no_suggestion():
    losses = curve(1e-3, noise=0.0)[:150]
    assert suggest([*losses, 1e30]) == suggest(losses)


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [2.3],
        [2.3] * STEPS,
        [2.3 + step / 50 for step in range(STEPS)],
        curve(1e-3, noise=0.1, least=2.2),
    ],
)
def test_curve_without_a_fall_has_no_suggestion(losses):
    assert suggest(losses) == (None, "the smoothed loss did not fall by 10%")


def test_search_repeats_few_images_and_writes_nothing(tiny, tmp_path):
    found = searched(tiny(optimizer="sgd", batch_size=150, schedule="onecycle"))
    assert found.is_last
    assert [each.rate for each in found.points] == list(map(rate_of_step, range(len(found.points))))
    assert found.suggestion is not None
    assert 1e-4 < found.suggestion < 1
    assert found.notes == (
        "the schedule onecycle is ignored here; the rate is its peak",
        "an epoch has 2 steps, so the search sees each image up to 100 times",
    )
    assert not (tmp_path / "runs").exists()


def test_small_batches_are_noted(tiny):
    assert searched(tiny(batch_size=15)).notes[0].startswith("batches of fewer than 16 images")
    assert "batches" not in searched(tiny(batch_size=16)).notes[0]


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (math.nan, "the loss became NaN or infinite at rate 0.0083"),
        (math.inf, "the loss became NaN or infinite at rate 0.0083"),
        (30.0, "the loss rose to 4 times its lowest value at rate 0.0083"),
    ],
)
def test_search_ends_where_the_loss_diverges(tiny, monkeypatch, last, why):
    losses = iter([*curve(1e-3)[:130], last])
    monkeypatch.setattr(Learner, "step", lambda *arguments: torch.tensor(next(losses)))
    found = searched(tiny())
    assert found.stopped == why
    assert len(found.points) == 130 + math.isfinite(last)
    assert found.suggestion == pytest.approx(1e-3, rel=0.3)


def test_search_starts_with_the_run_s_first_losses(tiny):
    """At a rate near zero, on the same weights, batches, shifts and random numbers."""
    settings = {"arch": DROPS, "shift": 2, "label_smoothing": 0.1}
    [first, *_] = [
        event.loss
        for event in drive(tiny(**settings, epochs=1, learning_rate=1e-6))
        if event.name == "progress"
    ]
    assert searched(tiny(**settings)).points[0].loss == first


def test_run_beside_a_search_is_the_same_to_the_bit(tiny, tmp_path):
    """Also of a network that draws random numbers, on another number of threads."""
    from core.training.trainer import train
    from tests.support.training import Inbox

    alone = drive(tiny(arch=DROPS, threads=1))
    beside = []
    parts = RateSearch(tiny(arch=DROPS, threads=2)).parts()
    for event in train(tiny(arch=DROPS, threads=1), Inbox()):
        beside.append(event)
        threads, random_state = torch.get_num_threads(), torch.get_rng_state()
        next(parts, None)
        next(parts, None)
        assert torch.get_num_threads() == threads
        assert torch.equal(torch.get_rng_state(), random_state)
    results = [only(events, RunFinished)[0].test_loss for events in (alone, beside)]
    assert results[0] == results[1]
    weights = [(folder_of(each) / "last.safetensors").read_bytes() for each in (alone, beside)]
    assert tensors_of(weights[0]) == tensors_of(weights[1])


def tensors_of(file: bytes) -> bytes:
    """Return a safetensors file without its header, which has times."""
    return file[8 + int.from_bytes(file[:8], "little") :]


def test_search_without_data_says_why(tiny, monkeypatch):
    monkeypatch.setenv("MNIST_TUI_MIRROR", NO_NETWORK)
    with pytest.raises(UserError, match="MNIST is not in nowhere"):
        searched(tiny(dataset="mnist", data="nowhere"))
