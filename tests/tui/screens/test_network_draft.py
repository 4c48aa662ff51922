"""What a text is while it is typed, without a screen."""

import pytest

from core.models.architectures import ARCHITECTURES
from tui.screens.network_editor.draft import read_draft


@pytest.mark.parametrize(
    ("text", "layers", "wrong"),
    [
        ("conv 32 3, relu, maxp", ["Conv", "ReLU"], "maxp"),
        ("conv 32 3, relu,", ["Conv", "ReLU"], ","),
        ("conv 32 3, relu", ["Conv", "ReLU"], "relu"),
        ("linear 5", ["Flatten", "Linear"], "linear 5"),
        ("conv 8 3, 3 x (conv 8 3, relu", ["Conv"], "relu"),
        ("conv 32 30, linear", [], "conv 32 30"),
        ("relu, conv 32 3 stride 0, linear", ["ReLU"], "0"),
        ("", [], ""),
    ],
)
def test_layers_before_an_error_are_known(text, layers, wrong):
    draft = read_draft(text, 10)
    assert [layer.kind for layer in draft.described.layers] == layers
    assert text[slice(*draft.wrong)] == wrong
    if wrong:
        assert draft.network is None
        assert draft.problem


def test_layer_is_found_by_its_place():
    text = "conv 8 3, 2 x (conv 8 3 pad 1, relu), linear"
    draft = read_draft(text, 10)
    kinds = [layer.kind for layer in draft.described.layers]
    assert kinds == ["Conv", "Conv", "ReLU", "Conv", "ReLU", "Flatten", "Linear"]
    found = [draft.layer_at(text.index(part)) for part in ("conv", "pad", "relu", "linear")]
    assert found == [1, 2, 3, 7], "of a repeated layer the first"
    assert draft.place_of(6) is None, "a flattening that the text does not name"
    start, end = draft.place_of(4)
    assert text[start:end] == "conv 8 3 pad 1"


def test_name_is_read_as_its_network():
    for name in ARCHITECTURES:
        assert read_draft(f"{name} ", 10).network.name == name
