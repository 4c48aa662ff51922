import pytest
import torch

from core.models.inference import predict, predict_digits, prepare_input
from core.models.input_scaling import DEFAULT_SCALING, InputScaling, get_scaling, set_scaling
from core.models.networks import resolve_network


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(3)
    return resolve_network("mlp").build()


def test_paper_is_minus_one_ink_one():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1).expand(2, 28, 28)
    scaled = DEFAULT_SCALING.apply(images)
    assert scaled.shape == (2, 1, 28, 28)
    assert scaled.dtype == torch.float32
    assert scaled.unique().tolist() == [-1.0, 1.0]
    assert images.unique().tolist() == [0, 255], "the images themselves stay as they are"


def test_network_is_fed_with_its_own_scaling(tiny_tensors):
    model, images = resolve_network("linear").build(), tiny_tensors.test_images[:5]
    assert get_scaling(model) == DEFAULT_SCALING
    before = predict(model, images)
    set_scaling(model, InputScaling(0.1307, 0.3081))
    scaled = (images.float() / 255 - 0.1307) / 0.3081
    assert torch.allclose(prepare_input(model, images)[:, 0], scaled, atol=1e-6)
    assert torch.allclose(predict(model, images), model(scaled[:, None]), atol=1e-5)
    assert not torch.allclose(predict(model, images), before, atol=0.1)


def test_batch_size_changes_no_logit(model, tiny_tensors):
    images = tiny_tensors.test_images
    whole = predict(model, images)
    assert whole.shape == (50, 10)
    assert torch.allclose(predict(model, images, batch=7), whole, atol=1e-6)
    with torch.inference_mode():
        assert torch.allclose(model(prepare_input(model, images)), whole, atol=1e-6)


def test_wide_layers_take_fewer_images_at_a_time():
    """A checkpoint from anywhere names its network, whose outputs are bounded for one image."""
    model, sizes = resolve_network("crop 13, conv 200000 1, linear").build(), []
    model.stack.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    logits = predict(model, torch.zeros(100, 28, 28, dtype=torch.uint8))
    assert logits.shape == (100, 10)
    assert sizes == [62, 38]


def test_dropout_is_off_for_predictions(tiny_tensors):
    chancy = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(784, 10)
    ).train()
    images = tiny_tensors.test_images[:5]
    assert torch.equal(predict(chancy, images), predict(chancy.train(), images))


def test_predicted_digit_has_pixels_label_logits(model, tiny_tensors):
    images, labels = tiny_tensors.test_images, tiny_tensors.test_labels
    digits = predict_digits(model, images, labels, (49, 3, 0))
    assert [digit.index for digit in digits] == [49, 3, 0]
    whole = predict(model, images)
    for digit in digits:
        assert digit.label == int(labels[digit.index])
        assert list(digit.pixels) == images[digit.index].flatten().tolist()
        assert digit.logits == pytest.approx(whole[digit.index].tolist(), abs=1e-5)
        assert digit.predicted == int(whole[digit.index].argmax())


@pytest.mark.parametrize("indices", [(), (-1,), (50, 1000)])
def test_indices_out_of_range_are_skipped(model, tiny_tensors, indices):
    images, labels = tiny_tensors.test_images, tiny_tensors.test_labels
    assert predict_digits(model, images, labels, indices) == ()
    found = predict_digits(model, images, labels, (*indices, 5))
    assert [digit.index for digit in found] == [5]
