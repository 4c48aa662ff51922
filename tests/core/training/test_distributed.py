"""Ranks that train one network together: two real processes, and how a batch is split."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st

from core.checkpoints.header import read_info
from core.commands import SetLearningRate
from core.config import make_config
from core.errors import DeviceError, UsageError
from core.events import Progress, RunStarted
from core.models.input_scaling import InputScaling
from core.runs.resume import prepare_resume
from core.training import distributed, loop
from core.training.distributed import RankLost, Ranks, join
from core.training.learner import Learner
from core.training.ranks import (
    TORCHRUN_VARIABLES,
    Place,
    choose_rank_device,
    launched,
    part,
)
from core.training.setup import resolve_setup
from core.training.trainer import train
from tests.support.training import default_route
from tui.state import summaries as words
from tui.state.fold import fold
from tui.state.run_state import RunState

ROOT = Path(__file__).parents[3]
# 4,000 digits in batches of 129 leave one for the last: the first of two processes has none of it.
SETTINGS = {"arch": "linear", "dataset": "sample", "batch_size": 129, "shift": 1, "threads": 1}
OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
EPOCH = 32
ENDED, CHANGED, LOST = EPOCH + 4, EPOCH + 16, 2 * EPOCH - 4
CPU = torch.device("cpu")
GPUS = torch.cuda.device_count()
TENSORBOARD = find_spec("tensorboard") is not None


@given(st.integers(0, 500), st.integers(1, 40))
def test_rank_parts_cover_the_batch(count, world):
    cut = [range(count)[part(count, rank, world)] for rank in range(world)]
    assert [place for each in cut for place in each] == list(range(count))
    assert max(map(len, cut)) - min(map(len, cut)) <= 1


@pytest.mark.parametrize(
    ("batch", "world", "first"),
    [(48, 3, 0), (48, 3, 4), (40, 3, 3), (199, 2, 0), (199, 2, 1), (200, 7, 0)],
)
def test_ranks_share_batches_of_one_process(tiny, tiny_tensors, batch, world, first):
    config = tiny(batch_size=batch, shift=2)
    alone = Learner(config, default_route(config), tiny_tensors, CPU)
    route, places = (
        default_route(config),
        [Place(rank, world, rank, world) for rank in range(world)],
    )
    learners = [Learner(config, route, tiny_tensors, CPU, Ranks(place)) for place in places]
    expected = list(alone.batches(1, first))
    cut = list(zip(*(each.batches(1, first) for each in learners), strict=True))
    assert len(cut) == len(expected)
    for (images, labels), parts in zip(expected, cut, strict=True):
        assert torch.equal(torch.cat([each for each, _ in parts]), images)
        assert torch.equal(torch.cat([each for _, each in parts]), labels)


def test_dropout_differs_by_rank_and_resumes(tiny, tiny_tensors):
    """The checkpoint has the random numbers of the leader alone."""
    config = tiny(arch="dropout 0.5, linear")

    def masks(rank: int, first: int) -> list[torch.Tensor]:
        ranks = Ranks(Place(rank, 2, rank, 2))
        learner = Learner(config, default_route(config), tiny_tensors, CPU, ranks)
        return [torch.rand(4) for _ in learner.batches(1, first)]

    leader, follower = masks(0, 0), masks(1, 0)
    assert not any(map(torch.equal, leader, follower))
    assert not torch.equal(leader[0], leader[1])
    for rank, whole in enumerate((leader, follower)):
        assert all(map(torch.equal, whole[2:], masks(rank, 2)))


def test_place_is_read_from_torchrun_variables(monkeypatch):
    for name in (*TORCHRUN_VARIABLES, "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert launched() is None
    for name, value in zip(TORCHRUN_VARIABLES, ("3", "4", "1", "localhost", "29500"), strict=True):
        assert launched() is None
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert launched() == Place(3, 4, 1, 2)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert launched() is None
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(UsageError, match="RANK"):
        launched()


def test_each_rank_gets_its_gpu(monkeypatch):
    place = Place(1, 2, 1, 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (
        choose_rank_device("auto", place)
        == choose_rank_device("cuda", place)
        == torch.device("cuda:1")
    )
    assert choose_rank_device("cpu", place) == CPU
    with pytest.raises(UsageError, match="cuda:0"):
        choose_rank_device("cuda:0", place)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="2 processes for 1 GPU: start 1"):
        choose_rank_device("auto", place)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_rank_device("auto", place) == CPU
    with pytest.raises(DeviceError, match="cuda is not available"):
        choose_rank_device("cuda", place)


def test_ranks_share_cpu_cores(tiny, tiny_tensors, monkeypatch):
    monkeypatch.setattr("core.compute.threads.cpu_cores", lambda: 8)
    config = tiny(arch="mlp")
    assert resolve_setup(config, place=Place(0, 6, 0, 3)).route.threads == 2
    assert resolve_setup(config).route.threads == 8


# Runs torchrun for each request, in a fork of a process that has loaded PyTorch once.
TORCHRUN = """
import json, os, sys
from torch.distributed.run import main
for line in sys.stdin:
    *files, arguments = json.loads(line)
    if not os.fork():
        for number, name in enumerate((os.devnull, *files)):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
        main(arguments)
        break
    os.wait()
    print(flush=True)
