"""Against which networks a quiz can be played."""

from dataclasses import replace

from core.events import RunStarted
from tests.support.evaluations import fake_evaluation
from tests.support.fakes import fake_scored
from tui.analysis.quiz.networks import find_sources
from tui.state.app_state import AppState, OpenedCheckpoint
from tui.state.run_state import RunState, Score

STARTED = RunStarted(
    run="a-1", folder="a-1", arch="mlp", dataset="fake", device="cpu", parameters=7850, epochs=4,
    batch_size=10, steps_per_epoch=10, total_steps=40, train_samples=100, test_samples=100,
    threads=1, config={"seed": 5},
)  # fmt: skip
TRAINING = RunState(
    phase="training",
    started=STARTED,
    labels=bytes(index % 10 for index in range(100)),
    scores=(Score(1, 10, 1.0, 0.8),),
    evaluations=(fake_scored(1, 10),),
    checkpoint="a-1/last.safetensors",
)
OPENED = AppState(opened=OpenedCheckpoint("b-1/best.safetensors"))


def paths(run: RunState, app: AppState) -> list[str | None]:
    return [source.path for source in find_sources(run, app)]


def test_network_in_training_comes_first_and_then_the_opened_one():
    assert paths(TRAINING, OPENED) == [None, "b-1/best.safetensors"]
    finished = replace(TRAINING, phase="finished")
    assert paths(finished, OPENED) == ["b-1/best.safetensors", None]
    assert paths(finished, AppState()) == [None]
    own = AppState(opened=OpenedCheckpoint(str(TRAINING.checkpoint)))
    assert paths(finished, own) == [None]


def test_checkpoint_stands_in_where_the_run_has_no_evaluation():
    resumed = replace(TRAINING, phase="finished", evaluations=())
    assert paths(resumed, AppState()) == ["a-1/last.safetensors"]
    scored = fake_evaluation("a-1/last.safetensors", {})
    [source] = find_sources(resumed, AppState(evaluated=(scored,)))
    assert source.evaluation is scored
    assert "100% correct" in source.title


def test_nothing_evaluated_is_nothing_to_play_against():
    assert paths(RunState(), AppState()) == []
    first = replace(TRAINING, evaluations=(), scores=(), checkpoint=None)
    assert paths(first, AppState()) == []
    refused = AppState(opened=OpenedCheckpoint("x", error="does not exist"))
    assert paths(RunState(), refused) == []
    scored = fake_evaluation("c/best.safetensors", {})
    assert paths(RunState(), AppState(evaluated=(scored,))) == ["c/best.safetensors"]


def test_snapshot_is_named_by_its_evaluation():
    [source] = find_sources(TRAINING, AppState())
    network = source.network
    assert (network.run, network.epoch, network.step, network.seed) == ("a-1", 1, 10, 5)
    assert network.accuracy == 0.8
    assert source.title == "mlp, epoch 1, step 10: 80.0% correct"
