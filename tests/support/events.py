"""Events of a short run, and the state after them."""

from core.events import Progress, RunStarted
from tui.state.fold import fold
from tui.state.run_state import RunState

STARTED = RunStarted(
    run="mlp-1",
    folder="checkpoints/mlp-1",
    arch="mlp",
    dataset="sample",
    device="cpu",
    parameters=669_706,
    epochs=2,
    batch_size=10,
    steps_per_epoch=100,
    total_steps=200,
    train_samples=1000,
    test_samples=100,
    threads=1,
    config={},
)


def progress(step: int, *losses: float) -> Progress:
    mean = sum(losses) / len(losses)
    return Progress(
        step=step,
        epoch=1 + (step - 1) // 100,
        loss=mean,
        losses=losses,
        learning_rate=0.001,
        samples_per_second=500.0,
    )


def after(*events, state=None) -> RunState:
    state = state or RunState()
    for event in events:
        state = fold(state, event)
    return state
