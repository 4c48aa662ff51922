"""A trainer that needs no torch, a dataset that fits in a hand, and where the real digits are."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

from core.config import TrainConfig
from core.data import datasets
from core.events import (
    Preparing,
)
from tests.support.attached import going  # noqa: F401
from tests.support.fakes import (
    ROOT,
    make_fake_train,
)
from tests.support.terminal import open_terminal  # noqa: F401

MOST_PATIENCE = 0.2  # seconds


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path_factory) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture(autouse=True)
def patience(monkeypatch) -> None:
    """A Pilot waits after each key until the process is idle, which one that trains never is."""
    from textual import app, pilot

    async def wait_for_idle(least: float = 1 / 50, most: float = MOST_PATIENCE) -> None:
        await idle(least, most)

    idle = pilot.wait_for_idle
    for module in (app, pilot):
        monkeypatch.setattr(module, "wait_for_idle", wait_for_idle)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[str]:
    """Not below tmp_path: the path of a socket must be short. Removed when no test has replaced
    what that takes."""
    with TemporaryDirectory(prefix="m") as folder:
        yield folder


@pytest.fixture(autouse=True)
def sockets_of_its_own(monkeypatch, short_folder) -> None:
    """No run of another test, and none of this machine, can be attached to."""
    folder = mkdtemp(dir=short_folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    monkeypatch.setattr(
        "core.attach.sockets.runtime_folders", lambda: iter([Path(folder, "mnist-tui")])
    )


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    """A folder with the real MNIST/raw in it; the test is skipped where there is none."""
    places = [os.environ.get("MNIST_TUI_DATA"), ROOT.parent / "shared" / "data"]
    for place in filter(None, places):
        if datasets.mnist_missing(str(place)) is None:
            return Path(place)
    pytest.skip("the real MNIST files are not at hand: set MNIST_TUI_DATA")


@pytest.fixture(scope="session")
def tiny_tensors() -> datasets.Tensors:
    """200 training and 50 test digits: a class is a bright bar in two rows of its own."""
    import torch

    generator = torch.Generator().manual_seed(7)

    def make(count: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        labels = torch.arange(count) % 10
        images = torch.randint(0, 60, (count, 28, 28), generator=generator)
        for row in range(2):
            images[torch.arange(count), 4 + 2 * labels + row] += 190
        return images.to(torch.uint8), labels

    return datasets.Tensors(*make(200), *make(50))


@pytest.fixture
def tiny(monkeypatch, tmp_path, tiny_tensors) -> Callable[..., TrainConfig]:
    """Makes configs that train on the tiny digits, into a folder of the test's own."""

    def load(data: str | None) -> datasets.Loading:
        yield Preparing(message="reading tiny digits")
        return tiny_tensors

    small = replace(datasets.DATASETS["sample"], load=load, missing=lambda data: None)
    monkeypatch.setitem(datasets.DATASETS, "sample", small)

    def make(**changes: object) -> TrainConfig:
        values = {"arch": "linear", "dataset": "sample", "epochs": 2, "batch_size": 20}
        values |= {"checkpoints": str(tmp_path / "runs"), "learning_rate": 0.01}
        return TrainConfig(**values | changes)

    return make


@pytest.fixture
def saved_at_once(monkeypatch):
    """Files are written before training goes on, so that none is passed over for being slow. Use it
    where progress is told at every step, since that is when they are told of."""
    from concurrent.futures import Future

    from core.training import checkpoint_writer as saving

    class AtOnce:
        def __init__(self, *arguments):
            pass

        def submit(self, function, *arguments):
            future = Future()
            future.set_result(function(*arguments))
            return future

    monkeypatch.setattr(saving, "ThreadPoolExecutor", AtOnce)


@pytest.fixture
def fake_train():
    return make_fake_train
