"""The text of a route, and what a network and a device leave open."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.compute import candidates
from core.compute.candidates import fit_route, list_choices, read_route
from core.compute.routes import PARTS, Route, describe, is_routes_setting, parse_parts
from core.errors import DeviceError, UsageError
from core.models.networks import resolve_network

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")

ROUTES = st.builds(
    Route,
    precision=st.sampled_from([*PARTS["precision"]]),
    threads=st.integers(1, 1024),
    **{
        # An update that is whole is not named.
        part: st.none() | st.sampled_from([each for each in values if each != "whole"])
        for part, values in PARTS.items()
        if part != "precision"
    },
)


@pytest.fixture(autouse=True)
def whole_machine(monkeypatch):
    """Four cores with bf16 and oneDNN, and a GPU with bf16."""
    monkeypatch.setattr(candidates, "cpu_cores", lambda: 4)
    monkeypatch.setattr("core.compute.threads.cpu_cores", lambda: 4)
    monkeypatch.setattr("core.compute.devices._bf16_missing", lambda device: None)
    monkeypatch.setattr("core.compute.devices._has_fast_bf16", lambda device: True)
    monkeypatch.setattr("core.compute.torch_private.has_onednn_linear", lambda: True)


@given(ROUTES)
def test_text_names_a_route(route):
    assert Route(**{"precision": "", **parse_parts(str(route))}) == route
    assert is_routes_setting(str(route))


@pytest.mark.parametrize("text", ["fast", "fp32,bf16", "threads=0", "threads=2,threads=2", "fp 32"])
def test_wrong_text_names_what_is_wrong(text):
    with pytest.raises(UsageError, match=r"^--routes (has no '|names two of )"):
        parse_parts(text)
    assert not is_routes_setting(text)


@pytest.mark.parametrize("value", ["", ",", 3, None])
def test_empty_setting_is_refused(value):
    assert not is_routes_setting(value)


@pytest.mark.parametrize(
    ("arch", "precision", "default", "count"),
    [
        ("linear", "fp32", "fp32,threads=1,chain", 6),
        ("mlp", "fp32", "fp32,threads=4,onednn,chain", 12),
        ("mlp", "auto", "fp32,threads=4,onednn,chain", 15),
        ("mlp", "bf16", "bf16,threads=4,onednn", 3),
        ("cnn", "fp32", "fp32,threads=4,channels-last,onednn", 13),
        ("cnn", "auto", "bf16,threads=4,channels-last,onednn", 20),
        ("quick", "auto", "bf16,threads=4,channels-last", 12),
    ],
)
def test_default_and_all_routes_on_a_cpu(arch, precision, default, count):
    choices = list_choices(resolve_network(arch), CPU, precision)
    assert str(choices.default) == default
    routes = choices.combinations({part: [*each] for part, each in choices.values.items()})
    assert len(routes) == count == len(set(routes))
    assert choices.default in routes
    singles = {route for _, _, route in choices.single_changes()}
    assert singles <= set(routes)


def test_settings_leave_nothing_else_open():
    choices = list_choices(resolve_network("linear"), CPU, "fp32", 3)
    assert {route.threads for _, _, route in choices.single_changes()} == {3}


def test_gpu_chooses_graph_and_formats():
    choices = list_choices(resolve_network("cnn"), GPU, "auto")
    assert str(choices.default) == "bf16,threads=4,contiguous,graph"
    assert choices.values["precision"] == ("bf16", "fp32", "tf32")
    assert "launch" not in list_choices(resolve_network("cnn"), GPU, "auto", processes=2).values


@pytest.mark.parametrize(
    ("arch", "device", "text", "error", "message"),
    [
        ("linear", CPU, "contiguous", DeviceError, "--routes contiguous .* not available for this"),
        ("cnn", CPU, "graph", DeviceError, "without it, results differ in the last bits$"),
        ("mlp", CPU, "bf16,chain", DeviceError, "--routes chain"),
        ("mlp", CPU, "bf16", UsageError, "cannot be used with --precision fp32"),
    ],
)
def test_text_that_asks_for_what_is_not_there(arch, device, text, error, message):
    precision = "fp32" if error is UsageError else "auto"
    choices = list_choices(resolve_network(arch), device, precision)
    with pytest.raises(error, match=message):
        read_route(choices, parse_parts(text), precision, "auto")


def test_text_cannot_contradict_threads():
    with pytest.raises(UsageError, match="threads=2 cannot be used with --threads 1"):
        read_route(
            list_choices(resolve_network("mlp"), CPU, "fp32", 1),
            parse_parts("threads=2"),
            "fp32",
            1,
        )


def test_part_of_a_route_changes_the_default():
    choices = list_choices(resolve_network("mlp"), CPU, "auto")
    for text, whole in (
        ("blas", "fp32,threads=4,blas,chain"),
        ("bf16", "bf16,threads=4,onednn"),
    ):
        assert str(read_route(choices, parse_parts(text), "auto", "auto")) == whole


def test_route_of_another_machine_keeps_what_is_there():
    choices = list_choices(resolve_network("cnn"), CPU, "fp32")
    route = fit_route(choices, parse_parts("tf32,threads=9,contiguous,graph"))
    assert str(route) == "fp32,threads=9,contiguous,onednn"
    assert describe(route, choices.default) == "9 threads, " + PARTS["layout"]["contiguous"]


def test_traits_draw_no_random_numbers():
    candidates.network_traits.cache_clear()
    before = torch.get_rng_state()
    list_choices(resolve_network("cnn"), CPU)
    assert torch.equal(torch.get_rng_state(), before)
