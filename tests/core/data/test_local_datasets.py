"""Datasets that are used only if they are on this machine."""

import pytest

from core.data.local_datasets import load_local
from tests.support.idx_files import put, tiny_mnist


def test_only_whole_local_files_are_loaded(tmp_path, monkeypatch):
    def fetch(*arguments):
        pytest.fail("nothing may be downloaded")

    monkeypatch.setattr("core.data.download.fetch_file", fetch)
    contents, folder = tiny_mnist(monkeypatch, tmp_path / "cache"), tmp_path / "digits"
    assert load_local("mnist", str(folder)) is None
    put(raw := folder / "MNIST" / "raw", contents)
    tensors = load_local("mnist", str(folder))
    assert tensors
    assert len(tensors.train_images) == len(tensors.train_labels) > 0
    name, content = next(iter(contents.items()))
    (raw / name).write_bytes(content[:-1])
    assert load_local("mnist", str(folder)) is None, "damaged"
    assert load_local("mnist", None) is None
    assert load_local("other", None) is None