"""


@pytest.fixture(scope="module")
def torchrun(tmp_path_factory):
    """Run a command in two ranks; return the lines of its dry run, its events and the program's
    messages on stderr. Torchrun forks the ranks too."""
    pytest.importorskip("mlxtend")
    folder = tmp_path_factory.mktemp("torchrun")

    def call(*arguments, to_fork=("--run-path", "--start-method=fork")):
        out, err = folder / "out", folder / "err"
        for each in (out, err):
            each.write_text("")
        options = ("--standalone", "--nproc-per-node=2", *to_fork)
        what = [*options, str(ROOT / "tests/support/under_torchrun.py"), *arguments]
        process.stdin.write(json.dumps([str(out), str(err), what]) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "\n"
        printed = out.read_text().splitlines()
        planned = [line for line in printed if not line.startswith("{")]
        messages = [each for each in err.read_text().splitlines() if each.startswith("mnist-tui: ")]
        return planned, [json.loads(line) for line in printed if line.startswith("{")], messages

    with subprocess.Popen(
        [sys.executable, "-c", TORCHRUN],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield call


def first(events, name):
    return next(each for each in events if each["event"] == name)


def losses(events):
    return {each["step"]: each["loss"] for each in events if each["event"] == "progress"}


def alone(config, resume_point=None, rates=(), ranks=None):
    """Each step's loss in one process, in which the rate is changed at those steps."""
    inbox, found = SimpleQueue(), {}
    for event in train(config, inbox, resume_point, ranks):
        if isinstance(event, Progress):
            found[event.step] = event.loss
            if event.step in dict(rates):
                inbox.put(SetLearningRate(dict(rates)[event.step]))
    return found


@dataclass(frozen=True)
class Pair:
    """A run of two ranks that a hangup ended and that two ranks resumed, of which one was killed:
    each time the lines of the dry run, the events and the messages on stderr."""

    folder: Path
    planned: list[str]
    begun: list[dict]
    messages: list[str]
    resumed: list[dict]
    messages_resumed: list[str]


@pytest.fixture(scope="module")
def pair(torchrun, tmp_path_factory):
    place = tmp_path_factory.mktemp("pair")
    options = [*OPTIONS, "--epochs=2", f"--checkpoints={place}", *["--tensorboard"] * TENSORBOARD]
    once = torchrun(f"{ENDED}:hang-up", "train", *options)
    (folder,) = place.iterdir()
    _, *then = torchrun(f"{CHANGED}:change,{LOST}:kill", "resume", str(folder))
    return Pair(folder, *once, *then)


def test_dry_run_lists_devices_once(pair):
    devices = [line for line in pair.planned if line.startswith("# device: ")]
    assert devices == ["# device: 2 × cpu with 1 thread each, fp32"]


@pytest.mark.skipif(not TENSORBOARD, reason="the package tensorboard is not installed")
def test_one_rank_writes_tensorboard_files(pair):
    assert len(list((pair.folder / "tensorboard").iterdir())) == 1


def test_hangup_of_torchrun_saves_the_run(pair):
    assert pair.messages == []
    names = [each["event"] for each in pair.begun]
    assert (names.count("run_started"), names[-1]) == (1, "run_finished")
    ended = pair.begun[-1]
    assert ended["stopped"] is True
    assert ENDED <= ended["steps"] < CHANGED
    assert first(pair.resumed, "run_started")["step"] == ended["steps"]


def test_lost_rank_ends_run_with_checkpoint(pair):
    failed = pair.resumed[-1]
    assert failed["event"] == "run_failed"
    assert "one of the 2 processes" in failed["message"]
    assert pair.messages_resumed == [f"mnist-tui: {failed['message']}"]
    assert LOST <= read_info(pair.folder / "last.safetensors").step == max(losses(pair.resumed))


