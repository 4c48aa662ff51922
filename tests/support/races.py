"""Plans of races, without the words that a person types."""

from core.commands import RaceLane, RacePlan, StartRace
from core.config import TrainConfig


def rates(folder, *values, seeds=1, goal=None, **config) -> StartRace:
    """Return what starts a race between learning rates."""
    settings = {"checkpoints": str(folder), "dataset": "sample"} | config
    lanes = [
        RaceLane(f"lr {value:g}", TrainConfig(**settings | {"learning_rate": value}))
        for value in values
    ]
    return StartRace(RacePlan(tuple(lanes), ("learning_rate",), seeds=seeds, goal=goal))
