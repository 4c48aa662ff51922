import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.optim.schedules import PLANNED, SCHEDULES


def by_torch(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("steps", [10, 235, 1000])
def test_onecycle_matches_torch(steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, cycle_momentum=False
    )
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:  # it refuses to go past its end
            schedule.step()
    ours = [SCHEDULES["onecycle"](step, steps) for step in range(steps)]
    assert ours == pytest.approx(rates, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 10, 235])
def test_cosine_matches_torch(steps):
    rates = by_torch(
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps), steps
    )
    ours = [SCHEDULES["cosine"](step, steps) for step in range(steps)]
    assert ours == pytest.approx(rates, abs=1e-12)


@given(steps=st.integers(1, 10**6), share=st.floats(0, 1, exclude_max=True))
def test_factors_are_from_0_to_1(steps, share):
    for schedule in SCHEDULES.values():
        factor = schedule(int(steps * share), steps)
        assert math.isfinite(factor)
        assert 0 <= factor <= 1


def test_planned_schedules_exist():
    assert set(PLANNED) < set(SCHEDULES)
    assert all(SCHEDULES["constant"](step, 7) == 1 for step in range(7))