def test_two_ranks_match_one_process(pair, tmp_path, monkeypatch):
    """With a resume, a batch of one image, a pause and another learning rate; then one process
    resumes the run of two."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    assert "paused" in [each["event"] for each in pair.resumed]
    changed = first(pair.resumed, "learning_rate_changed")
    assert CHANGED <= changed["step"] < LOST
    config = make_config(**SETTINGS, epochs=3, checkpoints=str(tmp_path))
    expected = alone(config, rates=[(changed["step"], changed["learning_rate"])])
    found = losses(pair.begun) | losses(pair.resumed)
    found |= alone(*prepare_resume(str(pair.folder), tmp_path, epochs=3))
    assert list(found) == list(range(1, 3 * EPOCH + 1))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.skipif(GPUS < 2, reason="it takes two NVIDIA GPUs")
def test_two_gpus_match_one(torchrun, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    place = f"--checkpoints={tmp_path / 'two'}"
    _, events, messages = torchrun(
        "0:-", "train", *OPTIONS, "--epochs=1", "--device=cuda", place, to_fork=()
    )
    started = first(events, "run_started")
    assert (started["ranks"], started["device"], messages) == (2, "cuda:0", [])
    config = make_config(**SETTINGS, epochs=1, device="cuda:0", checkpoints=str(tmp_path / "one"))
    assert losses(events) == pytest.approx(alone(config), rel=1e-3)


@pytest.fixture
def place_of_one(monkeypatch):
    """The place of a single process, as torchrun sets it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    for name, value in zip(TORCHRUN_VARIABLES, ("0", "1", "0", "127.0.0.1", port), strict=True):
        monkeypatch.setenv(name, value)
    return Place(0, 1, 0, 1)


@pytest.mark.parametrize(
    ("device", "backends"),
    [
        ("cpu", []),
        pytest.param(
            "cuda",
            ["nccl"],
            marks=pytest.mark.skipif(not GPUS, reason="it takes an NVIDIA GPU"),
        ),
    ],
)
def test_single_rank_matches_plain_training(
    place_of_one, tiny, tmp_path, monkeypatch, device, backends
):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    used, new_group = [], dist.new_group

    def recorded(*arguments, backend):
        used.append(backend)
        return new_group(*arguments, backend=backend)

    monkeypatch.setattr(dist, "new_group", recorded)
    config = tiny(device=device, shift=1, batch_size=31, threads="1")
    found = alone(config, ranks=join(place_of_one))
    assert used == backends
    assert found == pytest.approx(alone(config), rel=1e-4)
    assert len(found) == 14


def test_batch_smaller_than_ranks_is_refused(place_of_one, tiny, monkeypatch):
    join(place_of_one)
    three = Ranks(Place(0, 3, 0, 3))
    (*_, failed) = train(tiny(batch_size=2, device="cpu"), SimpleQueue(), None, three)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UsageError, match="is too small for 3 processes") as no:
        resolve_setup(tiny(batch_size=2, device="cpu"), place=launched())
    assert (failed.reason, failed.message) == ("usage", str(no.value))


def test_one_step_epochs_bound_meeting_interval(monkeypatch):
    ranks = Ranks(Place(0, 2, 0, 2))
    monkeypatch.setattr(ranks, "_send", lambda *message: None)
    monkeypatch.setattr(distributed, "MEETING_SECONDS", 60.0)
    for _ in range(1100):
        ranks.begin_steps(1, 0.1)
    assert ranks.steps_left == 1


def test_lost_gradients_are_reported_as_nan(place_of_one, tiny, tiny_tensors, monkeypatch):
    ranks = join(place_of_one)
    learner = Learner(tiny(), default_route(tiny()), tiny_tensors, CPU, ranks)
    ranks.lead(learner.config, tiny_tensors, learner, 0)
    before = {name: each.clone() for name, each in learner.parameters.items()}
    ranks.leave()
    monkeypatch.setattr(dist, "all_reduce", lost)
    with pytest.raises(RankLost, match="one of the 1 processes"):
        learner.step(*next(learner.batches(0, 0)), 0.1)
    assert learner.gradient_norm().isnan()
    assert all(torch.equal(before[name], each) for name, each in learner.parameters.items())


def test_followers_scale_as_the_leader(tiny, tiny_tensors, monkeypatch):
    scaling, sent = InputScaling(0.1307, 0.3081), []
    monkeypatch.setattr(Ranks, "_broadcast", lambda self, tensor: sent.append(tensor) or tensor)
    ranks = [Ranks(Place(rank, 2, rank, 2)) for rank in range(2)]
    learner = Learner(tiny(), default_route(tiny()), tiny_tensors, CPU, ranks[0], scaling)
    ranks[0].lead(learner.config, tiny_tensors, learner, 0)
    received = iter(sent)
    monkeypatch.setattr(Ranks, "_broadcast", lambda self, tensor: next(received))
    other, _ = ranks[1]._start(ranks[1]._receive()[0])
    assert other.scaling == scaling
    assert torch.equal(other.images, learner.images)
    assert torch.equal(learner.images[:, 0], (tiny_tensors.train_images / 255 - 0.1307) / 0.3081)


def lost(*arguments, **more):
    raise RuntimeError("Connection closed by peer")


def test_run_started_has_rank_count(pair):
    started = dict(first(pair.begun, "run_started"))
    assert started.pop("event")
    assert started["ranks"] == 2
    state = fold(RunState(), RunStarted(**started))
    assert " on 2 × cpu with 1 thread each in fp32" in words.describe_run(state)
