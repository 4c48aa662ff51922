"""A trainer that needs no torch, and fake events and digits."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty

from core.class_names import DIGITS, pack_labels
from core.commands import (
    DescribeNetwork,
    Detach,
    ForwardedCommand,
    Inbox,
    Inspect,
    Pause,
    Predict,
    PredictImages,
    Quit,
    Resume,
    Stop,
)
from core.config import TrainConfig
from core.digit import Digit
from core.engine.requests import handle_request
from core.events import (
    CheckpointSaved,
    Detached,
    DigitsLoaded,
    Evaluated,
    Event,
    Paused,
    Preparing,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
    Scored,
)
from core.models.architectures import CUSTOM
from core.models.saved_networks import find_name
from core.questions import Question
from core.responses.layers import DeadUnits, LayerNorms, LayerOutput, NetworkInspected, WeightImages
from core.responses.predictions import ImagesPredicted, Predicted
from tests.support.explanations import fake_explanations
from tui.actions import VIEWS

ROOT = Path(__file__).parents[2]


def loaded(loading):
    """What a loading generator returns, and the events on the way."""
    events = []
    while True:
        try:
            events.append(next(loading))
        except StopIteration as done:
            return done.value, events


def key_of(view: str) -> str:
    """The number that goes to that view."""
    return str(list(VIEWS).index(view) + 1)


def fake_digit(index: int, sureness: float, names: tuple[str, ...] = DIGITS) -> Digit:
    """Class index % 10, of other names as many; right but for each fifth."""
    classes = len(names)
    label = index % classes
    guess = (label + 1) % classes if index % 5 == 3 else label
    pixels = bytearray(784)
    for row in range(6, 22):
        pixels[row * 28 + 14] = pixels[row * 28 + 15] = 255
    logits = tuple(sureness if number == guess else 0.0 for number in range(classes))
    return Digit(index, bytes(pixels), label, logits, class_names=names)


def fake_answer(pixels: bytes, sureness: float, names: tuple[str, ...] = DIGITS) -> Digit:
    """The class of an image of one's own is the number of its pixels with full ink."""
    guess = sum(each == 255 for each in pixels) % len(names)
    logits = tuple(sureness if number == guess else 0.0 for number in range(len(names)))
    return Digit(0, pixels, None, logits, class_names=names)


FAKE_DIGITS = 100
# 47 names of classes: wide characters, markup, characters that control a terminal, long ones.
ODD_NAMES = (
    *("あ", "T-shirt/top", "[bold]x[/]", "a\x1b[31m", "はひふへほまみむめも", "e\u0301", "\n"),
    *("name " * 20, "\u202eback"),
    *map(str, range(38)),
)


def fake_sureness(step: int) -> float:
    return 1 + min(step, 300) / 100


def fake_scored(epoch: int, step: int, names: tuple[str, ...] = DIGITS) -> Scored:
    """Return the logits of all fake digits."""
    digits = [fake_digit(index, fake_sureness(step), names) for index in range(FAKE_DIGITS)]
    logits = array("f", [logit for digit in digits for logit in digit.logits])
    return Scored(epoch=epoch, step=step, logits=logits.tobytes())


def fake_confusion(names: tuple[str, ...] = DIGITS) -> tuple[tuple[int, ...], ...]:
    counts = [[0] * len(names) for _ in names]
    for index in range(FAKE_DIGITS):
        digit = fake_digit(index, 1.0, names)
        counts[digit.label][digit.predicted] += 1
    return tuple(map(tuple, counts))


def fake_inspection(
    step: int,
    *,
    paused: bool,
    wanted: Inspect | None = None,
    names: tuple[str, ...] = DIGITS,
) -> NetworkInspected:
    """Return diagnostics of `mlp`: the first layer's updates are too large, the last one's too
    small, and most of the first ReLU's units are dead. All layers have the same weights."""
    wanted = wanted or Inspect()
    name = wanted.layer or "stack.0"
    updates = (0.5, 0.01, 0.0001)
    layers = zip(("stack.0", "stack.2", "stack.4"), updates, strict=True)
    image = bytes([1] * 392 + [255] * 392)
    return NetworkInspected(
        step=step,
        layers=tuple(LayerNorms(name, 10.0, 0.25, None if paused else u) for name, u in layers),
        relus=(DeadUnits("stack.1", 384, 512), DeadUnits("stack.3", 0, 512)),
        tried=128,
        weights=WeightImages(name, (image,) * 64, 512, 28, 28, 0.5),
        seconds=0.001,
        output=LayerOutput(name, (512,), 0, bytes(range(256)) * 2, 2.0),
        digit=fake_digit(wanted.index, fake_sureness(step), names),
        samples=FAKE_DIGITS,
        layer=name,
    )


