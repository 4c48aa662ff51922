import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.metrics import METRICS, accuracy, confusion, loss


def logits_for(guesses: list[int]) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(guesses), 10).float() * 5


def test_uniform_logits_have_loss_ln_10():
    assert loss(torch.zeros(4, 10), torch.tensor([0, 3, 5, 9])) == pytest.approx(math.log(10))


def test_loss_is_mean_negative_log_probability():
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    assert loss(logits, torch.tensor([1, 0])) == pytest.approx(
        (-math.log(3 / 4) - math.log(1 / 2)) / 2
    )


def test_half_precision_loss_is_computed_in_fp32():
    logits = torch.full((2, 10), 200.0, dtype=torch.bfloat16)
    assert loss(logits, torch.tensor([0, 1])) == pytest.approx(math.log(10), rel=1e-6)


def test_accuracy_is_share_of_correct():
    assert accuracy(logits_for([1, 2, 3, 4]), torch.tensor([1, 2, 3, 5])) == 0.75
    assert accuracy(logits_for([1]), torch.tensor([1])) == 1
    assert accuracy(logits_for([1]), torch.tensor([2])) == 0


def test_confusion_rows_are_actual_classes():
    table = confusion(logits_for([7, 7, 1, 1]), torch.tensor([7, 2, 1, 7]))
    expected = torch.zeros(10, 10, dtype=torch.int64)
    expected[7, 7] = expected[2, 7] = expected[1, 1] = expected[7, 1] = 1
    assert torch.equal(table, expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60))
def test_confusion_agrees_with_accuracy(pairs):
    labels, guesses = zip(*pairs, strict=True)
    logits, actual = logits_for(list(guesses)), torch.tensor(labels)
    table = confusion(logits, actual)
    assert table.shape == (10, 10)
    assert table.sum() == len(pairs)
    assert table.sum(1).tolist() == [labels.count(digit) for digit in range(10)]
    assert table.sum(0).tolist() == [guesses.count(digit) for digit in range(10)]
    assert table.trace().item() / len(pairs) == pytest.approx(accuracy(logits, actual))


@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_plain_numbers(name):
    assert type(METRICS[name](torch.zeros(3, 10), torch.tensor([0, 1, 2]))) is float
