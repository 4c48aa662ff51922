"""Fixtures for all tests: isolation from this machine, a tiny dataset, and MNIST."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

from core.attach import sockets
from core.config import TrainConfig
from core.data import datasets
from core.data.dataset import Loading, Tensors
from core.data.datasets import find_dataset
from core.events import Preparing
from tests.support import preloaded
from tests.support.attached import running  # noqa: F401
from tests.support.fakes import ROOT, make_fake_train

# A machine that is lent for its GPU may lack the packages of the other tests.
with suppress(pytest.skip.Exception):
    from tests.support.terminal import open_terminal  # noqa: F401
with suppress(ImportError):
    from hypothesis import settings

    # On a busy machine any example may take long; a test that hangs is ended by its timeout.
    settings.register_profile("no deadline", deadline=None)
    settings.load_profile("no deadline")

IDLE_SECONDS, MAX_IDLE_SECONDS, MAX_STARVED_SECONDS = 0.02, 0.2, 2.0
HAS_TEXTUAL = find_spec("textual") is not None
# A process of tests has loaded much, which each full collection visits: 24 of them took a fifth of
# the time of two files of tests with an app. Python's default is 700.
gc.set_threshold(5000)
# Five seconds and more, most of it waiting; none that shares what takes long with its neighbours,
# which another worker would make again.
LONGEST = {
    "test_json_describes_this_machine",
    "test_random_kills_lose_nothing",
    "test_run_survives_a_dropped_ssh_connection",
    "test_dropped_connections_lose_no_step",
    "test_detached_run_outlives_its_terminal",
    "test_detached_run_outlives_the_app",
    "test_run_from_first_frame_to_exit",
    "test_stuck_terminal_does_not_block_signals",
    "test_late_connection_turns_slow_and_blocks_nothing",
    "test_run_on_a_slow_connection",
    "test_example_view_shows_the_run",
}


def pytest_xdist_auto_num_workers() -> int:
    """Return more workers than cores: more than half of the tests' time is waiting, for a screen
    or for a process."""
    return max(2, (os.cpu_count() or 1) * 5 // 2)


def pytest_configure(config: pytest.Config) -> None:
    """Let all workers fork processes from one that has loaded PyTorch, instead of one each."""
    is_worker = hasattr(config, "workerinput")
    if hasattr(os, "pidfd_open") and config.getoption("numprocesses", 0) and not is_worker:
        folder = TemporaryDirectory(prefix="m")
        config.add_cleanup(folder.cleanup)
        preloaded.share(folder.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the longest tests: one that begins last keeps a
    worker busy while the others have nothing left to do."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    longest = [each for each in items if each.originalname in LONGEST]
    others = [each for each in items if each.originalname not in LONGEST]
    share = -(-len(others) // workers)
    items[:] = [
        each
        for worker in range(workers)
        for each in (*longest[worker::workers], *others[worker * share : (worker + 1) * share])
    ]


def pytest_sessionfinish() -> None:
    """Let pytest's five full collections at the end find nothing: they take seconds."""
    gc.freeze()


@pytest.fixture(scope="session")
def short_folder() -> Iterator[str]:
    """Return a folder with a path short enough for sockets, which tmp_path is not."""
    with TemporaryDirectory(prefix="m") as folder:
        yield folder