def make_fake_train(
    steps: int = 20,
    delay: float = 0.03,
    ends: Event | Exception | None = None,
    names: tuple[str, ...] = DIGITS,
    fails: Callable[[TrainConfig], bool] | None = None,
) -> Callable[..., Iterator[Event]]:
    """Return a trainer with the events and commands of the real one, without torch and files.

    An epoch has `steps` steps of `delay` seconds. `ends` is an event to end with after half an
    epoch, or an exception to raise there, in every run or in those that `fails` returns True for;
    `names` are those of the classes. In a race, a run is called as `lane_run` says.
    """

    def train(config: TrainConfig, inbox: Inbox, resume_point=None, turn=None) -> Iterator[Event]:
        total, step, stopped = steps * config.epochs, 0, False
        name = "fake-1" if turn is None else lane_run(config)
        path = f"{config.checkpoints}/{name}/last.safetensors"

        def wait_turn(*, is_waiting: bool = False) -> Iterator[Event]:
            if turn is not None:
                from core.training.turns import TurnOver

                samples = step * config.batch_size
                yield TurnOver(samples=samples, seconds=step * delay, is_waiting=is_waiting)

        def handle_commands() -> Iterator[Event]:
            nonlocal stopped
            paused = False
            while not stopped:
                if paused and turn is not None and inbox.empty():
                    yield from wait_turn(is_waiting=True)
                    continue
                if turn is not None:
                    inbox.empty()  # which passes on what has come for the race
                try:
                    command = inbox.get(timeout=None if paused else delay or 0.0001)
                except Empty:
                    return
                match command:
                    case Pause() if not paused:
                        paused = True
                        yield Paused(step=step)
                    case Resume() if paused:
                        paused = False
                        yield Resumed(step=step)
                    case Stop() | Quit():
                        stopped = True
                    case Detach():
                        stopped = True
                        yield Detached(
                            folder=f"{config.checkpoints}/{name}",
                            checkpoint=path,
                            config=asdict(config),
                            paused=paused,
                        )
                    case Predict(indices=indices):
                        digits = tuple(
                            fake_digit(index, fake_sureness(step), names)
                            for index in indices
                            if index < FAKE_DIGITS
                        )
                        yield Predicted(digits=digits, samples=FAKE_DIGITS, step=step)
                    case PredictImages(images=images, question=question):
                        digits = tuple(
                            fake_answer(each, fake_sureness(step), names) for each in images
                        )
                        yield ImagesPredicted(
                            digits=digits, step=step, seconds=0.0001, question=question
                        )
                    case Inspect():
                        yield fake_inspection(step, paused=paused, wanted=command, names=names)
                    case DescribeNetwork():
                        yield from handle_request(command)
                    case question if isinstance(question, Question):
                        yield from fake_explanations(question, step, names)
                    case other if turn is not None:
                        yield ForwardedCommand(command=other)

        yield Preparing(message="reading fake digits")
        yield RunStarted(
            run=name,
            folder=f"{config.checkpoints}/{name}",
            arch=find_name(config.arch),
            network=config.arch if config.network.name == CUSTOM else "",
            dataset="fake",
            device="cpu",
            parameters=7850,
            epochs=config.epochs,
            batch_size=config.batch_size,
            steps_per_epoch=steps,
            total_steps=total,
            train_samples=steps * config.batch_size,
            test_samples=FAKE_DIGITS,
            threads=1,
            config=asdict(config),
            classes=len(names),
            class_names=names,
        )
        labels = (index % len(names) for index in range(FAKE_DIGITS))
        yield DigitsLoaded(labels=pack_labels(labels, len(names)))
        accuracy = loss = None
        yield from wait_turn()
        while step < total and not stopped:
            yield from handle_commands()
            if stopped:
                break
            step += 1
            yield Progress(
                step=step,
                epoch=1 + (step - 1) // steps,
                loss=2.0 / step,
                losses=(2.1 / step, 1.9 / step),
                learning_rate=config.learning_rate,
                samples_per_second=1000.0,
            )
            if ends is not None and step == steps // 2 and (fails is None or fails(config)):
                if isinstance(ends, Exception):
                    raise ends
                yield ends
                return
            if step % steps == 0:
                epoch = step // steps
                accuracy, loss = 1 - 0.5 / epoch, 1.0 / epoch
                yield Evaluated(
                    epoch=epoch,
                    step=step,
                    test_loss=loss,
                    test_accuracy=accuracy,
                    confusion=fake_confusion(names),
                )
                yield fake_scored(epoch, step, names)
                yield CheckpointSaved(path=path, kind="last")
            if turn is not None and turn.is_over(step * config.batch_size, step * delay):
                yield from wait_turn()
        yield CheckpointSaved(path=path, kind="last")
        yield RunFinished(
            epochs=step // steps,
            steps=step,
            test_loss=loss,
            test_accuracy=accuracy,
            train_seconds=1.0,
            samples_per_second=1000.0,
            checkpoint=path,
            stopped=stopped,
        )

    return train


def lane_run(config: TrainConfig) -> str:
    """Return the name of the fake run of a lane."""
    return f"fake-{config.arch}-{config.learning_rate:g}-{config.seed}"


def diverged() -> RunFailed:
    return RunFailed(reason="diverged", message="training diverged by step 10: try a lower rate")
