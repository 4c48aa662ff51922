"""What the network answers about a drawing: beside it, while it grows."""

from queue import SimpleQueue

import pytest

from core.commands import PredictImages
from core.training.trainer import train
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import ODD_NAMES, key_of, make_fake_train
from tui.app.drawing import quick_run
from tui.widgets.drawing.answer_picture import PREPARED

DRAW = key_of("draw")
LINE = ("enter", *["down"] * 6, "enter")


def answers(pilot):
    return pilot.app.app_state.drawing


def words(pilot) -> str:
    return str(pilot.app.screen.query_one("#answer-words").content)


def note(pilot) -> str:
    return str(pilot.app.screen.query_one("#answer-note").content)


def is_answered(pilot) -> bool:
    """Whether the answer is about the drawing as it is, and no other is awaited."""
    state = answers(pilot)
    is_newest = state.answer and state.answer.drawn.pixels == pilot.app.screen.pixels
    return bool(is_newest and not state.asked)


class Asked:
    """The fake trainer, which remembers the images that it was asked about."""

    def __init__(self, **more):
        self.images = []
        self._train = make_fake_train(**{"steps": 10_000} | more)

    def __call__(self, config, inbox):
        asked = self

        class Watched:
            def get(self, timeout=None):
                command = inbox.get(timeout=timeout)
                if isinstance(command, PredictImages):
                    asked.images.append(command.images)
                return command

        return self._train(config, Watched())


async def test_answer_follows_the_drawing(tmp_path):
    """In both inputs, whose answers differ here; one question at a time, and none about nothing or
    while the view is not in front."""
    asked = Asked()
    async with app_in(tmp_path, asked).run_test(size=(80, 24)) as pilot:
        await pilot.press("space", DRAW)
        await until(pilot, lambda: answers(pilot).network)
        assert words(pilot) == "The drawing is empty"
        await pilot.press(*LINE)
        await until(pilot, lambda: is_answered(pilot))
        first = answers(pilot).answer
        prepared, drawn = first.prepared.predicted_name, first.drawn.predicted_name
        assert prepared != drawn
        await until(pilot, lambda: prepared in words(pilot))
        text = text_of(pilot)
        for shown in ("fake-1, epoch 1, in training", f"{prepared} █", "bars at", "now, step"):
            assert shown in text
        assert f"As drawn, it predicts {drawn}: " in note(pilot)
        await pilot.press("I")
        assert f"{PREPARED.capitalize()}, it predicts {prepared}: " in note(pilot)
        assert drawn in words(pilot)
        # The network learns while the drawing stays.
        await until(pilot, lambda: answers(pilot).answer.step > first.step)
        assert len(answers(pilot).latest) > 1
        await pilot.press("backspace")
        await until(pilot, lambda: words(pilot) == "The drawing is empty")
        await until(pilot, lambda: answers(pilot).answer is None)
        assert answers(pilot).latest == ()
        count = len(asked.images)
        await pilot.press("u", "1")
        await until(pilot, lambda: not answers(pilot).asked)
        before = len(asked.images)
        await pilot.pause(0.6)  # longer than between two questions
        assert len(asked.images) == before <= count + 1
        assert all(len(images) == 2 and max(images[1]) for images in asked.images)


async def test_any_class_names_and_sizes(tmp_path):
    """More classes than bars fit, with names of any kind; at the least size too, and in ASCII."""
    train = Asked(names=ODD_NAMES)
    async with app_in(tmp_path, train).run_test(size=(60, 18)) as pilot:
        await pilot.press("space", DRAW)
        await until(pilot, lambda: answers(pilot).network)
        assert "47 classes" in note(pilot)
        await pilot.press(*LINE)
        await until(pilot, lambda: answers(pilot).answer)
        pilot.app.change_preferences(ascii=True)
        for size in ((60, 18), (80, 24), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.05)
            assert pilot.app.screen.failed == {}
            assert text_of(pilot).isascii()
            assert "could not be drawn" not in text_of(pilot)
            if size[1] > 18:
                assert text_of(pilot).count("%") >= 10


async def test_without_a_network_q_trains_one(tmp_path, monkeypatch):
    monkeypatch.setattr(quick_run, "QUICK_SECONDS", 0.3)
    async with app_in(tmp_path, make_fake_train(steps=10_000)).run_test(size=(80, 24)) as pilot:
        await pilot.press(DRAW)
        await until(pilot, lambda: words(pilot) == "There is no network yet.")
        assert note(pilot).startswith("Q trains a small one for two seconds")
        await pilot.press(*LINE, "E")
        said = pilot.app._notifications
        await until(pilot, lambda: "There is no network yet." in [each.message for each in said])
        await pilot.press("Q")
        await until(pilot, lambda: phase(pilot) == "training")
        assert pilot.app.run_state.started.arch == "quick"
        await until(pilot, lambda: answers(pilot).answer)
        assert not answers(pilot).can_train
        await pilot.press("Q")  # not while a run is in progress
        await until(pilot, lambda: phase(pilot) == "stopped")
        assert pilot.app.run_state.seconds < 2
        assert pilot.app.requests.next_config().arch == "mlp", "as chosen in Train"


@pytest.fixture
def trained(tiny, tmp_path):
    """A run of three epochs with its checkpoints."""
    list(train(tiny(epochs=3), SimpleQueue()))
    (folder,) = (tmp_path / "runs").glob("*")
    return folder


async def test_newest_run_is_asked_and_its_epochs(trained):
    async with app_in(trained.parent).run_test(size=(80, 24)) as pilot:
        await pilot.press(DRAW, *LINE)
        await until(pilot, lambda: is_answered(pilot))
        assert answers(pilot).network.path == str(trained / "last.safetensors")
        now, history = answers(pilot).answer, answers(pilot).latest
        await until(pilot, lambda: f"{trained.name}, epoch 3" in text_of(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "epoch 2 of 3" in text_of(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "epoch 1 of 3" in text_of(pilot))
        then = answers(pilot).answer
        assert then.drawn.pixels == now.drawn.pixels
        assert then.drawn.logits != now.drawn.logits
        assert answers(pilot).latest == history  # which is of now
        await pilot.press("right_square_bracket", "enter", "right", "right")  # drawing is of now
        await until(pilot, lambda: f"now, step {now.step}" in text_of(pilot))
        assert answers(pilot).earlier is None
        for path in trained.glob("epoch-*"):
            path.unlink()
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: pilot.app._notifications)
        assert "--keep" in next(iter(pilot.app._notifications)).message


async def test_damaged_checkpoint_is_skipped_or_named(trained):
    """The newest one of the folder that can be loaded is asked."""
    damaged = trained / "last.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 255
    damaged.unlink()  # epoch-003 is the same file
    damaged.write_bytes(content)
    async with app_in(trained.parent).run_test(size=(80, 24)) as pilot:
        await pilot.press(DRAW, *LINE)
        await until(pilot, lambda: answers(pilot).answer)
        assert answers(pilot).network.path != str(damaged)
        assert answers(pilot).error == ""
