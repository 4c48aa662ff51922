"""A race without training: fake events of its lanes, and the state after them."""

from collections.abc import Sequence
from dataclasses import replace

from core.config import TrainConfig
from core.events import (
    DigitsLoaded,
    Evaluated,
    Event,
    LaneEvent,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunFinished,
)
from core.responses.predictions import Predicted
from tests.support.events import STARTED, progress
from tests.support.fakes import fake_digit
from tui.state.race.fold_race import fold_race_events
from tui.state.race.race_state import RaceState

NAMES = ("linear", "mlp", "quick")


def race_started(names=NAMES, **changes) -> RaceStarted:
    values = {"by": "samples", "seeds": 1, "goal": 0.9} | changes
    return RaceStarted(
        race="race-1", folder="checkpoints/race-1", lanes=tuple(names), changed=("arch",), **values
    )


def lane_events(
    lane: int,
    accuracies: Sequence[float],
    *,
    seed: int = 0,
    ends: str = "",
    digits=(0, 1, 2, 3, 4, 5),
) -> list[LaneEvent]:
    """Return the events of a lane that had these test accuracies at the ends of its epochs, and
    `ends` as finished, stopped, diverged or memory."""
    name = NAMES[lane % len(NAMES)]
    config = vars(TrainConfig(arch=name, dataset="sample"))
    run = f"{name}-{seed}"
    epochs = max(2, len(accuracies))
    started = replace(
        STARTED,
        run=run,
        folder=f"checkpoints/{run}",
        arch=name,
        config=config,
        epochs=epochs,
        total_steps=100 * epochs,
    )
    events: list[Event] = [started, DigitsLoaded(labels=bytes(range(10)) * 10)]
    for epoch, accuracy in enumerate(accuracies, 1):
        loss, before = 1.1 - accuracy, 100 * (epoch - 1)
        events += [progress(before + 10 * part, loss + 0.5 / part) for part in range(1, 11)]
        events.append(
            Evaluated(epoch=epoch, step=100 * epoch, test_loss=loss, test_accuracy=accuracy)
        )
    step = 100 * len(accuracies)
    shown = tuple(fake_digit(index, 1.0 + lane) for index in digits)
    events.append(Predicted(step=step, samples=100, digits=shown, seconds=0.001))
    if ends in ("finished", "stopped"):
        events.append(
            RunFinished(
                epochs=len(accuracies),
                steps=step,
                test_loss=0.1,
                test_accuracy=accuracies[-1],
                train_seconds=2.0 * (lane + 1),
                samples_per_second=500.0,
                checkpoint=f"checkpoints/{run}/last.safetensors",
                stopped=ends == "stopped",
            )
        )
    elif ends:
        events.append(RunFailed(reason=ends, message=f"{ends}: it cannot continue"))
    return [LaneEvent(lane=lane, seed=seed, event=event) for event in events]


def race_finished(
    winner: int | None = 2, verdict="quick reached 90.0% first. It is noise.", **more
):
    return RaceFinished(race="race-1", stopped=False, winner=winner, verdict=verdict, **more)


def race_after(*events: Event | Sequence[Event]) -> RaceState:
    flat = [each for item in events for each in (item if isinstance(item, list) else [item])]
    return fold_race_events(RaceState(), flat)
