"""Networks as lines of text: what is read, what is refused, and what is built."""

from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import make_config
from core.errors import UsageError
from core.models.layer_kinds import KINDS
from core.models.network_layers import plan_layers
from core.models.network_text import (
    LONGEST_TEXT,
    NetworkTextError,
    Node,
    format_nodes,
    parse_network,
)
from core.models.networks import check_spec, resolve_network
from core.models.summary import describe_network

REFUSED = [
    ("conv 32 3 stride 0, linear", "conv 32 3 stride 0: stride must be at least 1", "0"),
    ("conv 32, linear", "conv 32: conv needs channels and kernel size, as in conv 32 3", "conv 32"),
    ("convv 32 3, linear", 'there is no layer "convv"; did you mean conv?', "convv"),
    ("conv 8 3 pad, linear", "conv 8 3 pad: pad needs a number", "pad"),
    ("conv 8 3 pad 1 pad 2, linear", "conv 8 3 pad 1 pad: pad is given twice", "pad"),
    (
        "conv 8 3 relu, linear",
        'conv 8 3 relu: "relu" is not an option of conv; a comma is missing before it',
        "relu",
    ),
    ("conv 3.5 3, linear", "conv 3.5 3: channels must be a whole number", "3.5"),
    ("relu 3, linear", "relu 3: relu takes no number", "relu 3"),
    ("dropout 1, linear", "dropout 1: share must be below 1", "1"),
    ("dropout, linear", "dropout: dropout needs share, as in dropout 0.5", "dropout"),
    ("2 relu, linear", 'expected a layer, not "2"; 3 x (…) repeats layers', "2"),
    ("skip (relu) tanh, linear", 'a comma is missing before "tanh"', "tanh"),
    ("0 x (relu), linear", "0 x: how often a block is repeated must be at least 1", "0"),
    ("99 x (relu), linear", "99 x: how often a block is repeated must be at most 64", "99"),
    ("2 x relu, linear", "2 x: a ( must follow, as in 2 x (…)", "2 x"),
    ("skip (relu, linear", "a ) is missing after linear", "linear"),
    ("relu), linear", 'unmatched ")"', ")"),
    ("relu,, linear", "a layer is missing", ","),
    ("relu; linear", 'unexpected ";"', ";"),
    ("relu 3 pad=1", 'unexpected "="; write options as in stride 2', "="),
    ("conv(8, 3), linear", "conv(: conv takes its numbers without brackets, as in conv 32 3", "("),
    (
        "linear, softmax",
        'there is no layer "softmax"; end with linear: the loss includes softmax',
        "softmax",
    ),
    (
        "linear 1000000000, linear",
        "linear 1000000000: outputs must be at most 999,999,999",
        "1000000000",
    ),
    ("linear 5, relu", "relu: the last layer must be a linear, which needs no number", "relu"),
    ("", "a network needs at least one layer, such as linear", ""),
    ("8 x (8 x (relu)), linear", "a network can have 64 layers, and this has 65", ""),
    ("x" * 3000, f"a network can have {LONGEST_TEXT:,} characters, and this has 3,000", ""),
]
DO_NOT_FIT = [
    ("4 x (maxpool 2), maxpool 2, linear", "maxpool 2 needs at least 2×2, and gets 1×1"),
    ("crop 14, linear", "crop 14 needs at least 29×29, and gets 28×28"),
    ("conv 1 31 pad 1, linear", "conv 1 31 pad 1 needs at least 31×31, and gets 30×30"),
    ("flatten, conv 8 3, linear", "conv 8 3 needs an image, and gets 784 values"),
    ("linear, relu, linear", "linear: only the last layer needs no number; this one needs its"),
    ("relu, linear 7", "linear 7: the last layer has one output for each class of the dataset"),
    ("skip (conv 8 3), linear", "skip adds its input, 1×28×28, to its output, which is 8×26×26"),
    ("linear 99999, linear", "linear 99999: a network can have 50,000,000 parameters, and with"),
    ("conv 2000 1, linear", "conv 2000 1: a layer can have 1,000,000 outputs for an image, and"),
]


@pytest.mark.parametrize(("text", "message", "part"), REFUSED)
def test_error_in_a_text_is_marked(text, message, part):
    with pytest.raises(NetworkTextError) as refused:
        parse_network(text)
    assert str(refused.value) == message
    first, end = refused.value.place
    assert text[first:end] == part


@pytest.mark.parametrize(("text", "message"), DO_NOT_FIT)
def test_layer_that_does_not_fit_is_named(text, message):
    with pytest.raises(NetworkTextError) as refused:
        resolve_network(text)
    assert str(refused.value).startswith(message)


def test_repeated_layer_is_named_by_its_place():
    assert check_spec("maxpool 5, maxpool 5, maxpool 5, linear") == (
        "cannot be built: maxpool 5 needs at least 5×5, and gets 1×1, at character 23"
    )


