"""A run whose data folder has gone: every use of its digits names the folder."""

from dataclasses import replace
from queue import SimpleQueue

import pytest

from core.class_names import DIGITS, describe_difference, pack_labels, unpack_labels
from core.commands import OpenCheckpoint, ScoreCheckpoint
from core.config import TrainConfig
from core.data import datasets
from core.engine.requests import handle_request
from core.errors import CheckpointError, DataError
from core.events import Notice, RunFailed, RunFinished, RunStarted
from core.replay.replay import replay
from core.runs.branch import branch
from core.runs.data_folder import (
    check_folder,
    choose_stored_data,
    describe_lost,
    load_run_data,
)
from core.runs.resume import prepare_resume
from core.training.setup import resolve_setup
from core.training.trainer import train
from tests.support.dataset_files import make_small, put_small
from tests.support.fakes import loaded
from tests.support.idx_files import put, tiny_mnist
from tests.support.training import folder_of
from tui.cli.output.evaluation import evaluate_split
from tui.cli.output.prediction import predict_image


def test_lost_data_folder_is_named(tmp_path, monkeypatch):
    """By resume, its dry run, eval, predict, replay, a branch and the app's requests."""
    contents, digits = tiny_mnist(monkeypatch, tmp_path / "cache"), tmp_path / "digits"
    put(digits, contents)
    config = TrainConfig("linear", "mnist", epochs=1, batch_size=2, data=str(digits))
    config = TrainConfig(**vars(config) | {"checkpoints": str(tmp_path / "runs")})
    events = list(train(config, SimpleQueue()))
    assert isinstance(events[-1], RunFinished), events[-1]
    run = folder_of(events)
    last, runs = run / "last.safetensors", tmp_path / "runs"
    digits.rename(tmp_path / "elsewhere")
    said = [f"the run's data folder {digits} does not exist; MNIST is not in {tmp_path}/cache/"]

    again, resume_point = prepare_resume(run.name, runs, epochs=2)
    failed = list(train(again, SimpleQueue(), resume_point))[-1]
    assert isinstance(failed, RunFailed)
    errors = [failed.message]
    for use in (
        lambda: resolve_setup(again, resume_point),
        lambda: evaluate_split(last, None),
        lambda: predict_image(last, 0, "test", None),
        lambda: list(replay(last, 1)),
    ):
        with pytest.raises(DataError) as caught:
            use()
        errors.append(str(caught.value))
    refused = list(handle_request(OpenCheckpoint(path=str(last), data=None, indices=(0,))))[-1]
    errors.append(refused.message)
    branched, point = branch(last, {"epochs": 3}, runs)
    errors.append(list(train(branched, SimpleQueue(), point))[-1].message)
    assert [each.partition("cache/")[0] + "cache/" for each in errors] == said * 7

    typo = str(tmp_path / "typo")
    again, resume_point = prepare_resume(run.name, runs, 2, data=typo)
    errors = [list(train(again, SimpleQueue(), resume_point))[-1].message]
    for use in (
        lambda: resolve_setup(again, resume_point),
        lambda: evaluate_split(last, typo),
        lambda: predict_image(last, 0, "test", typo),
    ):
        with pytest.raises(DataError) as caught:
            use()
        errors.append(str(caught.value))
    assert {each.partition(":")[0] for each in errors} == {f"the data folder {typo} does not exist"}
    assert "train --data DIR" in errors[0]

    again, resume_point = prepare_resume(run.name, runs, 2, data=str(tmp_path / "elsewhere"))
    assert isinstance(list(train(again, SimpleQueue(), resume_point))[-1], RunFinished)


def test_other_classes_than_the_datasets_are_refused(tmp_path, monkeypatch):
    put(tmp_path / "digits", tiny_mnist(monkeypatch, tmp_path / "cache"))
    config = TrainConfig("linear", "mnist", epochs=1, batch_size=2, data=str(tmp_path / "digits"))
    config = TrainConfig(**vars(config) | {"checkpoints": str(tmp_path / "runs")})
    last = folder_of(list(train(config, SimpleQueue()))) / "last.safetensors"
    fashion = ("T-shirt/top", "Trouser", *"abcdefgh")
    changed = replace(datasets.DATASETS["mnist"], class_names=fashion)
    monkeypatch.setitem(datasets.DATASETS, "mnist", changed)
    said = f"{last} has the classes 0, 1, 2, …; mnist has T-shirt/top, Trouser, a, …"
    for use in (
        lambda: evaluate_split(last, None),
        lambda: predict_image(last, 0, "test", None),
        lambda: prepare_resume(last.parent.name, tmp_path / "runs", epochs=2),
        lambda: branch(last, {"epochs": 3}, tmp_path / "runs"),
        lambda: list(replay(last, 1)),
    ):
        with pytest.raises(CheckpointError) as caught:
            use()
        assert str(caught.value) == said
    for command in (OpenCheckpoint(str(last), (0,), None), ScoreCheckpoint(str(last), None)):
        assert list(handle_request(command))[-1].message == said


