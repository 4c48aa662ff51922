"""Pictures of whole screens, compared with accepted ones in __snapshots__.

The fake trainer, a fixed clock, fixed devices and the versions pinned in the extra `dev` make them
the same everywhere. `make snapshots` accepts what is drawn now; look at the difference first.
"""

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from textual.pilot import Pilot

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.commands import Inbox, Pause
from core.compute.usage import Machine
from core.config import TrainConfig
from core.event_json import as_json
from core.events import Evaluated, Event, Progress
from core.models.networks import resolve_network
from core.responses.devices import DeviceChoice
from tests.support.app import SIZES, app_in, text_of, until
from tests.support.fakes import fake_confusion, key_of, make_fake_train

NOW = 1_790_000_000.0  # 2026-09-21 13:33:20 UTC
RUNS = {"mlp-20260920-101500": 0.97, "linear-20260919-090000": 0.91, "mlp-20260918-080000": 0.985}
CPU = DeviceChoice(name="cpu", description="CPU, 2 cores", available=True, reason=None)
GIGABYTE = 10**9
MACHINE = Machine(
    cpu="CPU",
    cores=2,
    own_load=150.0,
    load=80.0,
    own_memory=GIGABYTE // 2,
    memory_used=4 * GIGABYTE,
    memory_total=16 * GIGABYTE,
)
PAUSED_AT = 5
QUIET_SECONDS = 0.4  # so long must nothing change before a picture is taken

Act = Callable[[Pilot], Awaitable[None]]


@pytest.fixture(autouse=True)
def fixed_world(monkeypatch, tmp_path):
    """One time, one time zone, one device, colours, and a current folder of a fixed name."""
    for name in ("NO_COLOR", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr("core.compute.devices.list_devices", lambda: [CPU])
    monkeypatch.setattr("core.compute.usage.read_machine", lambda: MACHINE)
    monkeypatch.setattr("tui.text.settings.describe_cores", lambda: "2 cores")
    monkeypatch.setattr("tests.support.fakes.fake_sureness", lambda step: 2.0)
    monkeypatch.setattr("textual.widgets.Input.cursor_blink", False)
    monkeypatch.chdir(tmp_path)
    yield
    monkeypatch.undo()
    time.tzset()


def write_run(name: str, accuracy: float) -> None:
    """Write a finished run of three epochs as a run writes it, into ./runs."""
    arch, place = name.partition("-")[0], Path("runs", name)
    place.mkdir(parents=True)
    config = asdict(TrainConfig(arch=arch, dataset="sample", epochs=3))
    described = {"run": name, "status": "finished", "pid": 1, "config": config, "device": "cpu"}
    (place / "run.json").write_text(json.dumps(described))
    weights = {
        key: torch.zeros_like(tensor)
        for key, tensor in resolve_network(arch).build().state_dict().items()
    }
    events = []
    for step in range(1, 31):
        loss, epoch = 2.3 / step**0.5, 1 + (step - 1) // 10
        events.append(
            Progress(
                step=step,
                epoch=epoch,
                loss=loss,
                losses=(loss,),
                learning_rate=0.001,
                samples_per_second=9_000.0,
            )
        )
        if step % 10 == 0:
            events.append(
                Evaluated(
                    epoch=epoch,
                    step=step,
                    test_loss=loss,
                    test_accuracy=accuracy - 0.01 * (3 - epoch),
                    confusion=fake_confusion(),
                )
            )
    (place / "events.jsonl").write_text("".join(as_json(each) + "\n" for each in events))
    day = NOW - 86_400 * (1 + list(RUNS).index(name))
    for kind in ("last", "best"):
        info = CheckpointInfo(
            run=name,
            arch=arch,
            dataset="sample",
            config=config,
            epoch=3,
            step=30,
            test_loss=0.42,
            test_accuracy=accuracy,
            parameters=7_850,
            saved_at=day,
        )
        checkpoints.save(place / f"{kind}.safetensors", weights, info)
    for file in (*place.iterdir(), place):
        os.utime(file, (day, day))


async def settle(pilot: Pilot, quiet: float = QUIET_SECONDS) -> None:
    """Wait until the screen has not changed for so many seconds."""
    shown, since = "", time.monotonic()
    while time.monotonic() - since < quiet:
        await pilot.pause(0.05)
        if (now := text_of(pilot)) != shown:
            shown, since = now, time.monotonic()


def keys(*pressed: str) -> Act:
    async def act(pilot: Pilot) -> None:
        await pilot.press(*pressed)

    return act


def view(name: str, *pressed: str) -> Act:
    return keys(key_of(name), *pressed)


async def pause(pilot: Pilot) -> None:
    """Start a run, which pauses itself at PAUSED_AT, and wait for its predictions."""
    await pilot.press("space")
    await until(pilot, lambda: pilot.app.run_state.phase == "paused")
    await until(pilot, lambda: pilot.app.run_state.digits)


async def train(pilot: Pilot) -> None:
    await pause(pilot)
    await pilot.press("space")
    await until(pilot, lambda: pilot.app.run_state.phase == "finished")


def train_with_pause(config: TrainConfig, inbox: Inbox) -> Iterator[Event]:
    """Train as the fake trainer does, and pause once at the same step each time."""
    for event in make_fake_train(steps=10, delay=0.0)(config, inbox):
        yield event
        if isinstance(event, Progress) and event.step == PAUSED_AT:
            inbox.put(Pause())


SCENES: dict[str, tuple[Act, ...]] = {
    "train-idle": (),
    "train-finished": (train,),
    "charts": (train, keys("v", "l")),
    "digits": (pause, view("digits")),
    "mistakes": (train, view("mistakes")),
    "network": (view("network"),),
    "network-finished": (train, view("network")),
    "checkpoints": (view("checkpoints"),),
    "checkpoints-filter": (view("checkpoints", "slash", *"mlp", "enter"),),
    "help-train": (keys("question_mark"),),
    "help-checkpoints": (view("checkpoints", "question_mark"),),
    "quit": (pause, keys("q")),
    "learning-rate": (pause, keys("r")),
    "overlay": (train, keys("o")),
}


# The views that are seen most, at both sizes; the others at the one at which more is drawn.
AT_BOTH = ("train-idle", "train-finished", "digits", "mistakes", "checkpoints")
PICTURES = [
    pytest.param(scene, size, id=f"{scene}-{size[0]}x{size[1]}")
    for scene in SCENES
    for size in SIZES
    if scene in AT_BOTH or size == SIZES[-1]
]


@pytest.mark.parametrize(("scene", "size"), PICTURES)
def test_screen_matches_picture(scene, size, snap_compare):
    """The whole screen is drawn as it was when its picture was accepted."""
    for name, accuracy in RUNS.items():
        write_run(name, accuracy)

    async def act(pilot: Pilot) -> None:
        await until(pilot, lambda: pilot.app.run_state.untrained)
        for each in SCENES[scene]:
            await settle(pilot, QUIET_SECONDS / 4)
            await each(pilot)
        await settle(pilot)

    app = app_in("runs", train_with_pause, arch="mlp", epochs=3)
    assert snap_compare(app, terminal_size=size, run_before=act)
