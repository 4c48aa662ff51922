"""Routes are chosen by measured times, and measuring leaves no trace in a run."""

import random
from itertools import chain, repeat

import pytest
import torch

from core.compute.candidates import list_choices
from core.compute.routes import Route
from core.models.networks import resolve_network
from core.training.routes import measure as measuring
from core.training.routes.measure import Timer, budget_seconds, measure

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def whole_machine(monkeypatch):
    monkeypatch.setattr("core.compute.candidates.cpu_cores", lambda: 4)
    monkeypatch.setattr("core.compute.threads.cpu_cores", lambda: 4)
    monkeypatch.setattr("core.compute.devices._bf16_missing", lambda device: None)
    monkeypatch.setattr("core.compute.devices._has_fast_bf16", lambda device: True)
    monkeypatch.setattr("core.compute.torch_private.has_onednn_linear", lambda: True)


@pytest.fixture(autouse=True)
def others(monkeypatch):
    """Return how many cores other programs use: none, whatever runs beside the tests."""
    cores = [0.0]
    monkeypatch.setattr("core.compute.usage.OtherLoad.cores", lambda self: cores[0])
    monkeypatch.setattr("core.compute.usage.all_cores", lambda: 4)
    monkeypatch.setattr("core.training.routes.measure.cpu_cores", lambda: 4)
    return cores


class Clock:
    """Time that passes only in steps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def finish(generator):
    """Return what a generator returns, and how often it yields."""
    turns = 0
    while True:
        try:
            next(generator)
        except StopIteration as done:
            return done.value, turns
        turns += 1


@pytest.fixture
def race(monkeypatch, tiny, tiny_tensors):
    """Return a function that measures a network whose steps take the given seconds."""

    def run(seconds, arch="cnn", precision="auto", noise=0.0, steps=10_000, against=None, seed=1):
        clock, draw = Clock(), random.Random(seed)

        class Fake(Timer):
            def __init__(self, route, config, few, device):
                self.route, self.ratios = route, []
                clock.now += 0.01
                self.first_step = self.seconds_per_step(1)

            def seconds_per_step(self, steps):
                taken = seconds(self.route)
                if taken is None:
                    raise RuntimeError("could not create a primitive")
                taken *= 1 + noise * draw.random()
                clock.now += taken * steps
                return taken

        monkeypatch.setattr(measuring, "Timer", Fake)
        monkeypatch.setattr(measuring, "perf_counter", clock)
        choices = list_choices(resolve_network(arch), CPU, precision)
        config = tiny(arch=arch, precision=precision)
        return finish(measure(choices, config, tiny_tensors, CPU, steps, against=against))[0]

    return run


def test_faster_route_is_taken(race):
    """As on a processor whose bf16 is emulated, where one thread is slow."""
    found = race(lambda r: (0.027 if r.precision == "bf16" else 0.020) * (1 + (r.threads == 1)))
    assert (found.route.precision, found.route.threads) == ("fp32", 4)
    assert found.speedup == pytest.approx(1.35)
    assert found.is_complete
    assert found.doubt is None


def test_parts_that_pay_only_together_are_found(race):
    def seconds(route):
        together = route.precision == "fp32" and route.layout == "contiguous"
        return 0.010 if together else 0.011 + 0.001 * (route != found_default)

    found_default = list_choices(resolve_network("cnn"), CPU, "auto").default
    found = race(seconds)
    assert (found.route.precision, found.route.layout) == ("fp32", "contiguous")


@pytest.mark.parametrize("gain", [0.0, 0.015])
def test_default_stays_without_a_clear_gain(race, gain):
    default = list_choices(resolve_network("cnn"), CPU, "auto").default
    found = race(lambda route: 0.02 * (1 - gain * (route != default)), noise=0.01)
    assert found.route == default == found.default
    assert found.speedup == 1


def test_busy_machine_mostly_keeps_the_default_and_says_why(race):
    """Steps take 1 to 4 times as long, so now and then another route seems faster beyond doubt."""
    default = list_choices(resolve_network("cnn"), CPU, "auto").default
    all_found = [
        race(lambda route: 0.02 * (1 - 0.06 * (route != default)), noise=3.0, seed=seed)
        for seed in range(10)
    ]
    assert sum(found.route == default for found in all_found) >= 6
    assert any("vary too much" in (found.doubt or "") for found in all_found)
    assert all(found.seconds <= budget_seconds(10_000 * 0.08) for found in all_found)


def test_default_stays_where_other_programs_use_the_cores(race, others):
    """One thread would be fastest beside them, and not after they have ended."""
    others[0] = 0.9
    found = race(lambda route: 0.01 if route.threads == 1 else 0.02)
    assert found.route == found.default
    assert found.doubt == "other programs used 0.9 cores of this machine"


def test_route_that_raises_is_left_out_and_named(race):
    found = race(lambda route: None if route.layout == "contiguous" else 0.02)
    assert found.route.layout == "channels-last"
    assert any("contiguous" in text for text in found.failed)
    assert set(found.failed.values()) == {"could not create a primitive"}


def test_default_that_raises_stays(race):
    found = race(lambda route: None)
    assert found.route == found.default
    assert found.step_seconds == 0


def test_short_run_is_not_measured(race, others):
    others[0] = 3.0  # which a run that measures nothing does not mention
    assert race(lambda route: 0.02, steps=200).step_seconds == 0
    times = chain([0.01], repeat(0.001))  # the first step also prepares
    found = race(lambda route: next(times), steps=5000)
    assert (found.step_seconds, found.ratios, found.doubt) == (0, {}, None)
    assert found.seconds < 0.05


def test_slow_steps_stay_within_the_budget(race):
    found = race(lambda route: 0.4 if route.precision == "bf16" else 0.2, steps=1000)
    assert found.seconds < budget_seconds(400) + 3 * 0.4
    found = race(lambda route: 25.0, steps=6000)
    assert found.seconds < 30, "one step shows it"


def test_bf16_that_was_asked_for_is_compared(race):
    against = list_choices(resolve_network("cnn"), CPU, "fp32").default
    found = race(
        lambda r: 0.027 if r.precision == "bf16" else 0.020, precision="bf16", against=against
    )
    assert found.route.precision == "bf16"
    assert found.against_ratio == pytest.approx(20 / 27)


def test_measuring_changes_no_random_state(tiny, tiny_tensors):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    config = tiny(arch="quick")
    choices = list_choices(resolve_network("quick"), CPU, "fp32", 1)
    found, turns = finish(measure(choices, config, tiny_tensors, CPU, 1, seconds=1.0))
    assert torch.equal(torch.get_rng_state(), before)
    assert turns > 1
    assert found.step_seconds > 0
    assert set(found.ratios) == {Route("fp32", 1, "contiguous")}
