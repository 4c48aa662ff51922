"""The fold from events to the state of a run."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.digit import Digit
from core.events import (
    CheckpointSaved,
    Evaluated,
    Notice,
    Paused,
    Preparing,
    Resumed,
    RunFailed,
    RunFinished,
)
from core.responses.devices import DeviceChoice, DevicesListed
from core.responses.predictions import CheckpointRefused, Predicted, UntrainedPredicted
from tests.support.events import STARTED, after, progress
from tui.state.app_state import AppState, OpenedCheckpoint, fold_app
from tui.state.curves import MAX_POINTS, Curve
from tui.state.fold import begin_run, fold
from tui.state.run_state import RecordRead, RunState
from tui.state.summaries import describe_epoch, describe_run, describe_untrained

DIGIT = Digit(3, bytes(784), 7, tuple(float(n) for n in range(10)))


def test_run_is_folded_to_its_end():
    finished = RunFinished(
        epochs=2,
        steps=200,
        test_loss=0.2,
        test_accuracy=0.95,
        train_seconds=4.0,
        samples_per_second=500.0,
        checkpoint="checkpoints/mlp-1/last.safetensors",
        stopped=False,
    )
    state = begin_run(RunState())
    assert state.phase == "preparing"
    assert state.is_active
    state = after(STARTED, progress(50, 2.0, 1.0), state=state)
    assert state.phase == "training"
    assert state.curves.losses.points == ((25.0, 2.0), (50.0, 1.0))
    assert (state.epoch_share, state.share) == (0.5, 0.25)
    assert state.seconds_left == 150 * 10 / 500.0
    state = after(
        progress(100, 0.5),
        Evaluated(epoch=1, step=100, test_loss=0.4, test_accuracy=0.9),
        CheckpointSaved(path="a/last.safetensors", kind="last"),
        CheckpointSaved(path="a/best.safetensors", kind="best"),
        state=state,
    )
    assert state.score is not None
    assert state.score.accuracy == 0.9
    assert state.checkpoint == "a/last.safetensors"
    state = fold(state, finished)
    assert state.phase == "finished"
    assert not state.is_active
    assert state.checkpoint == finished.checkpoint


def test_second_run_starts_from_nothing():
    state = after(STARTED, progress(50, 1.0))
    again = fold(begin_run(state), STARTED)
    assert again.curves.losses == Curve()
    assert again.step == 0


def test_record_of_same_run_keeps_predictions():
    """Of the same run the predictions on the screen stay; of another run they go."""
    state = after(STARTED, Predicted(digits=(DIGIT,), samples=9, step=5))
    recorded = after(STARTED, progress(50, 1.0))
    again = fold(state, RecordRead(state=recorded))
    assert (again.digits, again.samples, again.step, again.is_attached) == ((DIGIT,), 9, 50, True)
    other = after(replace(STARTED, folder="checkpoints/mlp-2"))
    assert fold(state, RecordRead(state=other)) == replace(other, is_attached=True)


def test_epoch_loss_is_mean_of_steps():
    state = after(STARTED, progress(60, 2.0), progress(100, 1.0))
    assert state.epoch_loss == (60 * 2.0 + 40 * 1.0) / 100
    state = fold(state, progress(150, 0.5))
    assert state.epoch_loss == 0.5


def test_resumed_event_ends_the_pause():
    state = after(STARTED, progress(10, 1.0), Paused(step=10))
    assert (state.phase, state.is_active) == ("paused", True)
    assert fold(state, Resumed(step=10)).phase == "training"


def test_stopped_run_is_not_finished():
    stopped = RunFinished(
        epochs=0,
        steps=10,
        test_loss=None,
        test_accuracy=None,
        train_seconds=1.0,
        samples_per_second=100.0,
        checkpoint="x",
        stopped=True,
    )
    assert after(STARTED, stopped).phase == "stopped"


def test_failure_keeps_last_checkpoint_and_reason():
    saved = CheckpointSaved(path="x/last.safetensors", kind="last")
    state = after(STARTED, saved, RunFailed(reason="diverged", message="it diverged"))
    assert (state.phase, state.message) == ("failed", "it diverged")
    assert state.checkpoint == "x/last.safetensors"
    assert after(RunFailed(reason="stopped", message="m")).phase == "idle"


def test_notice_outlives_start_of_run():
    state = after(Notice(message="training on the sample"), STARTED, state=begin_run(RunState()))
    assert state.message == "training on the sample"


def test_preparing_does_not_change_phase():
    download = Preparing(message="downloading", done=5, total=10)
    state = fold(begin_run(RunState()), download)
    assert (state.phase, state.doing, state.done, state.total) == (
        "preparing",
        "downloading",
        5,
        10,
    )
    assert fold(RunState(), download).phase == "idle"


def test_predictions_fold_by_their_source():
    """Those of the run go to its state, those of another checkpoint to the state of the app."""
    live = Predicted(digits=(DIGIT,), samples=100, step=7)
    state = after(STARTED, live)
    assert (state.digits, state.digits_step, state.samples) == ((DIGIT,), 7, 100)
    assert fold_app(AppState(), live).opened is None
    opened = Predicted(digits=(DIGIT, DIGIT), samples=50, step=9, source="other")
    assert fold(state, opened) is state
    app = fold_app(AppState(), opened)
    assert vars(app.opened) == vars(OpenedCheckpoint("other", (DIGIT, DIGIT), 50))
    app = fold_app(app, CheckpointRefused(path="bad", message="bad is empty"))
    assert vars(app.opened) == vars(OpenedCheckpoint("bad", error="bad is empty"))


def test_run_events_keep_the_app_state():
    devices = (DeviceChoice(name="cpu", description="", available=True, reason=None),)
    app = fold_app(AppState(), DevicesListed(devices=devices))
    assert app.devices == devices
    assert fold_app(app, STARTED) is app


def test_own_checkpoint_predicts_for_the_run():
    saved = CheckpointSaved(path="mine", kind="last")
    state = after(STARTED, saved, Predicted(digits=(DIGIT,), samples=9, step=5, source="mine"))
    assert state.digits == (DIGIT,)


@given(st.lists(st.integers(1, 400), max_size=60))
def test_curve_stays_short_and_keeps_mean(sizes):
    curve, step, fed = Curve(), 0, []
    for size in sizes:
        values = [(float(step + i), float((step + i) % 17)) for i in range(size)]
        step += size
        fed += [loss for _, loss in values]
        curve = curve.extend(values)
    assert len(curve.points) <= MAX_POINTS
    first, rest = curve.points[:1], curve.points[1:]
    assert first == tuple((0.0, loss) for loss in fed[:1]), "the first point stays as it is"
    total = sum(loss for _, loss in rest) * curve.values_per_point + sum(curve.waiting)
    assert len(rest) * curve.values_per_point + len(curve.waiting) == max(0, len(fed) - 1)
    total += sum(loss for _, loss in first)
    assert abs(total - sum(fed)) < 1e-6 * (1 + sum(fed))
    steps = [at for at, _ in curve.points]
    assert steps == sorted(steps)


def test_resumed_run_begins_at_its_step():
    taken = replace(STARTED, step=150, threads=2, precision="bf16")
    state = after(taken)
    assert (state.phase, state.step, state.epoch, state.share) == ("training", 150, 2, 0.75)
    assert describe_run(state) == (
        "mlp-1: mlp (669,706 parameters) on cpu with 2 threads in bf16, "
        "1,000 samples of sample, 2 epochs, from step 150"
    )
    assert "folder:\\x1b[31m" in describe_run(after(replace(STARTED, dataset="folder:\x1b[31m")))
    assert describe_run(after(replace(STARTED, epochs=1))).endswith(
        "with 1 thread in fp32, 1,000 samples of sample, 1 epoch"
    )
    # The losses before belong to another process; the first point is of what comes now.
    assert [step for step, _ in fold(state, progress(160, 0.5)).curves.losses.points] == [160]


def test_epoch_without_steps_has_no_training_loss():
    scored = Evaluated(epoch=1, step=100, test_loss=0.25, test_accuracy=0.5)
    line = describe_epoch(after(replace(STARTED, step=100), scored))
    assert line == "epoch 1/2: test loss 0.250, test accuracy 50.0%"
    trained = describe_epoch(after(STARTED, progress(100, 0.5), scored))
    assert trained.startswith("epoch 1/2: training loss 0.500, test loss 0.250")
    assert trained.endswith("500 samples/s")


def test_infinite_gradient_is_not_drawn():
    """A curve with an infinity in it ended the whole process, in the plotting library of then."""
    steps = [replace(progress(step, 1.0), gradient_norm=norm) for step, norm in
             ((1, 2.0), (2, float("inf")), (3, float("nan")), (4, 3.0))]  # fmt: skip
    state = after(STARTED, *steps)
    assert state.curves.gradients.points == ((1, 2.0), (4, 3.0))


def test_cut_curve_drops_waiting_values():
    curve = Curve(((10.0, 1.0), (20.0, 1.0)), values_per_point=4, waiting=(9.0,))
    assert curve.until(15).waiting == ()
    assert curve.until(25) is curve


UNTRAINED = UntrainedPredicted(
    arch="mlp", seed=3, dataset="sample", digits=(DIGIT,), labels=bytes(9)
)


def test_untrained_digits_stay_until_their_run_predicts():
    state = after(UNTRAINED)
    assert (state.digits, state.digits_step, state.samples) == ((DIGIT,), 0, 9)
    assert (begun := begin_run(state)).digits == (DIGIT,)
    assert after(replace(STARTED, config={"seed": 3}), state=begun).digits == (DIGIT,)
    for other in (
        replace(STARTED, config={"seed": 4}),
        replace(STARTED, config={"seed": 3}, arch="cnn"),
        replace(STARTED, config={"seed": 3}, dataset="mnist"),
        replace(STARTED, config={"seed": 3}, step=100),
    ):
        assert after(other, state=begun).digits == ()


def test_untrained_digits_disappear_once_the_network_is_trained():
    state = after(UNTRAINED, replace(STARTED, config={"seed": 3}), progress(1, 2.3))
    assert state.digits == (DIGIT,), "the loss is the untrained network's too"
    trained = after(progress(50, 1.0), state=state)
    assert (trained.digits, trained.digits_step, trained.samples) == ((), -1, 9)
    predicted = Predicted(digits=(DIGIT,), samples=9, step=40)
    assert after(predicted, progress(50, 1.0), state=state).digits == (DIGIT,)


def test_untrained_digits_never_replace_those_of_a_run():
    state = after(STARTED, Predicted(digits=(DIGIT,), samples=1, step=7))
    assert fold(state, UNTRAINED) is state
    assert begin_run(state).digits == ()


def test_untrained_digits_of_another_dataset_are_named():
    none = replace(UNTRAINED, dataset="", digits=(), labels=b"")
    missing = "Test images appear when MNIST has been downloaded at the first start."
    assert describe_untrained(RunState(), "auto") == ""
    assert describe_untrained(after(none), "auto") == missing
    assert describe_untrained(after(UNTRAINED), "sample") == ""
    instead = "Images of sample: MNIST is not downloaded yet."
    assert describe_untrained(after(UNTRAINED), "mnist") == instead
    unread = "Images of sample: folder:/x\\x1b has not been read yet."
    assert describe_untrained(after(UNTRAINED), "folder:/x\x1b") == unread
