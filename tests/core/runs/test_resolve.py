"""Tests of what RUN_OR_CHECKPOINT means."""

from pathlib import Path

import pytest

from core.errors import CheckpointError, UsageError
from core.runs.resolve import resolve_all, resolve_checkpoint, resolve_either, resolve_run


def make_run(folder: Path, *checkpoints: str, recorded: bool = True) -> Path:
    """Make a run's folder with empty files in it."""
    folder.mkdir(parents=True)
    for name in (*checkpoints, *(["run.json"] if recorded else [])):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("given_as", ["file", "folder", "name"])
def test_checkpoint_found_by_file_folder_or_name(tmp_path, given_as):
    run = make_run(tmp_path / "runs" / "mlp-1", "best.safetensors", "last.safetensors")
    best = run / "best.safetensors"
    text = {"file": str(best), "folder": str(run), "name": "mlp-1"}[given_as]
    assert resolve_checkpoint(text, tmp_path / "runs") == best


def test_last_checkpoint_found_without_a_best(tmp_path):
    last = make_run(tmp_path / "mlp-1", "last.safetensors") / "last.safetensors"
    assert resolve_checkpoint("mlp-1", tmp_path) == last
    assert resolve_checkpoint("mlp-1/last.safetensors", tmp_path) == last


def test_tilde_means_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.safetensors").touch()
    found = resolve_checkpoint("~/mine.safetensors", tmp_path / "runs")
    assert found == tmp_path / "mine.safetensors"


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError) as refused:
        resolve_checkpoint("mlp-9", tmp_path)
    assert str(refused.value) == f"mlp-9 does not exist, and {tmp_path} has no run of that name"
    (tmp_path / "mlp-1").mkdir()
    with pytest.raises(CheckpointError, match="mlp-1 has no checkpoint in it"):
        resolve_checkpoint("mlp-1", tmp_path)


def test_run_found_by_name_or_folder(tmp_path, monkeypatch):
    place = make_run(tmp_path / "linear-20260102-030405")
    carried = make_run(tmp_path / "carried", "a.safetensors", recorded=False)
    assert resolve_run(place.name, tmp_path) == place
    assert resolve_run(str(place), Path("nowhere")) == place
    assert resolve_run("carried", tmp_path) == resolve_run(str(carried), tmp_path) == carried
    monkeypatch.chdir(place)
    assert resolve_run(".", Path("nowhere")) == place


@pytest.mark.parametrize("name", ["..", ".trash", "a\0b", "carried/a.safetensors", "linear-2"])
def test_missing_run_suggests_a_similar_name(tmp_path, monkeypatch, name):
    place = make_run(tmp_path / "linear-1")
    make_run(tmp_path / "carried", "a.safetensors", recorded=False)
    monkeypatch.chdir(place)
    for resolve in (resolve_run, resolve_checkpoint)[: 1 + (name == "linear-2")]:
        with pytest.raises(
            CheckpointError, match=r"does not exist, and .* has no run of that name"
        ) as error:
            resolve(name, tmp_path)
        assert ("did you mean linear-1?" in str(error.value)) == (name == "linear-2")


@pytest.mark.parametrize("resolve", [resolve_run, resolve_checkpoint, resolve_either, resolve_all])
def test_empty_text_is_wrong_usage(tmp_path, monkeypatch, resolve):
    """An empty text must not mean the current folder, though a path of no characters does."""
    monkeypatch.chdir(make_run(tmp_path / "linear-1", "best.safetensors"))
    with pytest.raises(UsageError, match="RUN_OR_CHECKPOINT must not be empty"):
        resolve("", tmp_path)


def test_either_takes_a_file_before_a_run(tmp_path):
    run = make_run(tmp_path / "linear-1", "last.safetensors")
    stray = make_run(tmp_path / "apart" / "folder", "a.safetensors", recorded=False)
    assert resolve_either("linear-1", tmp_path) == run
    assert resolve_either("linear-1/last.safetensors", tmp_path) == run / "last.safetensors"
    with pytest.raises(CheckpointError, match="is not in a run's folder"):
        resolve_either(str(stray / "a.safetensors"), tmp_path)


def test_all_means_every_checkpoint_of_a_run(tmp_path):
    run = make_run(tmp_path / "linear-1", "last.safetensors", "epoch-001.safetensors")
    (run / ".last.safetensors.1.partial").touch()
    names = {"last.safetensors", "epoch-001.safetensors"}
    assert {each.name for each in resolve_all("linear-1", tmp_path)} == names
    one = resolve_all("linear-1/last.safetensors", tmp_path)
    assert one == [run / "last.safetensors"]
