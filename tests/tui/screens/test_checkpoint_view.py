"""An opened checkpoint: its evaluation, and predictions of images."""

import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from queue import SimpleQueue

import pytest
from PIL import Image
from textual.events import Paste
from textual.widgets import Input

from core.checkpoints.header import read_info
from core.training.trainer import train
from tests.support.app import app_in, until
from tests.support.app import text_of as lines_of
from tests.support.fakes import key_of
from tui.analysis.confusion import confused_pairs
from tui.screens.checkpoints.checkpoint_view import CheckpointView
from tui.screens.checkpoints.evaluation import EvaluatedDigitsView, EvaluationView
from tui.screens.checkpoints.image_predictions import ImagePredictionsView
from tui.screens.images_dialog import ImagesDialog
from tui.text.formats import format_loss, format_percent
from tui.widgets.cards.image_cards import ImageCards
from tui.widgets.charts.confusion_lists import ConfusedPairs
from tui.widgets.charts.confusion_matrix import ConfusionMatrix
from tui.widgets.digit_cards import DigitCards


def text_of(pilot) -> str:
    """Return the text of the screen on one line."""
    return " ".join(lines_of(pilot).split())


@pytest.fixture
def open_checkpoint(tiny, tmp_path):
    """Open a checkpoint of a run on the tiny dataset in the app."""
    list(train(tiny(epochs=1), SimpleQueue()))
    (path,) = (tmp_path / "runs").glob("*/last.safetensors")

    @asynccontextmanager
    async def open_it(size=(80, 24)):
        async with app_in(tmp_path / "runs").run_test(size=size) as pilot:
            await pilot.app.push_screen(CheckpointView(str(path), "a run [red]/last"))
            await until(pilot, lambda: pilot.app.app_state.opened)
            yield pilot, path

    return open_it


@pytest.fixture
def drawings(tmp_path):
    folder = tmp_path / "drawings" / "3"
    folder.mkdir(parents=True)
    for name, ink, paper in (("1.png", 0, 255), ("2.png", 200, 10), ("10.png", 0, 200)):
        image = Image.new("L", (100, 60), paper)
        image.paste(ink, (30, 10, 60, 50))
        image.save(folder / name)
    (folder / "bad[red].png").write_bytes(b"")
    return folder


async def test_evaluation_shows_metrics_and_matrix(open_checkpoint):
    async with open_checkpoint((120, 40)) as (pilot, path):
        await until(pilot, lambda: "e evaluate" in text_of(pilot))
        title, _, keys = lines_of(pilot).splitlines()[1:4]
        assert "a run [red]/last" in title, "which checkpoint it is comes first"
        assert "e evaluate" in keys
        await pilot.press("e")
        assert isinstance(pilot.app.screen, EvaluationView)
        await until(pilot, lambda: pilot.app.app_state.evaluated)
        await pilot.pause()
        (scored,) = pilot.app.app_state.evaluated
        text = text_of(pilot)
        accuracy, loss = format_percent(scored.test_accuracy), format_loss(scored.test_loss)
        assert f"accuracy {accuracy}, loss {loss}" in text
        assert "a run [red]/last" in text
        assert "50 images of sample" in text
        matrix = pilot.app.screen.query_one(ConfusionMatrix)
        assert sum(map(sum, matrix.confusion)) == 50
        matrix.cursor = 0, 0
        await pilot.press("right", "down")
        assert matrix.cursor == (1, 1)
        assert "of 5 ones correct" in text_of(pilot)
        # A cell opens, with this checkpoint's predictions, and so does a pair.
        pairs = pilot.app.screen.query_one(ConfusedPairs)
        actual, wrong = confused_pairs(scored.confusion)[0].actual, pairs.target
        matrix.cursor = actual, wrong[1]
        for view in (matrix, pairs):
            pilot.app.screen.set_focus(view)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, EvaluatedDigitsView))
            await until(pilot, lambda: pilot.app.screen.query_one(DigitCards).digits)
            digits = pilot.app.screen.query_one(DigitCards).digits
            assert {(each.label, each.predicted) for each in digits} == {wrong}
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, EvaluationView))
        await pilot.press("escape")
        path.write_bytes(b"")
        for _ in range(2):  # the same error is shown again
            await pilot.press("e")
            assert isinstance(pilot.app.screen, EvaluationView)
            await until(pilot, lambda: "is empty" in text_of(pilot))
            await pilot.press("escape")


