"""In what the lanes of a race differ, and what is the same for all, in words. No torch here."""

from __future__ import annotations

from core.commands import RacePlan
from core.config import TrainConfig
from core.data.datasets import class_names_of, resolve_auto
from core.errors import UserError
from core.race.plan import network_key, prefix_of
from core.race.words import join_words

WORDS = {
    "arch": "network",
    "learning_rate": "learning rate",
    "momentum": "momentum or first beta",
    "beta2": "second beta",
    "shift": "random shift",
    "routes": "routes of computation",
    "threads": "number of threads",
    "epochs": "number of epochs",
}


def word_of(name: str) -> str:
    """Return what a setting is called in a sentence."""
    return WORDS.get(name, name.replace("_", " "))


def describe_difference(plan: RacePlan) -> str:
    """Return two sentences: in what the lanes differ, and what is the same for all."""
    changed = plan.changed or ("settings",)
    what = [f"the {word_of(name)}" for name in changed]
    prefix = prefix_of(changed[0])
    values = [lane.name.removeprefix(prefix) for lane in plan.lanes]
    names = ("; " if any("," in each for each in values) else ", ").join(values)
    if changed[0] == "preset" and len(what) > 1:
        differ = f"The lanes differ in the preset ({names}), which sets {join_words(what[1:])}"
    else:
        differ = f"The lanes differ in {join_words(what)} alone: {names}"
    return f"{differ}. {_describe_same(plan, changed[0])}"


def _describe_same(plan: RacePlan, changed: str) -> str:
    same: list[str] = []
    other: list[str] = []
    for what, is_same in (
        ("the order of the images", has_same_order(plan)),
        ("the first weights", has_same_weights(plan)),
    ):
        (same if is_same else other).append(what)
    whole = "All else is the same"
    if plan.seeds > 1 and same:
        whole += ", for each seed"
    text = f"{whole}, {join_words(same)} too" if same else whole
    if not other:
        return f"{text}."
    verb = "depends" if other == ["the order of the images"] else "depend"
    return f"{text}; {join_words(other)} {verb} on the {word_of(changed)}."


def has_same_order(plan: RacePlan) -> bool:
    """Return whether all lanes see the images in the same order (core/data/batches.py): it is
    drawn from the seed and the epoch, for the number of images."""
    return len({(resolve_auto(c.dataset), c.seed) for c in _configs(plan)}) == 1


def has_same_weights(plan: RacePlan) -> bool:
    """Return whether all lanes begin with the same weights: those of one network, for as many
    classes, drawn with one seed (build_untrained)."""
    return len({(network_key(c), _classes(c), c.seed) for c in _configs(plan)}) == 1


def _configs(plan: RacePlan) -> list[TrainConfig]:
    return [lane.config for lane in plan.lanes]


def _classes(config: TrainConfig) -> int | None:
    try:
        return len(class_names_of(config.dataset))
    except UserError:  # a folder that is not here any more
        return None
