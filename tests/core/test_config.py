"""Settings: defaults, allowed values, presets, and reading stored ones."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import (
    FIELDS,
    PRESETS,
    TrainConfig,
    describe_allowed,
    find_problem,
    flag,
    make_config,
    parse,
    read_config,
)
from core.data.datasets import DATASETS
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES

COUNTS = {"epochs": 100_000, "batch_size": 1_000_000}
BAD = [
    *[(name, value) for name in COUNTS for value in (0, -1, 1.5, "3", True, None)],
    ("epochs", 100_001),
    ("batch_size", 1_000_001),
    *[("learning_rate", value) for value in (0, -1, 0.0, math.nan, math.inf, -math.inf, "abc")],
    ("learning_rate", True),
    ("arch", "resnet"),
    ("arch", None),
    ("dataset", "cifar"),
    ("device", "tpu"),
    ("device", "cuda:"),
    ("device", "cuda:x"),
    ("device", "cpu\n"),
    ("threads", 0),
    ("threads", -1),
    ("threads", 1025),
    ("threads", "many"),
    ("seed", -1),
    ("seed", 2**63),
    ("preset", "nosuch"),
    ("optimizer", "lion"),
    ("schedule", "step"),
    ("precision", "fp16"),
    *[
        (name, value)
        for name in ("momentum", "beta2", "label_smoothing")
        for value in (-0.1, 1, 1.0, math.nan, "0.5", True, None)
    ],
    *[("weight_decay", value) for value in (-1e-9, math.inf, math.nan, "0", None)],
    *[(name, "") for name in ("data", "checkpoints")],
    ("data", 3),
    ("checkpoints", None),
    *[("shift", value) for value in (-1, 15, 1.0, None)],
    *[("keep", value) for value in (-1, 1001, 1.0, "6", None)],
    *[("save_every", value) for value in (0, -1, math.inf, math.nan, "30", None)],
]
anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=4)
    | st.lists(st.integers(), max_size=2)
)


def test_defaults_are_the_article_recipe():
    config = make_config()
    assert (config.epochs, config.batch_size, config.learning_rate) == (6, 32, 1e-3)
    assert (config.arch, config.dataset, config.device) == ("mlp", "auto", "auto")
    assert (config.preset, config.threads, config.data) == ("article", "auto", None)
    assert (config.optimizer, config.momentum, config.beta2) == ("adam", 0.9, 0.999)
    assert (config.weight_decay, config.schedule, config.precision) == (0.0, "constant", "fp32")
    assert (config.label_smoothing, config.shift) == (0.0, 0)
    assert PRESETS["article"] == {}
    assert config.checkpoints == "checkpoints"
    assert config == TrainConfig()


def test_default_seed_is_zero():
    """A seed that scores well on the test images would be a choice by the test set."""
    assert make_config().seed == 0


def test_folder_as_dataset_needs_its_prefix(tmp_path):
    with pytest.raises(UsageError, match=f"did you mean 'folder:{tmp_path}'"):
        TrainConfig(dataset=str(tmp_path))


def test_sgd_refuses_beta2():
    assert make_config(optimizer="sgd").momentum == 0.9
    with pytest.raises(UsageError, match=r"^--optimizer sgd cannot be used with --beta2 0\.9"):
        make_config(preset="speedrun", optimizer="sgd")


def test_settings_override_the_speedrun():
    config = make_config(preset="speedrun", epochs=2)
    assert (config.arch, config.epochs, config.schedule) == ("quick", 2, "onecycle")
    assert make_config(preset="speedrun", arch="cnn").arch == "cnn"


@pytest.mark.parametrize(("name", "value"), BAD)
def test_refusal_names_the_option(name, value):
    """By the command line's name, with what is allowed and the value."""
    with pytest.raises(UsageError) as refused:
        TrainConfig(**{name: value})
    assert str(refused.value) == f"{flag(name)} must be {describe_allowed(name)}, not {value!r}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochs", "0"),
        ("epochs", "six"),
        ("epochs", "1.5"),
        ("batch_size", "0"),
        ("learning_rate", "0"),
        ("learning_rate", "-1"),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", "abc"),
        ("learning_rate", ""),
        ("threads", "0"),
        ("arch", "MLP"),
        ("seed", "9" * 5000),
    ],
)
def test_typed_value_is_refused_in_one_line(name, text):
    with pytest.raises(UsageError, match=rf"^{flag(name)} must be ") as refused:
        parse(name, text)
    assert len(str(refused.value).splitlines()) == 1


