"""Keep a drawing with its class, see how many the network knows, and look through them."""

from textual.widgets import Button, OptionList, Static

from core.data.drawn.listing import list_drawings
from core.data.drawn.store import drawings_folder, keep_drawing
from core.data.preprocessing import prepare_drawing
from tests.support.app import app_in, text_of, until
from tests.support.fakes import key_of
from tui.screens.draw.kept_dialog import KeptDialog
from tui.screens.draw.label_dialog import DigitLabelDialog, NameLabelDialog, find_names
from tui.screens.draw.view import DrawView
from tui.widgets.cards.one_digit import OneDigit

STROKE = ("enter", *["down"] * 6, "enter")


def kept():
    return [each.path for each in list_drawings().drawings]


def image(number=0):
    """Return a stroke as MNIST has it."""
    pixels = bytearray(784)
    for row in range(6, 22):
        pixels[row * 28 + 10 + number] = pixels[row * 28 + 11 + number] = 255
    return bytes(pixels)


async def open_view(pilot) -> DrawView:
    await pilot.press(key_of("draw"))
    await until(pilot, lambda: isinstance(pilot.app.screen, DrawView))
    await pilot.pause()
    return pilot.app.screen


async def test_drawing_is_kept_by_two_keys(tmp_path):
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_view(pilot)
        await pilot.press("K")
        assert app.screen is view, "there is nothing to keep"
        await pilot.press(*STROKE)
        drawn = view.pixels
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, DigitLabelDialog))
        await pilot.press("escape")
        await pilot.pause()
        assert (view.pixels, kept()) == (drawn, [])
        await pilot.press("K", "7")
        await until(pilot, lambda: kept() == ["7/000001.png"])
        await until(pilot, lambda: not any(view.pixels))
        (found,) = list_drawings().drawings
        assert found.pixels == prepare_drawing(drawn), "as the network gets it"
        await until(pilot, lambda: "your digits: 1 kept" in text_of(pilot))
        (message,) = [each.message for each in app._notifications if "Kept" in each.message]
        assert message.startswith(f"Kept as 7 in {drawings_folder()}/7/000001.png.")
        await pilot.press("u")
        assert view.pixels == drawn


async def test_mouse_alone_keeps_and_opens_a_drawing(tmp_path):
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_view(pilot)
        view.load(image())
        keep, look = view.query("#kept Button")
        await pilot.click(keep)
        await until(pilot, lambda: isinstance(app.screen, DigitLabelDialog))
        await pilot.click(list(app.screen.query(Button))[3])
        await until(pilot, lambda: kept() == ["3/000001.png"])
        await until(pilot, lambda: not any(view.pixels))
        await pilot.click(look)
        await until(pilot, lambda: isinstance(app.screen, KeptDialog))
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        picture = app.screen.query_one(OneDigit)
        await until(pilot, lambda: picture.pixels)
        app.change_preferences(ascii=True)
        await pilot.pause()
        assert picture.preferences.ascii, "the style is that of the preferences"
        await pilot.click(app.screen.query(Button).first())
        await until(pilot, lambda: app.screen is view)
        assert view.pixels == prepare_drawing(image())


async def test_drawing_that_cannot_be_kept_stays(tmp_path):
    drawings_folder().parent.mkdir(parents=True)
    drawings_folder().touch()
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_view(pilot)
        view.load(image())
        await pilot.press("K", "7")
        await until(pilot, lambda: app._notifications)
        (message,) = [each.message for each in app._notifications]
        assert message.startswith(f"the drawing cannot be kept in {drawings_folder()} (")
        assert view.pixels == image()
        await until(pilot, lambda: "✗ the drawings cannot be read (Not a" in text_of(pilot))


async def test_network_in_training_is_asked_after_each_epoch(tmp_path):
    """In parts; the fake network predicts 2 for an image of 32 white pixels."""
    for number in range(70):
        keep_drawing(image(number % 5)[:780] + bytes([0, 0, 0, number + 1]), "2")
    keep_drawing(image(), "1")
    keep_drawing(image(), "boat")
    app = app_in(tmp_path, epochs=2)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.app_state.devices)
        await open_view(pilot)
        await until(pilot, lambda: "your digits: 72 kept" in text_of(pilot))
        await pilot.press("space")
        score = "your digits: 70 of 71 predicted correctly, 1 of other classes"
        await until(pilot, lambda: score in text_of(pilot))
        asked = len(app.app_state.kept.answers)
        assert asked == 71
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, KeptDialog))
        await until(pilot, lambda: "✗ 1" in text_of(pilot))
        assert "· boat" in text_of(pilot)


async def test_drawings_are_looked_through_deleted_and_restored(tmp_path):
    for number, label in enumerate("773"):
        keep_drawing(image(number), label)
    (drawings_folder() / "note.txt").touch()
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_view(pilot)
        await until(pilot, lambda: "3 kept · left out 1 file that is no" in text_of(pilot))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, KeptDialog))
        options = app.screen.query_one(OptionList)
        caption = app.screen.query_one("#caption", Static)
        await until(pilot, lambda: str(caption.content) == "3/000003.png")
        await pilot.press("f", "f")
        await until(pilot, lambda: str(caption.content) == "7/000002.png")
        assert options.option_count == 2
        await pilot.press("down", "delete")
        await until(pilot, lambda: kept() == ["3/000003.png", "7/000002.png"])
        await until(pilot, lambda: options.option_count == 1)
        assert "Deleted 7/000001.png. u restores it." in text_of(pilot)
        await pilot.press("u")
        await until(pilot, lambda: options.option_count == 2)
        assert kept() == ["3/000003.png", "7/000001.png", "7/000002.png"]
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is view)
        assert view.pixels == image(0)
        await pilot.press("L", "escape")
        assert app.screen is view


NAMES = ("Shirt", "T-shirt/top", "a", "A", "Sandal")


def test_typed_text_finds_names():
    assert find_names(NAMES, "")[0] == "Shirt"
    assert find_names(NAMES, "shirt") == ["Shirt", "T-shirt/top"]
    assert find_names(NAMES, "A")[:2] == ["A", "a"]
    assert find_names(NAMES, " a")[:2] == ["a", "A"]
    assert find_names(NAMES, "boat") == []


async def test_name_of_a_class_is_typed_or_chosen(tmp_path):
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        chosen = []
        app.push_screen(NameLabelDialog(NAMES), chosen.append)
        await pilot.pause()
        await pilot.press(*"boat")
        assert "✗ The network has no class 'boat': its classes are" in text_of(pilot)
        await pilot.press("enter")
        assert not chosen
        await pilot.press(*["backspace"] * 4, *"shi", "down", "enter")
        assert chosen == ["T-shirt/top"]
        app.push_screen(NameLabelDialog(NAMES), chosen.append)
        await pilot.pause()
        await pilot.click(OptionList, offset=(2, 3))
        app.push_screen(NameLabelDialog(NAMES), chosen.append)
        await pilot.press("escape")
        assert chosen[-1] is None
