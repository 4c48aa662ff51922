import torch

from core.explain.ideal import explain_ideal
from tests.support.networks import build_linear


def test_image_becomes_ink_where_the_class_wants_ink():
    """The class of this network is a disk of ink on paper."""
    places = torch.arange(28.0) - 13.5
    disk = places[:, None] ** 2 + places**2 < 64
    model = build_linear(classes=2)
    with torch.no_grad():
        model.fc1.weight[1] = torch.where(disk, 0.1, -0.1).flatten()
        model.fc1.weight[0] = 0.0
    answers = list(explain_ideal(model, 1))
    assert 20 <= len(answers) <= 96
    assert [each.done for each in answers] == sorted(each.done for each in answers)
    assert answers[-1].done == 1
    first, last = (
        torch.tensor(list(each.ideal.pixels)).view(28, 28) for each in (answers[0], answers[-1])
    )
    assert (first - 128).abs().float().mean() < 20, "it is nearly grey"
    assert ((last > 128) == disk).float().mean() > 0.97, "its edge is blurred"
    assert last[disk].float().mean() > 230
    assert last[~disk].float().mean() < 25
    odds = [each.ideal.logits[1] - each.ideal.logits[0] for each in answers]
    assert odds[-1] > odds[0] + 10


def test_image_is_smooth():
    """Weights without any order give no single pixels: neighbours are alike."""
    (*_, last) = explain_ideal(build_linear(), 3)
    pixels = torch.tensor(list(last.ideal.pixels)).view(28, 28).float()
    assert last.ideal.predicted == 3
    assert (pixels[1:] - pixels[:-1]).abs().mean() < 0.5 * pixels.std()


def test_image_stays_grey_without_gradient():
    model = build_linear()
    with torch.no_grad():
        model.fc1.weight.zero_()
    (*_, last) = explain_ideal(model, 3)
    assert set(last.ideal.pixels) == {128}
