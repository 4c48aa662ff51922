"""Measured routes are kept by what they depend on, and a damaged cache is no error."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.compute import route_cache
from core.compute.route_cache import (
    CachedRoute,
    key_here,
    list_cached,
    read_cached,
    write_cached,
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def entry(**changes):
    key = key_here("mlp", 32, "adam", "fp32", "auto", torch.device("cpu"))
    return CachedRoute(replace(key, **changes), "fp32,threads=1", "fp32,threads=2", 1.2, ("note",))


def only_file() -> Path:
    (path,) = route_cache.cache_folder().glob("routes/*.json")
    return path


def test_entry_is_found_by_its_key_alone():
    assert read_cached(entry().key) is None
    assert write_cached(entry()) is None
    assert read_cached(entry().key) == entry()
    for change in ({"batch_size": 64}, {"processor": "other"}, {"torch": "9"}, {"cores": 99}):
        assert read_cached(entry(**change).key) is None


def test_list_has_entries_of_this_processor():
    for one in (entry(), entry(processor="other"), entry(network="linear"), entry(cores=99)):
        write_cached(one)
    assert [each.key.network for each in list_cached()] == ["linear", "mlp"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:40],
        lambda text: "",
        lambda text: "[" * 9000,
        lambda text: "3",
        lambda text: text.replace("fp32,threads=1", "no such route"),
        lambda text: text.replace('"mlp"', '"cnn"'),  # another file's content
        lambda text: json.dumps(json.loads(text) | {"failed": 3}),
        lambda text: json.dumps(json.loads(text) | {"speedup": None}),
    ],
)
def test_damaged_file_is_measured_again(change):
    write_cached(entry())
    path = only_file()
    path.write_text(change(path.read_text()))
    assert read_cached(entry().key) is None
    assert write_cached(entry()) is None
    assert read_cached(entry().key) == entry()


def test_folder_that_cannot_be_written_is_named():
    folder = route_cache.cache_folder() / "routes"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file")
    assert "routes cannot be written (" in write_cached(entry())
    assert read_cached(entry().key) is None
    assert list(list_cached()) == []
