import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import batches


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 100_000), st.integers(1, 300))
def test_the_order_holds_each_digit_once_and_depends_on_seed_and_epoch_alone(seed, epoch, count):
    order = batches.epoch_order(seed, epoch, count)
    torch.manual_seed(epoch)
    assert torch.equal(order, batches.epoch_order(seed, epoch, count))
    assert order.sort().values.tolist() == list(range(count))


def test_the_order_differs_by_epoch_and_seed():
    orders = [batches.epoch_order(seed, epoch, 1000) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order.tolist()) for order in orders}) == 4


def test_making_an_order_draws_nothing_from_the_random_numbers_of_others():
    before = torch.get_rng_state()
    batches.epoch_order(1, 2, 300)
    assert torch.equal(torch.get_rng_state(), before)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 350), st.integers(1, 100))
def test_batches_hold_each_digit_once_in_order_and_only_the_last_is_smaller(count, size, gathered):
    """However many digits are gathered at a time, fewer than a batch among them."""
    images, labels = torch.arange(count).view(-1, 1), torch.arange(count)
    order = batches.epoch_order(1, 1, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "GATHERED", gathered)
        made = list(batches.batches(images, labels, order, size))
    assert torch.cat([labels for _, labels in made]).tolist() == order.tolist()
    assert all(torch.equal(images.flatten(), labels) for images, labels in made)
    whole, rest = divmod(count, size)
    assert [len(labels) for _, labels in made] == [size] * whole + [rest] * (rest > 0)
