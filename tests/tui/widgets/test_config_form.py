"""The form of the settings, driven by keys."""

from dataclasses import replace

from textual.widgets import Input, OptionList, Static

from core.events import LearningRateChanged, Progress
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.screens.digits import DigitsView
from tui.widgets.config_form import ConfigForm
from tui.widgets.select import CompactSelect, More


async def test_escape_leaves_a_number_field(tmp_path):
    """Digits typed after it once went on into the field: 52 epochs were trained."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(*["down"] * 4)
        assert pilot.app.focused.id == "epochs"
        await pilot.press("escape")
        assert pilot.app.focused is None
        await pilot.press("5", "2")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DigitsView)
        assert pilot.app.get_screen_stack("train")[0].query_one("#epochs", Input).value == "6"


async def test_escape_leaves_a_field(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        form.query_one(More).is_open = True
        await pilot.pause()
        for field in ("arch", "more", "weight_decay", "schedule"):
            form.query_one(f"#{field}").focus()
            await pilot.pause()
            assert pilot.app.focused.id == field
            await pilot.press("escape")
            assert pilot.app.focused is None, field


async def test_fields_keep_letters_to_themselves(tmp_path):
    """All but space and ?, which are no part of any number."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(*["down"] * 4, "q", "s", "y", "slash")
        await pilot.pause()
        assert pilot.app.is_running
        assert pilot.app.focused.value == "6"


async def test_more_settings_are_trained_with(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=3), epochs=1).run_test(
        size=(120, 40)
    ) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        form.query_one("#more").focus()
        await pilot.press("enter", "down", "enter", "down", "down", "enter")  # adam to sgd
        await pilot.press("down", "enter", "down", "enter")  # constant to onecycle
        await pilot.press("down", *["backspace"] * 3, *"0.01")  # weight decay
        await pilot.press("down", "backspace", "2")  # shift
        await pilot.pause()
        shown = str(form.query_one("#learning_rate-note", Static).content)
        assert shown == "SGD, onecycle"
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        config = pilot.app.run_state.started.config
        names = ("optimizer", "schedule", "weight_decay", "shift", "label_smoothing")
        assert [config[name] for name in names] == ["sgd", "onecycle", 0.01, 2, 0.0]


async def test_settings_that_exclude_each_other_are_explained(tmp_path):
    async with app_in(tmp_path, beta2=0.9).run_test(size=(120, 40)) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        form.query_one("#more").focus()
        await pilot.press("enter")
        await pilot.pause()
        form.query_one("#optimizer", CompactSelect).value = "sgd"
        await pilot.press("space")
        await pilot.pause()
        assert phase(pilot) == "idle"
        problem = str(form.query_one("#problem", Static).content)
        assert problem.startswith("Optimizer sgd cannot be used with beta 2 0.9")


async def test_settings_keep_digits_that_are_not_shown(tmp_path):
    async with app_in(tmp_path, learning_rate=0.00123456789).run_test(size=(80, 24)) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        assert form.query_one("#learning_rate", Input).value == "0.00123457"
        assert form.config().learning_rate == 0.00123456789


async def test_form_shows_the_size_of_the_network(tmp_path):
    async with app_in(tmp_path, arch="cnn").run_test(size=(80, 24)) as pilot:
        for size in ((80, 24), (60, 18), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "4,230,602 parameters" in text_of(pilot), size
            form = pilot.app.screen.query_one(ConfigForm)
            assert form.query_one("#arch-note").region.width > 0, size


async def test_form_shows_the_learning_rate_of_the_run(tmp_path):
    """Also one that was changed during the run, while another view was in front."""
    changed = LearningRateChanged(step=5, learning_rate=0.25)
    train = make_fake_train(steps=20, delay=0, ends=changed)
    async with app_in(tmp_path, train, epochs=1).run_test(size=(120, 40)) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        await pilot.press("2", "space")
        await until(pilot, lambda: pilot.app.run_state.chosen_rate == 0.25)
        await until(pilot, lambda: form.query_one("#learning_rate", Input).value == "0.25")
        await pilot.press("1")
        await pilot.pause()
        assert "Rate    0.25" in text_of(pilot)


async def test_form_shows_the_scheduled_rate_of_now(tmp_path):
    def train(config, inbox):
        for event in make_fake_train(steps=5000)(config, inbox):
            is_progress = isinstance(event, Progress)
            yield replace(event, learning_rate=0.000321) if is_progress else event

    async with app_in(tmp_path, train, schedule="cosine").run_test(size=(120, 40)) as pilot:
        assert "Adam, cosine" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "now 0.000321" in text_of(pilot))


async def test_locked_form_takes_no_focus(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "training")
        await pilot.press("down", "up", key_of("train"))
        assert not pilot.app.screen.query_one(ConfigForm).has_focus_within


async def test_networks_can_be_chosen_after_a_run(tmp_path):
    """In a small window the form is hidden then."""
    async with app_in(tmp_path, make_fake_train(steps=3), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        form = pilot.app.screen.query_one(ConfigForm)
        form.choose_network()
        await until(pilot, lambda: "4,230,602 parameters" in text_of(pilot))
        options = pilot.app.screen.query_one(OptionList)
        assert options.region.y == form.query_one("#arch").region.bottom


async def test_folder_of_images_is_among_the_datasets(tmp_path):
    """It is none of the fixed names, and its path may have anything in it."""
    folder = tmp_path / "a folder with a long name" / "[red]\x1b[31m"
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(50):
            (folder / name / f"{number}.png").touch()
    app = app_in(tmp_path, dataset=f"folder:{folder}", batch_size=64)
    async with app.run_test(size=(120, 40)) as pilot:
        form = app.screen.query_one(ConfigForm)
        assert "folder:…[red]\\x1b[31m ▼" in text_of(pilot)
        await pilot.press("down", "down")
        await pilot.pause()
        assert "100 images" in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query(OptionList))
        shown = app.screen.query_one(OptionList)
        assert shown.highlighted == shown.option_count - 1
        assert "100 images of 2 classes in" in text_of(pilot)
        await pilot.press("up", "enter", "enter", "down", "enter")
        await pilot.pause()
        assert form.config().dataset == f"folder:{folder}"
        form.fill(replace(form.config(), batch_size=81))
        assert form.config() is None
        await pilot.pause()
        assert "training set of 80" in text_of(pilot)


async def test_folder_that_is_gone_is_explained(tmp_path):
    app = app_in(tmp_path, dataset=f"folder:{tmp_path}/gone")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.screen.query_one(ConfigForm).config() is None
        await pilot.pause()
        assert app.focused.id == "dataset"
        assert "does not exist" in text_of(pilot)
