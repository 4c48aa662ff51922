"""The user's own names for networks."""

import os
from concurrent.futures import ThreadPoolExecutor

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
    """All that another version or the user has written stays as it was."""
    save_network("mine", TEXT)
    others = (
        '# from the course\nmlp = "linear"\nhers = 3\nodd = "conv"\n"ä\\u0001" = "é"\n[t]\nx=1\n'
    )
    with saved_file().open("a") as file:
        file.write(others)
    assert list_saved() == {"mine": TEXT}
    save_network("other", TEXT)
    save_network("mine", "linear 5, linear")
    assert list_saved() == {"mine": "linear 5, linear", "other": TEXT}
    assert saved_file().read_text().endswith(others)
    remove_network("odd")
    remove_network("other")
    assert saved_file().read_text().endswith(others.replace('odd = "conv"\n', ""))
    before = saved_file().read_text()
    with pytest.raises(UsageError, match="has t in an unusual form"):
        remove_network("t")
    assert saved_file().read_text() == before


def test_what_is_no_file_of_networks_is_refused():
    """Nothing waits for a pipe, and no file is read in part only."""
    saved_file().parent.mkdir(parents=True, exist_ok=True)
    saved_file().write_text("#" * 2**20 + '\nmine = "linear 5, linear"\n')
    with pytest.raises(UsageError, match="larger than 1 MB"):
        save_network("other", TEXT)
    saved_file().unlink()
    os.mkfifo(saved_file())
    with pytest.raises(UsageError, match="cannot be read"):
        list_saved()


def test_networks_that_are_saved_at_once_are_all_kept():
    names = [f"net{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: save_network(name, TEXT), names))
    assert set(list_saved()) == set(names)


def test_name_is_found_however_its_text_is_written():
    saved_file().parent.mkdir(parents=True, exist_ok=True)
    saved_file().write_text('wide = "linear  512,relu, linear 10"\n')
    assert find_name("linear 512, relu, linear") == "wide"
