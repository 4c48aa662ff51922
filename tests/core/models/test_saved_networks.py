"""The user's own names for networks."""

import pytest

from core.config import make_config
from core.errors import UsageError
from core.models.networks import resolve_network
from core.models.saved_networks import (
    find_name,
    list_saved,
    remove_network,
    save_network,
    saved_file,
)

TEXT = "conv 8 3, relu, maxpool 2, linear"


def test_name_stands_for_its_text():
    save_network("mine", " conv 8 3,relu ,maxpool 2, linear")
    assert list_saved() == {"mine": TEXT}
    assert resolve_network("mine").text == TEXT
    assert make_config(arch="mine").arch == TEXT, "as it is stored, for other machines"
    assert (find_name(TEXT), find_name("linear 3, linear"), find_name("mlp")) == (
        "mine",
        "custom",
        "mlp",
    )
    remove_network("mine")
    assert list_saved() == {}
    with pytest.raises(UsageError, match="must be one of linear"):
        make_config(arch="mine")


@pytest.mark.parametrize("name", ["mlp", "custom", "relu", "x", "", "a b", "../a", "n" * 41, "1a"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError):
        save_network(name, TEXT)
    assert not saved_file().exists()


def test_damaged_file_is_named():
    save_network("mine", TEXT)
    saved_file().write_text("mine = [")
    with pytest.raises(UsageError, match=r"networks\.toml is not a TOML file"):
        make_config(arch="other")
    assert make_config(arch="mlp").arch == "mlp", "those of the program need no file"
    assert find_name(TEXT) == "custom"


def test_entries_that_are_no_networks_are_left_out():
    save_network("mine", TEXT)
    with saved_file().open("a") as file:
        file.write('mlp = "linear"\nhers = 3\nodd = "conv"\n"ä\\u0001" = "é"\n')
    assert list_saved() == {"mine": TEXT}
    save_network("other", TEXT)
    assert list_saved() == {"mine": TEXT, "other": TEXT}
    assert 'odd = "conv"\n' in saved_file().read_text(), "another version may read it"