def test_learning_rate_option_is_lr():
    assert flag("learning_rate") == "--lr"
    assert flag("batch_size") == "--batch-size"


@settings(deadline=None)
@given(st.sampled_from(sorted(FIELDS)), anything)
def test_config_accepts_values_without_problem(name, value):
    why = find_problem(name, value)
    if why is None:
        assert getattr(TrainConfig(**{name: value}), name) == value
    else:
        assert len(why.splitlines()) == 1
        with pytest.raises(UsageError) as refused:
            TrainConfig(**{name: value})
        assert str(refused.value) == f"{flag(name)} {why}"


@settings(deadline=None)
@given(st.sampled_from(sorted(FIELDS)), st.text())
def test_any_text_parses_or_is_refused(name, text):
    try:
        value, why = parse(name, text), None
    except UsageError as refused:
        value, why = None, str(refused)
    if why is None:
        assert find_problem(name, value) is None
    else:
        assert why.startswith((flag(name) + " must be ", "--arch cannot be built: "))
        assert len(why.splitlines()) == 1


@settings(deadline=None)
@given(st.sampled_from(sorted(COUNTS)), st.integers())
def test_counts_have_bounds(name, value):
    assert (find_problem(name, value) is None) == (1 <= value <= COUNTS[name])


@settings(deadline=None)
@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_every_positive_rate_can_be_typed(rate):
    assert parse("learning_rate", repr(rate)) == rate


@settings(deadline=None)
@given(
    st.builds(
        TrainConfig,
        arch=st.sampled_from(sorted(ARCHITECTURES)),
        dataset=st.sampled_from(["auto", *DATASETS]),
        device=st.sampled_from(["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"]),
        epochs=st.integers(1, 100_000),
        batch_size=st.integers(1, 1_000_000),
        learning_rate=st.floats(1e-9, 1e9),
        seed=st.integers(0, 2**63 - 1),
        threads=st.just("auto") | st.integers(1, 1024),
        optimizer=st.sampled_from(["adam", "adamw", "sgd"]),
        momentum=st.floats(0, 1, exclude_max=True),
        weight_decay=st.floats(0, 1e9),
        schedule=st.sampled_from(["constant", "onecycle", "cosine"]),
        label_smoothing=st.floats(0, 1, exclude_max=True),
        shift=st.integers(0, 14),
        precision=st.sampled_from(["fp32", "bf16", "auto"]),
        save_every=st.floats(1e-9, 1e9),
        keep=st.integers(0, 1000),
        data=st.none() | st.text(min_size=1),
        checkpoints=st.text(min_size=1),
    )
)
def test_stored_config_reads_equal(config):
    assert read_config(dataclasses.asdict(config)) == config


def test_choice_overrides_preset_overrides_default(monkeypatch):
    """None means that a setting was not chosen."""
    monkeypatch.setitem(PRESETS, "quick", {"epochs": 1, "batch_size": 256})
    config = make_config(preset="quick", batch_size=64, seed=None, epochs=None)
    assert (config.preset, config.epochs, config.batch_size) == ("quick", 1, 64)
    assert config.seed == TrainConfig().seed
    assert make_config(batch_size=64).epochs == 6


def test_unknown_preset_is_refused():
    with pytest.raises(UsageError, match=r"^--preset must be one of article"):
        make_config(preset="nosuch")


def test_unknown_stored_fields_are_ignored():
    stored = {"epochs": 3, "dropout": 0.5, "mixup": None}
    assert read_config(stored) == TrainConfig(epochs=3)


def test_invalid_stored_value_is_refused():
    with pytest.raises(UsageError, match=r"^--epochs "):
        read_config({"epochs": "many"})


def test_tilde_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make_config(checkpoints="~/runs").folder == tmp_path / "runs"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_config(name):
    assert make_config(preset=name).preset == name
