"""The form of a race: the settings that can differ, values to begin with, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from core.commands import RacePlan
from core.config import FIELDS, TrainConfig, parse
from core.models.architectures import ARCHITECTURES
from core.race.plan import MOST_LANES, parse_goal, parse_seeds, parse_values, plan_race
from core.training.setup import check_batch_size, most_samples
from tui.text.settings import NAMES, missing_dataset, network_name

# The settings that a race can change, in the words of the form.
SETTINGS = {name: words for name, words in NAMES.items() if name != "device"}
# Values to begin with, where they do not follow from the setting's own.
SUGGESTED: Mapping[str, tuple[str, ...]] = {
    "weight_decay": ("0", "0.0001", "0.01"),
    "shift": ("0", "1", "2"),
    "label_smoothing": ("0", "0.1", "0.2"),
    "momentum": ("0.5", "0.9", "0.99"),
    "beta2": ("0.9", "0.99", "0.999"),
}
LARGEST_BATCH = 1024


@dataclass(frozen=True)
class RaceForm:
    """What a person has filled in. `values` is a text of one or more lines."""

    setting: str
    values: str
    by: str
    epochs: str
    goal: str
    seeds: str


def suggest_values(name: str, config: TrainConfig) -> list[str]:
    """Return values of a setting that are worth a comparison, as a person would type them."""
    value = getattr(config, name)
    match name:
        case "learning_rate":
            return [f"{value * factor:g}" for factor in (0.1, 1, 10)]
        case "batch_size":
            sizes = (max(1, value // 4), value, min(LARGEST_BATCH, value * 4))
            return [str(each) for each in dict.fromkeys(sizes)]
        case "epochs":
            return [str(value), str(value * 3)]
        case "seed":
            return [str(value + more) for more in range(3)]
        case "arch":
            names = dict.fromkeys((network_name(value), "linear", "mlp", "quick"))
            known = [name for name in names if name in ARCHITECTURES]
            return known[:3] if network_name(value) in ARCHITECTURES else [value, *known[:2]]
        case "dataset":
            datasets = [each for each in FIELDS[name].metadata["choices"] if each != "auto"]
            here = [each for each in datasets if not missing_dataset(each, config.data)]
            return here[:MOST_LANES]
    choices = FIELDS[name].metadata["choices"]
    return [*(choices or SUGGESTED[name])][:MOST_LANES]


def make_plan(form: RaceForm, config: TrainConfig) -> RacePlan:
    """Return the race of a form; `config` has all other settings. Raises UserError."""
    lines = [line.strip() for line in form.values.splitlines() if line.strip()]
    values = parse_values(form.setting, [line.rstrip(",") for line in lines])
    base = asdict(config)
    if form.setting != "epochs":
        base["epochs"] = parse("epochs", form.epochs)
    goal = parse_goal(form.goal) if form.goal.strip() else None
    seeds = parse_seeds(form.seeds)
    plan = plan_race(base, {form.setting: values}, by=form.by, seeds=seeds, goal=goal)
    for lane in plan.lanes:
        check_batch_size(lane.config.batch_size, most_samples(lane.config.dataset))
    return plan
