"""A run in one line, the same on the screen and on the command line."""

from core.data.datasets import dataset_title, is_folder, resolve_auto
from core.data.drawn.dataset import DRAWN
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent, printable, shorten_folder


def describe_run(state: RunState) -> str:
    run = state.started
    assert run is not None
    epochs = "1 epoch" if run.epochs == 1 else f"{run.epochs} epochs"
    since = f", from step {run.step:,}" if run.step else ""
    where = describe_devices(run.device, run.threads, run.ranks)
    return (
        f"{run.run}: {run.arch} ({run.parameters:,} parameters) on {where} in {run.precision}, "
        f"{run.train_samples:,} samples of {printable(run.dataset)}, {epochs}{since}"
    )


def describe_devices(device: str, threads: int | None, ranks: int) -> str:
    """Return the devices of all ranks and, for CPUs, the number of threads of each process."""
    text = f"{ranks} × {device.split(':')[0]}" if ranks > 1 else device
    if device == "cpu":
        text += f" with {threads} thread{'s' * (threads != 1)}{' each' * (ranks > 1)}"
    return text


def describe_epoch(state: RunState) -> str:
    score, run = state.score, state.started
    assert score is not None
    assert run is not None
    # A resumed run may be evaluated before it has trained a step.
    trained = f"training loss {format_loss(state.epoch_loss)}, " if state.epoch_steps else ""
    speed = f", {state.samples_per_second:,.0f} samples/s" if state.samples_per_second else ""
    return (
        f"epoch {score.epoch}/{run.epochs}: {trained}test loss {format_loss(score.loss)}, "
        f"test accuracy {format_percent(score.accuracy)}{speed}"
    )


# Where no dataset is on this machine before the first run.
NO_DIGITS_YET = "Test images appear when {} has been downloaded at the first start."
NO_IMAGES_YET = "Test images appear when {} has been read at the first start."
NO_DRAWINGS_YET = "Test images appear when there are enough drawings to train on."


def describe_untrained(state: RunState, dataset: str) -> str:
    """Return what is to be known of the digits before a run with that dataset; mostly nothing."""
    event = state.untrained
    name = shorten_folder(dataset_title(dataset), 40)
    if event is None or state.started is not None:
        return ""
    if dataset == DRAWN and (not event.digits or event.dataset != dataset):
        return NO_DRAWINGS_YET
    if not event.digits:
        return (NO_IMAGES_YET if is_folder(dataset) else NO_DIGITS_YET).format(name)
    if event.dataset != resolve_auto(dataset):
        why = "has not been read yet" if is_folder(dataset) else "is not downloaded yet"
        return f"Images of {event.dataset}: {name} {why}."
    return ""


NOT_STARTED = "Training did not start."


def describe_outcome(state: RunState) -> str:
    """Return how a run ended and where its last checkpoint is, or the error."""
    if state.phase == "failed":
        return state.message
    if state.phase not in ("finished", "stopped"):
        return f"last checkpoint: {state.checkpoint}" if state.checkpoint else ""
    how = "finished" if state.phase == "finished" else f"stopped at step {state.step:,}"
    test = f", test accuracy {format_percent(state.score.accuracy)}" if state.score else ""
    return f"{how}{test}; checkpoint: {state.checkpoint}"


def describe_suspension(state: RunState) -> str:
    """Return the line that stands above the shell's prompt while the app is suspended."""
    if state.phase not in ("preparing", "training"):
        return "mnist-tui is suspended: fg continues it"
    if state.is_attached:
        return "mnist-tui is suspended, its run continues: fg shows it again"
    return "mnist-tui is suspended, and training too: fg continues both, bg only training"
