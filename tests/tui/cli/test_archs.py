"""`mnist-tui archs`: networks by name, the user's own among them."""

import json
from functools import partial

import pytest

from core.config import make_config
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network
from core.models.saved_networks import saved_file

TEXT = "conv 8 3, relu, maxpool 2, linear"


@pytest.fixture
def call(in_process):
    """Return a function that runs `archs` and returns status, stdout and stderr."""
    return partial(in_process, "archs")


def test_networks_of_the_program_are_listed_first(call):
    assert call("add", "mine", "conv 8 3,relu,  maxpool 2, linear") == (
        0,
        f"mine  saved: {TEXT} (13,610 parameters)\n",
        "",
    )
    status, out, _ = call("--json")
    rows = json.loads(out)
    assert (status, [each["name"] for each in rows]) == (0, [*ARCHITECTURES, "mine"])
    assert all(each["parameters"] == resolve_network(each["name"]).parameters for each in rows)
    (mine,) = (each for each in rows if each["saved"])
    assert (mine["description"], mine["network"]) == (TEXT, TEXT)
    assert call()[1].splitlines()[-1] == f"mine     saved: {TEXT} (13,610 parameters)"
    assert make_config(arch="mine").arch == TEXT
    assert call("remove", "mine") == (0, "", "")
    assert "mine" not in call()[1]
    assert call("remove", "mine")[::2] == (
        2,
        "mnist-tui: there is no saved network 'mine'\n",
    )


@pytest.mark.parametrize(
    "arguments", [("cnn", "--json"), ("--json", "cnn"), ("show", "cnn", "--json")]
)
def test_name_prints_its_layers(call, arguments):
    (cnn,) = json.loads(call(*arguments)[1])
    assert (cnn["name"], cnn["input"], len(cnn["layers"])) == ("cnn", [1, 28, 28], 11)
    assert cnn["layers"][2] == {
        "name": "stack.2",
        "module": "Conv2d(32, 64, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))",
        "shape": [64, 16, 16],
        "parameters": 8256,
    }


def test_built_in_network_prints_its_text(call):
    """To be copied and changed; of the others the text is the description."""
    text = ARCHITECTURES["linear"].text
    assert f"\n\nAs text: {text}\n\nInput" in call("linear")[1]
    assert "As text" not in call(TEXT)[1]


def test_help_lists_the_layers(call):
    status, out, _ = call("--help")
    assert status == 0
    assert "conv 32 3" in out
    assert "skip (...)" in out


def test_text_and_saved_name_print_layers(call):
    call("add", "mine", TEXT)
    for arch, name in ((TEXT, "mine"), ("mine", "mine"), ("linear 9, linear", "custom")):
        status, out, said = call(arch)
        assert (status, said) == (0, "")
        assert out.startswith(f"{name}  ")
        assert "Linear(in_features=" in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ("foo",),
            "there is no network 'foo'; the networks are linear, mlp, cnn, quick, tiny, convnet",
        ),
        (("conv 3",), "conv 3: conv needs channels and kernel size, as in conv 32 3"),
        (("conv 8 40, linear",), "conv 8 40 needs at least 40×40, and gets 28×28"),
        (("add", "mlp", TEXT), "mlp is the name of a built-in network: choose another"),
        (("add", "remove", TEXT), "remove is a reserved name: choose another"),
        (
            ("add", "big", "linear 99999999, linear"),
            "linear 99999999: a network can have 50,000,000",
        ),
        (("add", "x", "mynet.py:Net"), "only layers can be saved under a name, not a Python file"),
        (("--json", "add", "x", TEXT), "as in: mnist-tui archs add --json"),
        (("add", "mine", "linear"), f"mine is the name of {TEXT}; pass --force to replace it"),
        (("\x1b[31m",), "\\x1b"),
    ],
)
def test_errors_are_one_line(call, arguments, why):
    call("add", "mine", TEXT)
    status, out, said = call(*arguments)
    assert (status, out, said.count("\n")) == (2, "", 1)
    assert why in said
    assert said[:-1].isprintable()
    assert call("mine")[0] == 0, "it is as before"


def test_name_is_replaced_by_force(call):
    call("add", "mine", TEXT)
    assert call("add", "mine", TEXT)[0] == 0, "nothing changes"
    assert call("add", "mine", "linear", "--force")[0] == 0
    assert resolve_network("mine").text == "linear"


def test_damaged_file_is_named_beside_the_list(call):
    call("add", "mine", TEXT)
    saved_file().write_text("mine = [")
    status, out, said = call()
    assert (status, len(out.splitlines())) == (0, len(ARCHITECTURES))
    assert "networks.toml is not a TOML file" in said
    assert call("cnn")[0] == 0
