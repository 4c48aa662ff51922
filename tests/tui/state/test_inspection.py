"""Whose layers a view shows: a network is known by its text and its number of classes."""

from dataclasses import replace

from core.config import TrainConfig
from core.responses.layers import UNTRAINED, NetworkDescribed, NetworkInspected
from tests.support.events import STARTED, after
from tui.state.app_state import AppState, fold_app
from tui.state.inspection import (
    NetworkKey,
    find_inspection,
    inspection_source,
    shown_network,
)

TEXT = "linear 5, relu, linear"
RUN = replace(STARTED, arch="mine", network=TEXT, classes=26)
CONFIG = TrainConfig(arch=TEXT, dataset="sample")


def test_network_of_a_run_is_its_text_and_classes():
    training = after(RUN)
    assert shown_network(training, CONFIG) == (TEXT, 26)
    ended = replace(training, phase="finished", checkpoint="a/last.safetensors")
    assert shown_network(ended, CONFIG) == (TEXT, 10), "that of the next run"
    assert inspection_source(ended, NetworkKey(TEXT, 26)) == "a/last.safetensors"
    for other in ((TEXT, 10), ("mine", 26), ("mlp", 26)):
        assert inspection_source(ended, NetworkKey(*other)) == UNTRAINED


def test_inspection_is_of_the_same_classes():
    found = NetworkInspected(
        step=0, layers=(), relus=(), tried=0, weights=None, seconds=0.0, arch=TEXT, classes=26,
        source=UNTRAINED,
    )  # fmt: skip
    app, state = AppState(inspected=found), replace(after(RUN), phase="idle", started=None)
    assert find_inspection(state, app, NetworkKey(TEXT, 26)) is found
    assert find_inspection(state, app, NetworkKey(TEXT, 10)) is None


def test_descriptions_are_kept_by_classes():
    state = AppState()
    for classes in (10, 26):
        described = NetworkDescribed(arch=TEXT, input=(1, 28, 28), layers=(), classes=classes)
        state = fold_app(fold_app(state, described), described)
    assert [each.classes for each in state.networks] == [10, 26]
    assert state.network_of(TEXT, 26).classes == 26
    assert state.network_of("mlp", 10) is None