@pytest.fixture(autouse=True)
def isolated_preferences(monkeypatch, short_folder) -> None:
    """Read and write no preferences and drawings of this machine."""
    monkeypatch.setenv("XDG_CONFIG_HOME", mkdtemp(dir=short_folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(Path(os.environ["XDG_CONFIG_HOME"], "data")))


@pytest.fixture(scope="session", autouse=True)
def unmeasured_routes() -> Iterator[None]:
    """Compute as by default, so that results do not depend on how busy this machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_TUI_ROUTES", "default")
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_screen() -> Iterator[None]:
    """Let a Pilot wait until the screen's thread is idle: a process that trains never is. Draw more
    often than for a person, and during training at more than its share of the CPU: a test waits
    for what is drawn."""
    if not HAS_TEXTUAL:
        yield
        return
    from textual import app, pilot

    from tui.app import frame_rate

    async def wait_for_idle(least: float = IDLE_SECONDS, most: float = MAX_IDLE_SECONDS) -> None:
        waited = starved = 0.0  # starved: waiting for a core, on a busy machine
        while waited < most and starved < MAX_STARVED_SECONDS:
            begin, used = time.monotonic(), time.thread_time()
            await asyncio.sleep(IDLE_SECONDS)
            used = time.thread_time() - used
            lost = max(0.0, time.monotonic() - begin - IDLE_SECONDS - used)
            waited, starved = waited + IDLE_SECONDS + used, starved + lost
            if waited >= least and used < IDLE_SECONDS / 20 and lost < IDLE_SECONDS:
                break

    with pytest.MonkeyPatch.context() as patch:
        for module in (app, pilot):
            patch.setattr(module, "wait_for_idle", wait_for_idle)
        patch.setattr(frame_rate, "IDLE", 0.05)
        patch.setattr(frame_rate, "SCREEN_SHARE", 0.3)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_style_rules() -> Iterator[None]:
    """Parse each style sheet once for all apps, each of which would take a tenth of a second."""
    if not HAS_TEXTUAL:
        yield
        return
    from textual.css.stylesheet import Stylesheet

    parsed = {}
    parse = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *source: object, **more: object) -> list:
        key = (source, *sorted(more.items()), *sorted(sheet._variables.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *source, **more)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def uncut_frames() -> Iterator[None]:
    """Render the widgets of each frame but do not put the frame together, which takes a seventh of
    an app's time, where nothing shows it: in an app without a terminal. `text_of` and pictures put
    it together themselves."""
    if not HAS_TEXTUAL:
        yield
        return
    from textual._compositor import Compositor
    from textual._context import active_app, visible_screen_stack

    put_together = Compositor.render_update

    def render_update(
        compositor: Compositor,
        full: bool = False,
        screen_stack: list | None = None,
        simplify: bool = False,
    ) -> object:
        if full or not active_app.get().is_headless:
            return put_together(compositor, full, screen_stack, simplify)
        visible_screen_stack.set(screen_stack or [])
        whole, dirty = compositor.size.region, compositor._dirty_regions.copy()
        compositor._dirty_regions.clear()
        if dirty:
            part = whole if whole in dirty else whole.from_union(dirty).intersection(whole)
            for _ in compositor._get_renders(part):
                pass
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", render_update)
        yield


@pytest.fixture(autouse=True)
def isolated_sockets(monkeypatch, short_folder) -> None:
    """Hide the runs of other tests and of this machine from `attach`."""
    folder = mkdtemp(dir=short_folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    monkeypatch.setattr(sockets, "runtime_folders", lambda: iter([Path(folder, "mnist-tui")]))


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    """Return the folder that contains MNIST/raw; skip the test where there is none."""
    places = [os.environ.get("MNIST_TUI_DATA"), ROOT.parent / "shared" / "data"]
    for place in filter(None, places):
        if find_dataset("mnist").missing(str(place)) is None:
            return Path(place)
    pytest.skip("MNIST was not found: set MNIST_TUI_DATA")


@pytest.fixture(scope="session")
def tiny_tensors() -> Tensors:
    """Return 200 training and 50 test images: each class is a bright bar in two rows."""
    import torch

    generator = torch.Generator().manual_seed(7)

    def make(count: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        labels = torch.arange(count) % 10
        images = torch.randint(0, 60, (count, 28, 28), generator=generator)
        for row in range(2):
            images[torch.arange(count), 4 + 2 * labels + row] += 190
        return images.to(torch.uint8), labels

    return Tensors(*make(200), *make(50))


@pytest.fixture
def tiny(monkeypatch, tmp_path, tiny_tensors) -> Callable[..., TrainConfig]:
    """Return a function that makes configs for the tiny dataset and the test's own folder."""

    def load(data: str | None) -> Loading:
        yield Preparing(message="reading tiny images")
        return tiny_tensors

    small = replace(datasets.DATASETS["sample"], load=load, missing=lambda data: None)
    monkeypatch.setitem(datasets.DATASETS, "sample", small)
    # What was computed from the real sample does not apply to this one.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def make(**changes: object) -> TrainConfig:
        values = {"arch": "linear", "dataset": "sample", "epochs": 2, "batch_size": 20}
        values |= {"checkpoints": str(tmp_path / "runs"), "learning_rate": 0.01}
        values |= {"routes": "default"}
        return TrainConfig(**values | changes)

    return make


@pytest.fixture
def saved_at_once(monkeypatch):
    """Write checkpoints before training continues, so that none is skipped for being slow.

    For tests with progress at every step, since CheckpointSaved comes with progress."""
    from concurrent.futures import Future

    from core.training import checkpoint_writer

    class AtOnce:
        def __init__(self, *arguments):
            pass

        def submit(self, function, *arguments):
            future = Future()
            future.set_result(function(*arguments))
            return future

    monkeypatch.setattr(checkpoint_writer, "ThreadPoolExecutor", AtOnce)


@pytest.fixture
def fake_train():
    return make_fake_train


@pytest.fixture
def in_process(monkeypatch, capsys):
    """Return a function that runs the program in this process: exit status, stdout and stderr."""
    from tui.cli import main as cli

    def call(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def program(tiny, tmp_path, monkeypatch, in_process):
    """Return `in_process`, on the tiny dataset and in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    return in_process
