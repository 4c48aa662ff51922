"""Lanes from one changed setting, and the words of what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.commands import RacePlan
from core.config import FIELDS, TrainConfig
from core.errors import UsageError
from core.race.difference import describe_difference, has_same_order, has_same_weights
from core.race.plan import (
    LONGEST_NAME,
    parse_goal,
    parse_seeds,
    parse_values,
    plan_race,
    split_values,
)

SMALL, WIDE = "conv 16 3, relu, maxpool 2, linear", "conv 32 3, relu, maxpool 2, linear"


def plan(name: str, *texts: str, **options) -> RacePlan:
    return plan_race({}, {name: parse_values(name, texts)}, **options)


def names(race: RacePlan) -> list[str]:
    return [lane.name for lane in race.lanes]


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("learning_rate", ["0.1, 0.01,1e-3"], ["lr 0.1", "lr 0.01", "lr 0.001"]),
        ("learning_rate", ["0.1", "0.01"], ["lr 0.1", "lr 0.01"]),
        ("arch", ["linear,mlp,quick"], ["linear", "mlp", "quick"]),
        ("arch", [SMALL, WIDE, "mlp"], ["conv 16 3", "conv 32 3", "mlp"]),
        ("arch", ["linear 8, relu, linear", "mlp"], ["linear 8, relu, linear", "mlp"]),
        ("arch", ["relu, linear 9, linear", "linear 9, linear"], ["relu", "linear 9, linear"]),
        ("batch_size", ["32,256"], ["batch size 32", "batch size 256"]),
        ("optimizer", ["adam,sgd"], ["adam", "sgd"]),
        ("dataset", ["mnist,sample"], ["mnist", "sample"]),
        ("threads", ["auto,2"], ["threads auto", "threads 2"]),
        ("routes", ["default", "fp32,threads=2"], ["default", "fp32,threads=2"]),
        ("preset", ["article,speedrun"], ["article", "speedrun"]),
        ("learning_rate", ["0.12345671,0.12345672"], ["lr 0.12345671", "lr 0.12345672"]),
    ],
)
def test_lanes_are_named_by_their_values(name, texts, expected):
    race = plan(name, *texts)
    assert names(race) == expected
    assert race.changed[0] == name
    assert len({getattr(lane.config, name) for lane in race.lanes}) == len(expected)


def test_long_names_are_shortened_and_unique():
    long = [f"linear {n} , relu , linear 100 , relu , linear" for n in ("1000", "1001")]
    swapped = "linear 100, relu, linear 1000, tanh, linear"
    found = names(plan("arch", *long, swapped))
    assert len(set(found)) == 3
    assert all(each.endswith(", …") for each in found)
    assert max(map(len, found)) <= LONGEST_NAME


def test_other_settings_are_shared():
    race = plan_race({"epochs": 3}, {"seed": [5], "arch": ["mlp", "linear"]}, by="time", seeds=2)
    assert [(lane.config.epochs, lane.config.seed) for lane in race.lanes] == [(3, 5), (3, 5)]
    assert (race.by, race.seeds, race.changed) == ("time", 2, ("arch",))


def test_form_can_be_the_base():
    form = TrainConfig(arch="linear", epochs=2)
    race = plan_race(vars(form), {"learning_rate": [0.1, 0.01]})
    assert {lane.config.arch for lane in race.lanes} == {"linear"}
    assert [lane.config.learning_rate for lane in race.lanes] == [0.1, 0.01]


@pytest.mark.parametrize(
    ("name", "texts", "problem"),
    [
        ("learning_rate", ["0.1"], "needs two to four lanes: give one setting several values"),
        ("learning_rate", ["0.1,0.10"], "lanes 1 and 2 differ in nothing (0.1)"),
        ("dataset", ["mnist,sample,auto"], "lanes 1 and 3 differ in nothing (mnist and auto)"),
        ("arch", ["relu,linear", "relu, linear 10"], "lanes 1 and 2 differ in nothing"),
        ("arch", ["linear,mlp,linear"], "lanes 1 and 3 differ in nothing (linear)"),
        ("seed", ["1,2,3,4,5"], "at most 4 lanes, not 5"),
        ("learning_rate", ["0.1,,2"], "nothing between two commas"),
        ("learning_rate", ["0.1,fast"], "--lr must be a number above 0"),
        ("arch", ["linear,mlp,quik"], "not 'quik'"),
        ("arch", ["mlp,conv 16 3,relu,linear"], "for networks given as layers, repeat --arch"),
        ("keep", ["1,2"], "--keep is the same for all lanes"),
        ("checkpoints", ["a", "b"], "--checkpoints is the same for all lanes"),
        ("arch", ["a.py:A", "b.py:B"], "is only run where you name it"),
    ],
)
def test_lanes_that_make_no_race_are_refused(name, texts, problem):
    with pytest.raises(UsageError) as error:
        plan(name, *texts)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_only_one_setting_has_several_values():
    with pytest.raises(UsageError, match="not --lr and --epochs"):
        plan_race({}, {"learning_rate": [1, 2], "epochs": [1, 2]})
    with pytest.raises(UsageError, match="--seed can have only one value"):
        plan("seed", "1,2", seeds=2)
    with pytest.raises(UsageError, match="--by must be samples or time"):
        plan("seed", "1,2", by="steps")


def test_seeds_must_not_overflow():
    rates = {"learning_rate": [0.1, 0.01]}
    last = plan_race({"seed": 2**63 - 3}, rates, seeds=3)
    assert last.lanes[0].config.seed == 2**63 - 3
    with pytest.raises(UsageError, match="--seed must be at most 9223372036854775804"):
        plan_race({"seed": 2**63 - 3}, rates, seeds=4)
    for text in ("0", "-1", "1001", "2.5", "many", "٣", ""):
        with pytest.raises(UsageError, match="--seeds must be a whole number, 1 to 1,000"):
            parse_seeds(text)


def test_goal_is_a_share_or_a_percentage():
    assert [parse_goal(each) for each in ("0.97", "97%", "1", "100%")] == [0.97, 0.97, 1, 1]
    for text in ("0", "-0.5", "1.5", "nan", "inf", "all", "1_0%", "0%", "101%", ""):
        with pytest.raises(UsageError, match="--to must be a test accuracy above 0 and at most 1"):
            parse_goal(text)
    with pytest.raises(UsageError, match="did you mean 97%"):
        parse_goal("97")


@given(some.text(max_size=30), some.sampled_from([*FIELDS]))
def test_splitting_loses_nothing(text, name):
    parts = [part.strip() for part in text.split(",")]
    assert split_values(name, [text]) in ([text], parts)
    assert len(split_values("routes", [text])) == 1


@given(some.lists(some.floats(1e-9, 1e6), min_size=2, max_size=4, unique=True))
def test_numbers_become_lanes_as_typed(rates):
    race = plan("learning_rate", ",".join(map(repr, rates)))
    assert [lane.config.learning_rate for lane in race.lanes] == rates
    assert len(set(names(race))) == len(rates)


@pytest.mark.parametrize(
    ("name", "values", "order", "weights"),
    [
        ("learning_rate", "0.1,0.01", True, True),
        ("batch_size", "32,64", True, True),
        ("shift", "0,2", True, True),
        ("epochs", "2,6", True, True),
        ("arch", "linear,mlp", True, False),
        ("seed", "1,2", False, False),
        ("dataset", "mnist,sample", False, True),
        ("dataset", "mnist,emnist-letters", False, False),
    ],
)
def test_what_is_the_same_follows_from_the_setting(name, values, order, weights):
    race = plan(name, values)
    assert (has_same_order(race), has_same_weights(race)) == (order, weights)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (
            "learning_rate",
            "0.1,0.01",
            "The lanes differ in the learning rate alone: 0.1, 0.01. All else is the same, the "
            "order of the images and the first weights too.",
        ),
        (
            "arch",
            "linear,mlp",
            "The lanes differ in the network alone: linear, mlp. All else is the same, the order "
            "of the images too; the first weights depend on the network.",
        ),
        (
            "seed",
            "1,2",
            "The lanes differ in the seed alone: 1, 2. All else is the same; the order of the "
            "images and the first weights depend on the seed.",
        ),
    ],
)
def test_difference_is_described(name, values, words):
    assert describe_difference(plan(name, values)) == words


def test_preset_names_what_it_sets():
    text = describe_difference(plan("preset", "article,speedrun"))
    assert "the preset (article, speedrun), which sets the network, the number of epochs" in text