def test_names_that_begin_alike_are_distinguished():
    more = (*DIGITS, "A", "B")
    assert describe_difference(DIGITS, more) == ("… (10 classes)", "…, A, B (12 classes)")
    assert describe_difference("abcdefg", "abcdxfg") == ("…, e, f, g", "…, x, f, g")
    for classes, packed in ((10, 3), (300, 6)):
        labels = pack_labels((9, 0, classes - 1), classes)
        assert len(labels) == packed
        assert list(unpack_labels(labels, classes)) == [9, 0, classes - 1]


def test_lost_folder_is_reported_only_where_it_matters(tmp_path, monkeypatch):
    contents, digits = tiny_mnist(monkeypatch, tmp_path / "cache"), tmp_path / "digits"
    digits.mkdir()
    stored = {"data": str(digits)}
    lost = f"the run's data folder {digits} no longer has the files of MNIST"
    assert describe_lost("mnist", stored, None) == lost
    for dataset, config, data in (
        ("sample", stored, None),
        ("mnist", stored, "other"),
        ("mnist", {}, None),
        ("mnist", {"data": 5}, None),
    ):
        assert describe_lost(dataset, config, data) is None
    cache = tmp_path / "cache" / "mnist-tui"
    put(cache, contents)
    _, events = loaded(load_run_data("mnist", stored, None))
    assert not [each for each in events if isinstance(each, Notice)], "it is the same MNIST"

    def fetch(remote, folder, *options):
        name = remote.name.removesuffix(".gz")
        put(folder, {name: contents[name]})
        yield from ()

    (cache / "t10k-labels-idx1-ubyte").unlink()
    monkeypatch.setattr("core.data.download.fetch_file", fetch)
    _, events = loaded(load_run_data("mnist", stored, None))
    (notice,) = [each.message for each in events if isinstance(each, Notice)]
    assert notice == f"{lost}: MNIST was downloaded to {cache}"


def test_other_datasets_are_found_again_too(tmp_path, monkeypatch):
    """Letters: trained from a folder, evaluated from there, and named where it has gone."""
    small = make_small(monkeypatch, "emnist-letters")
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digits = tmp_path / "digits"
    folder = put_small(digits, small)
    config = TrainConfig("linear", "emnist-letters", epochs=1, batch_size=5, data=str(digits))
    config = TrainConfig(**vars(config) | {"checkpoints": str(tmp_path / "runs")})
    setup = resolve_setup(config)
    assert (setup.dataset, len(setup.class_names)) == ("emnist-letters", 26)
    assert not setup.needs_download
    events = list(train(config, SimpleQueue()))
    assert isinstance(events[-1], RunFinished), events[-1]
    (started,) = [each for each in events if isinstance(each, RunStarted)]
    assert (started.classes, started.class_names[-1]) == (26, "Z")
    run = folder_of(events)
    assert prepare_resume(run.name, tmp_path / "runs", epochs=2)[0].data == str(digits)
    assert choose_stored_data("emnist-letters", str(digits)) == {
        "dataset": "emnist-letters",
        "data": str(digits),
    }
    (folder / next(iter(small.files))).write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"--data: .* is damaged: it is no IDX file"):
        choose_stored_data("emnist-letters", str(digits))
    again, point = prepare_resume(run.name, tmp_path / "runs", epochs=2)
    lost = f"the run's data folder {digits} no longer has the files of EMNIST letters"
    with pytest.raises(DataError, match=f"^{lost}; EMNIST letters is not in"):
        resolve_setup(again, point)
    digits.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="does not exist; EMNIST letters is not in") as caught:
        evaluate_split(run / "last.safetensors", None)
    assert str(caught.value).endswith("; pass the folder of EMNIST letters as --data")
    with pytest.raises(DataError, match="train --dataset emnist-letters --data DIR` downloads"):
        check_folder("emnist-letters", str(tmp_path / "typo"))
