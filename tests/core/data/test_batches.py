import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import batches


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 100_000), st.integers(1, 300))
def test_order_is_a_permutation_by_seed_and_epoch(seed, epoch, count):
    """The global generator has no effect."""
    order = batches.draw_order(seed, epoch, count)
    torch.manual_seed(epoch)
    assert torch.equal(order, batches.draw_order(seed, epoch, count))
    assert order.sort().values.tolist() == list(range(count))


def test_order_differs_by_epoch_and_seed():
    orders = [batches.draw_order(seed, epoch, 1000) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order.tolist()) for order in orders}) == 4


def test_order_leaves_the_global_generator():
    before = torch.get_rng_state()
    batches.draw_order(1, 2, 300)
    assert torch.equal(torch.get_rng_state(), before)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 350), st.integers(1, 100))
def test_batches_follow_the_order(count, size, gathered):
    """However many digits are gathered at a time, fewer than a batch among them."""
    images, labels = torch.arange(count).view(-1, 1), torch.arange(count)
    order = batches.draw_order(1, 1, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "GATHERED", gathered)
        made = list(batches.iterate_batches(images, labels, order, size))
    assert torch.cat([labels for _, labels in made]).tolist() == order.tolist()
    assert all(torch.equal(images.flatten(), labels) for images, labels in made)
    whole, rest = divmod(count, size)
    assert [len(labels) for _, labels in made] == [size] * whole + [rest] * (rest > 0)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.data())
def test_epoch_resumes_from_any_step(count, size, data):
    images = torch.rand(count, 1, 28, 28)
    first = data.draw(st.integers(0, (count - 1) // size))
    order = batches.draw_order(5, 2, count)
    shifts = batches.draw_shifts(5, 2, count, 2)
    with_room = batches.pad_images(images, 2)
    labels = torch.arange(count)
    whole = list(batches.iterate_batches(with_room, labels, order, size, shifts))
    rest = batches.iterate_batches(
        with_room, labels, order[first * size :], size, shifts[first * size :]
    )
    for one, two in zip(whole[first:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, -2), (-1, 2), (1, 1)])
def test_shift_fills_with_background(down, right):
    images = torch.rand(3, 1, 28, 28)
    chosen, moved = torch.tensor([2, 0]), torch.tensor([[down, right], [0, 0]])
    first, second = batches.shift_images(batches.pad_images(images, 2), chosen, moved)
    assert torch.equal(second, images[0])
    expected = torch.zeros(28, 28)
    source = images[2, 0]
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                expected[row, column] = source[row - down, column - right]
    assert torch.equal(first[0], expected)


def test_shifts_depend_on_seed_and_epoch():
    shifts = batches.draw_shifts(1, 2, 1000, 2)
    torch.manual_seed(9)
    assert torch.equal(shifts, batches.draw_shifts(1, 2, 1000, 2))
    assert not torch.equal(shifts, batches.draw_shifts(1, 3, 1000, 2))
    assert {tuple(pair) for pair in shifts.tolist()} == {
        (down, right) for down in range(-2, 3) for right in range(-2, 3)
    }


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 350))
def test_steps_per_epoch_counts_the_batches(count, size):
    labels = torch.arange(count)
    made = list(batches.iterate_batches(labels, labels, labels, size))
    assert batches.steps_per_epoch(count, size) == len(made)