async def test_quiz_is_played_against_the_opened_checkpoint(open_checkpoint):
    """Which is evaluated for it, and named as its header names it."""
    async with open_checkpoint() as (pilot, path):
        info = read_info(path)
        await pilot.press(key_of("quiz"))
        assert f"{info.run}/last.safetensors" in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen._quiz)
        network = pilot.app.screen._quiz.network
        assert (network.run, network.epoch, network.step) == (info.run, info.epoch, info.step)
        assert network.seed == info.config["seed"]
        assert f"Against linear, epoch 1, step {info.step}" in text_of(pilot)


async def test_pasted_files_are_predicted(open_checkpoint, drawings, monkeypatch):
    """A line for each, as terminals and file managers insert them; and what a folder has beside
    its images is named."""
    monkeypatch.setattr("core.data.image_formats.find_spec", lambda name: None)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)  # as in an activated environment
    spaced = drawings.parent / "it's 4.png"
    (drawings / "1.png").rename(spaced)
    (drawings / "IMG_1.HEIC").write_bytes(b"")
    (drawings / "IMG_1.MOV").write_bytes(b"")
    address = (drawings / "2.png").as_uri()
    quoted = str(spaced).replace("'", "\\'").replace(" ", "\\ ")
    async with open_checkpoint() as (pilot, _):
        await pilot.press("p")
        field = pilot.app.screen.query_one(Input)
        pilot.app.post_message(Paste(f"{address}\r\n{quoted}\r\n"))
        await until(pilot, lambda: field.value)
        pilot.app.post_message(Paste(f" '{drawings}'\n"))
        await until(pilot, lambda: field.value.endswith("'"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        await until(pilot, lambda: pilot.app.screen.query_one(ImageCards).shown)
        await pilot.pause()
        cards = pilot.app.screen.query_one(ImageCards).shown
        assert [picture.path for picture, _ in cards] == [str(drawings / "2.png"), str(spaced)]
        assert "1–2 of 4" in text_of(pilot)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "left out" in text_of(pilot))
        text = "".join(lines_of(pilot)).replace("│", "")
        left = "left out 1 HEIC (pip install pillow-heif), 1 video"
        assert left.replace(" ", "") in text.replace(" ", ""), "wrapped somewhere"


async def test_images_of_a_folder_are_predicted(open_checkpoint, drawings):
    """A wrong path keeps the dialog open with the reason."""
    async with open_checkpoint() as (pilot, _):
        await pilot.press("p")
        field = pilot.app.screen.query_one(Input)
        for wrong, why in (
            ("nowhere/x.png", "No such file"),
            ("~nobody-here/x", "no such home"),
            ("'nowhere/x.png' 'nowhere/y.png'", "nowhere/y.png: No such file"),
        ):
            field.value = wrong
            await pilot.press("enter")
            await until(pilot, lambda why=why: why in text_of(pilot))
            assert isinstance(pilot.app.screen, ImagesDialog)
        field.value = str(drawings)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        await until(pilot, lambda: pilot.app.screen.query_one(ImageCards).shown)
        await pilot.pause()
        text = text_of(pilot)
        assert "3/1.png" in text
        assert "bad[red].png:isempty" in text.replace(" ", "")  # wrapped somewhere
        assert "1–2 of 3" in text
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "Messages" in text_of(pilot))
        await until(pilot, lambda: "are not marked: fewer than 1,000" in text_of(pilot))
        await pilot.press("escape")
        ((picture, digit), *_) = pilot.app.screen.query_one(ImageCards).shown
        assert digit.label == 3
        assert digit.pixels == picture.pixels
        verdict = "✓ 3" if digit.right else f"✗ {digit.predicted}, is 3"
        assert f"3/1.png {verdict}" in text
        await pilot.press("right")
        await pilot.pause()
        assert "3/10.png" in text_of(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CheckpointView)


async def test_digits_of_one_image_have_cards(open_checkpoint, tmp_path):
    """Each card says which digit it is, and its frame shows where."""
    image = Image.new("L", (120, 120), 255)
    for left in (25, 75):
        image.paste(0, (left, 40, left + 9, 80))
    image.save(tmp_path / "two.png")
    async with open_checkpoint((120, 40)) as (pilot, _):
        await pilot.press("p")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "two.png")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        await until(pilot, lambda: pilot.app.screen.query_one(ImageCards).shown)
        await pilot.pause()
        text = text_of(pilot)
        assert "two.png (1 of 2)" in text
        assert "two.png (2 of 2)" in text
        assert text.count("└") == text.count("┌") == 2, "a frame within each original"
        first, second = (image for image, _ in pilot.app.screen.query_one(ImageCards).shown)
        assert first.box[0] < 30 < 60 < second.box[0] < 80


