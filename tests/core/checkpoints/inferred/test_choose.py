"""Which of several candidates is taken, by images that a network has the right answers for."""

import pytest
import torch
from torch import nn

from core.checkpoints.import_weights import read_weights
from core.checkpoints.inferred.choose import Images, choose_inferred
from core.models.inference import predict
from core.models.networks import resolve_network

TRUE = "conv 4 3 stride 2 pad 1, relu, conv 8 3 stride 2 pad 1, relu, linear"
USUAL = "conv 4 3 pad 1, relu, maxpool 2, conv 8 3 pad 1, relu, maxpool 2, flatten, linear"


@pytest.fixture
def model() -> nn.Module:
    """A network that is sure of its answers, whatever they are."""
    torch.manual_seed(5)
    model = resolve_network(TRUE).build()
    with torch.no_grad():
        for weights in model.state_dict().values():
            weights *= 6
    return model


@pytest.fixture
def weights(tmp_path, model):
    names = ("a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias")
    renamed = dict(zip(names, model.state_dict().values(), strict=True))
    torch.save(renamed, tmp_path / "model.pth")
    return read_weights(tmp_path / "model.pth")


def test_images_decide_against_the_usual(weights, model):
    images = torch.randint(0, 256, (300, 28, 28), dtype=torch.uint8)
    found = Images("noise", images, predict(model, images).argmax(1))
    taken = choose_inferred(weights, found, None)
    assert taken.network.text == TRUE.replace("linear", "flatten, linear")
    assert "it is the best: 100.0% of 300 training images of noise are correct" in taken.note
    with torch.inference_mode():
        other = taken.network.build()
        other.load_state_dict(taken.tensors)
        assert torch.equal(predict(other, images), predict(model, images))


def test_usual_candidate_is_taken_without_images(weights):
    taken = choose_inferred(weights, None, None)
    assert taken.network.text == USUAL
    assert "the most usual, and no images confirm it" in taken.note
    images = torch.randint(0, 256, (300, 28, 28), dtype=torch.uint8)
    unlike = Images("noise", images, torch.randint(0, 10, (300,)))
    assert choose_inferred(weights, unlike, None).network.text == USUAL, "images of another task"


def test_equal_candidates_are_refused(tmp_path):
    tensors = nn.ModuleList([nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Linear(8 * 196, 10)])
    named = {f"layer{name}": each for name, each in tensors.state_dict().items()}
    torch.save(named, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="may be one of several networks") as refused:
        choose_inferred(read_weights(tmp_path / "model.pth"), None, None)
    assert str(refused.value) == (
        'may be one of several networks: "conv 4 3 pad 1, relu, conv 8 3 pad 1, relu, maxpool 2, '
        'flatten, linear" or "conv 4 3 pad 1, relu, maxpool 2, conv 8 3 pad 1, relu, flatten, '
        'linear"; name its layers with --arch LAYERS'
    )