def test_text_is_stored_in_one_form():
    network = resolve_network(
        "Conv 8 3 Padding 1 stride 1 ,relu, 2X( ReLU ), dropout .50,linear 10"
    )
    assert network.text == "conv 8 3 pad 1, relu, 2 x (relu), dropout 0.5, linear"
    assert (network.name, network.spec) == ("custom", network.text)
    assert resolve_network(" LINEAR ").name == "linear"


def test_outputs_follow_the_classes():
    text = "linear 16, relu, linear"
    assert resolve_network(text, 26).build()(torch.zeros(2, 1, 28, 28)).shape == (2, 26)
    assert resolve_network("linear", 26).build().state_dict()["fc1.weight"].shape == (26, 784)


def test_names_follow_the_text():
    """A flattening that is not named takes no number; a block has its own numbers."""
    network = resolve_network("conv 4 3, 2 x (skip (conv 4 3 pad 1)), linear 9, batchnorm, linear")
    names = {key.rpartition(".")[0] for key in network.build().state_dict()}
    assert names == {"stack.0", "stack.1.0.0", "stack.1.1.0", "stack.2", "stack.3", "stack.4"}


def test_skip_adds_its_input():
    network = resolve_network("skip (crop 2, conv 1 5 pad 4), linear").build()
    block, image = network.get_submodule("stack.0"), torch.rand(2, 1, 28, 28)
    inner = block[1](block[0](image))
    assert torch.equal(block(image), image + inner)


@pytest.mark.parametrize("text", ["linear 8, batchnorm, linear", "conv 8 28, batchnorm, linear"])
def test_batch_of_one_image_can_be_trained_on(text):
    """PyTorch refuses it, and the last batch of an epoch may be one."""
    network = resolve_network(text).build().train()
    norm = network.get_submodule("stack.1")
    before = norm.running_mean.clone()
    assert network(torch.rand(1, 1, 28, 28)).isfinite().all()
    assert torch.equal(norm.running_mean, before)
    network(torch.rand(4, 1, 28, 28))
    assert not torch.equal(norm.running_mean, before)


SMALL = st.integers(1, 3).map(float)


def layers(depth: int):
    """Draw one layer or block, whether it fits or not."""
    conv = st.builds(Node, st.just("conv"), st.tuples(SMALL, SMALL, SMALL, st.just(1.0)))
    kinds = st.sampled_from(["maxpool", "avgpool", "crop", "linear"])
    one = st.builds(Node, kinds, st.tuples(SMALL))
    drop = st.builds(Node, st.just("dropout"), st.tuples(st.floats(0, 0.99)))
    plain = st.sampled_from([each for each, kind in KINDS.items() if not kind.numbers]).map(Node)
    if not depth:
        return conv | one | drop | plain
    inner = st.lists(layers(depth - 1), min_size=1, max_size=2).map(tuple)
    repeat = st.builds(Node, st.just("repeat"), st.tuples(SMALL), inner)
    skip = st.builds(Node, st.just("skip"), st.just(()), inner)
    return conv | one | drop | plain | repeat | skip


networks = st.lists(layers(1), max_size=5).map(lambda nodes: (*nodes, Node("linear")))


@settings(deadline=None)
@given(networks)
def test_formatted_text_reads_back(nodes):
    assert parse_network(format_nodes(nodes)) == nodes


@settings(deadline=None)
@given(st.text("convlinear 0123x(),.-×\n", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused_in_one_line(text):
    with suppress(NetworkTextError):
        plan_layers(parse_network(text), 10)
        return
    with pytest.raises(NetworkTextError) as refused:
        plan_layers(parse_network(text), 10)
    assert len(str(refused.value).splitlines()) == 1
    first, end = refused.value.place
    assert 0 <= first <= end <= max(1, len(text))


@settings(deadline=None, max_examples=60)
@given(networks, st.integers(2, 30))
def test_planned_layers_are_those_that_pytorch_builds(nodes, classes):
    """Shapes, parameters, multiply-adds and names, of any text that fits."""
    text = format_nodes(nodes)
    try:
        planned = resolve_network(text, classes).layers
    except NetworkTextError:
        return
    built = describe_network(text, classes).layers
    for ours, theirs in zip(planned, built, strict=True):
        assert (ours.name, ours.outputs) == (theirs.name, theirs.shape)
        assert (ours.parameters, ours.multiply_adds) == (theirs.parameters, theirs.multiply_adds)
    state = resolve_network(text, classes).build().state_dict()
    assert all(name.rpartition(".")[0] in {each.name for each in planned} for name in state)


@pytest.mark.parametrize(("dataset", "outputs"), [("mnist", 26), ("emnist-letters", 10)])
def test_other_outputs_than_the_dataset_has_classes_are_refused(dataset, outputs):
    with pytest.raises(UsageError, match=f"--arch cannot be built: linear {outputs}: the last"):
        make_config(arch=f"relu, linear {outputs}", dataset=dataset)
    network = make_config(arch=f"relu, linear {36 - outputs}", dataset=dataset).network
    assert (network.text, network.classes) == ("relu, linear", 36 - outputs)
