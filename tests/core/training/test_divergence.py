"""When training has diverged."""

import pytest
import torch

from core.errors import Diverged
from core.training.divergence import check_losses, check_weights


def test_first_loss_that_is_not_finite_diverges():
    check_losses([1.0, 0.5], 20, 0.1)
    with pytest.raises(Diverged, match="diverged by step 19: the loss became NaN or infinite"):
        check_losses([0.5, float("nan"), float("inf")], 20, 0.1)


def test_infinite_weight_diverges():
    check_weights([torch.ones(3)], 7, 0.1)
    with pytest.raises(Diverged, match=r"by step 7: .* below 0\.1"):
        check_weights([torch.ones(3), torch.tensor([0.0, float("inf")])], 7, 0.1)