async def test_unlike_digits_are_marked_in_all_views(open_checkpoint, drawings, monkeypatch):
    """On the cards of test digits, and on those of images, with the words of `predict`."""

    class Detector:
        def find_unlike(self, images):
            return [place == 0 for place in range(len(images))]

    monkeypatch.setattr("core.novelty.sign.find_detector", lambda dataset, data: Detector())
    async with open_checkpoint() as (pilot, _):
        await pilot.press(
            "number_sign", *"7", "enter"
        )  # other digits than those that are shown already
        await until(pilot, lambda: "! unlike a digit" in text_of(pilot))
        assert text_of(pilot).count("! unlike a digit") == 1
        await pilot.press("p")
        pilot.app.screen.query_one(Input).value = str(drawings)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        await until(pilot, lambda: pilot.app.screen.query_one(ImageCards).shown)
        await pilot.pause()
        assert text_of(pilot).count("! unlike any digit the") == 1
        assert "not marked" not in text_of(pilot)


async def test_one_image_is_large_with_all_warnings(open_checkpoint, drawings):
    """enter opens the first card of the page, a click any; esc returns to the page."""
    async with open_checkpoint() as (pilot, _):
        await pilot.press("p")
        pilot.app.screen.query_one(Input).value = str(drawings)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        cards = pilot.app.screen.query_one(ImageCards)
        await until(pilot, lambda: cards.shown)
        ((picture, digit), *_) = cards.pairs
        warnings = ("the digit touches the edge: a part may be missing", "others", "more", "most")
        doubtful = replace(picture, warnings=warnings, path="a/" + "long name " * 9)
        cards.pairs = ((doubtful, digit), *cards.pairs[1:])
        await pilot.pause()
        small = cards.layout_of_cards.ink
        await pilot.press("enter")
        await pilot.pause()
        assert "← 1 of 3 →" in text_of(pilot)
        assert all(f"! {each}" in text_of(pilot) for each in warnings)
        assert cards.layout_of_cards.ink > small
        await pilot.press("right", "escape")
        await pilot.pause()
        assert "1–2 of 3" in text_of(pilot)
        await pilot.click(ImageCards, offset=(60, 5))
        await pilot.pause()
        assert (cards.is_alone, cards.first) == (True, 1)
        assert "← 2 of 3 →" in text_of(pilot)


async def test_images_are_replaced_by_others(open_checkpoint, drawings):
    """p asks again, and says what to type where that is missing."""
    async with open_checkpoint() as (pilot, _):
        for name, count in (("1.png", 1), ("2.png", 1)):
            await pilot.press("p")
            await until(pilot, lambda: isinstance(pilot.app.screen, ImagesDialog))
            await pilot.press("enter")
            assert "Type or paste a path first" in text_of(pilot)
            pilot.app.screen.query_one(Input).value = str(drawings / name)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
            await until(pilot, lambda name=name: f"3/{name}" in text_of(pilot))
            assert f"of {count} " in text_of(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, CheckpointView)


async def test_bars_and_percentages_have_one_temperature(open_checkpoint, drawings):
    """The temperature is named, and that of `predict` where it is another one."""
    async with open_checkpoint() as (pilot, _):
        await pilot.press("p")
        pilot.app.screen.query_one(Input).value = str(drawings / "1.png")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ImagePredictionsView))
        cards = pilot.app.screen.query_one(ImageCards)
        await until(pilot, lambda: cards.shown)
        ((_, digit),) = cards.shown
        for temperature, keys in ((3.0, ()), (1.0, ("T", "T"))):
            await pilot.press(*keys)
            await pilot.pause()
            text = text_of(pilot).replace("│", " ")
            assert f"temperature {temperature:g} t" in text
            assert ("(1 in mnist-tui predict)" in " ".join(text.split())) == (temperature != 1)
            shares = [f"{share:.0%}" for share in sorted(digit.probabilities(temperature))[:-4:-1]]
            assert [word for word in text.split() if word.endswith("%")] == shares
