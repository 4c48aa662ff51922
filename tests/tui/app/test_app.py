"""The app, driven by keys and the mouse, with the fake trainer."""

from textual.widgets import Input, Label, Static

from core.commands import Save
from core.config import TrainConfig
from core.events import Notice, RunFailed, RunFinished
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import diverged, key_of, make_fake_train
from tui.actions import VIEWS
from tui.app import network_requests
from tui.app.app import MnistApp
from tui.preferences import TEMPERATURES
from tui.screens.checkpoints.browser import CheckpointBrowser
from tui.screens.checkpoints.checkpoint_view import CheckpointView
from tui.screens.dialogs import ConfirmQuit, HelpDialog
from tui.screens.digits import DigitsView
from tui.screens.train import TrainView
from tui.widgets.charts.chart import Chart
from tui.widgets.digit_cards import DigitCards
from tui.widgets.lists.virtual_table import VirtualTable
from tui.widgets.run.progress import describe_progress
from tui.widgets.select import CompactSelect


async def test_space_starts_a_run(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=10), epochs=2).run_test(
        size=(80, 24)
    ) as pilot:
        assert "Press space to train" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.pause()
        shown = text_of(pilot)
        assert "✓ finished" in shown
        assert "✓ Finished 2 epochs" in shown
        assert "1 in 4 wrong" in shown
        assert "Saved in fake-1" in shown
        assert pilot.app.run_state.step == 20


async def test_digits_follow_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(network_requests, "PREDICTION_SECONDS", 0.05)
    slow = make_fake_train(steps=5000)
    async with app_in(tmp_path, slow).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.digits_step > 0)
        first = pilot.app.run_state.digits
        await until(pilot, lambda: pilot.app.run_state.digits != first)
        await pilot.pause()
        shown = text_of(pilot)
        assert "✓ 0" in shown
        assert "✗ 4, is 3" in shown
        assert len(first) == pilot.app.screen.query_one(DigitCards).capacity
        await pilot.press("2")
        await until(pilot, lambda: pilot.app.run_state.digits[0].index == 0)
        await pilot.press("right")
        await until(pilot, lambda: pilot.app.run_state.digits[0].index > 0)


async def test_pause_resume_and_stop(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "paused")
        step = pilot.app.run_state.step
        await pilot.pause(0.1)
        assert pilot.app.run_state.step == step
        assert "Paused, press space to resume" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > step)
        await pilot.press("s")
        await until(pilot, lambda: phase(pilot) == "stopped")
        assert "Stopped at step" in describe_progress(pilot.app.run_state, pilot.app.config)


async def test_second_run_has_new_settings(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=4), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        pilot.app.screen.query_one("#arch", CompactSelect).value = "cnn"
        await pilot.press("space")
        await until(
            pilot, lambda: phase(pilot) == "finished" and pilot.app.run_state.started.arch == "cnn"
        )


async def test_form_refuses_batch_larger_than_dataset(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.screen.query_one("#dataset", CompactSelect).value = "sample"
        field = pilot.app.screen.query_one("#batch_size", Input)
        field.value = "4001"
        await pilot.press("space")
        await pilot.pause()
        problem = pilot.app.screen.query_one("#problem", Label)
        assert "Batch size 4001 is larger than the training set of 4,000 images" in str(
            problem.content
        )
        assert field.has_class("wrong")
        assert phase(pilot) == "idle"


async def test_form_checks_input_while_typing(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        field = pilot.app.screen.query_one("#epochs", Input)
        field.focus()
        field.value = ""
        await pilot.press("0")
        await pilot.pause()
        problem = pilot.app.screen.query_one("#problem", Label)
        assert "Epochs must be a whole number" in str(problem.content)
        assert field.has_class("wrong")
        await pilot.press("space")
        await pilot.pause()
        assert phase(pilot) == "idle", "a run with a wrong setting does not start"
        field.value = "3"
        await pilot.pause()
        assert not field.has_class("wrong")
        assert "Number of passes" in str(problem.content)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.started)
        assert pilot.app.run_state.started.epochs == 3


async def test_invalid_learning_rate_is_refused(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        field = pilot.app.screen.query_one("#learning_rate", Input)
        problem = pilot.app.screen.query_one("#problem", Label)
        for text in ("", "-", "1e", "0", "nan", "1e999"):
            field.value = "0.5"
            await pilot.pause()
            assert "must be" not in str(problem.content)
            field.value = text
            await pilot.press("space")
            await pilot.pause()
            assert phase(pilot) == "idle", text
            assert "Learning rate must be a number above 0" in str(problem.content), text


async def test_letters_do_nothing_in_a_field(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        field = pilot.app.screen.query_one("#epochs", Input)
        field.focus()
        await pilot.press("l", "a", "c")
        assert not pilot.app.preferences.log_scale, "a letter by mistake changes nothing"
        assert not pilot.app.preferences.ascii
        assert field.value == "6"
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpDialog)
        await pilot.press("escape")
        await pilot.press("down")
        assert pilot.app.focused.id == "batch_size"
        await pilot.press("up")
        assert pilot.app.focused is field
        await pilot.press("tab")
        assert pilot.app.focused.id == "batch_size"


async def test_form_works_by_keyboard(tmp_path):
    async with app_in(tmp_path, epochs=1).run_test(size=(80, 24)) as pilot:
        assert pilot.app.focused is None
        await pilot.press("down")
        assert pilot.app.focused.id == "arch"
        await pilot.pause()
        assert "Network, from the list or as text" in text_of(pilot)
        await pilot.press("enter", "up", "enter")
        assert pilot.app.focused.value == "linear"
        await pilot.press("tab", "down", "down")
        assert pilot.app.focused.id == "epochs"
        await pilot.pause()
        assert "Number of passes" in text_of(pilot)
        await pilot.press("backspace", "2", "space")
        await until(pilot, lambda: phase(pilot) == "finished")
        started = pilot.app.run_state.started
        assert (started.arch, started.epochs) == ("linear", 2)
        assert pilot.app.focused is None
        await pilot.press("tab")
        assert isinstance(pilot.app.screen, DigitsView)


async def test_views_open_by_key_and_mouse(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        assert isinstance(pilot.app.screen, DigitsView)
        await pilot.press(key_of("checkpoints"))
        assert isinstance(pilot.app.screen, CheckpointBrowser)
        (*_, last) = VIEWS
        await pilot.press(key_of(last), "tab")
        assert isinstance(pilot.app.screen, TrainView)
        await pilot.press("shift+tab")
        assert last == pilot.app.screen.MODE
        await pilot.click("ViewHeader", offset=(15, 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, DigitsView)
        await pilot.press("1", "space")
        await until(pilot, lambda: pilot.app.run_state.started)


async def test_chart_has_log_scale_and_smoothing(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=30, delay=0.005), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.pause()
        chart = pilot.app.screen.query_one(".slot-0", Chart)
        assert "─ Loss  ● train " in text_of(pilot)
        assert "m smooth 0.6" in text_of(pilot)
        await pilot.press("l", "m")
        await pilot.pause()
        assert chart.preferences.log_scale
        assert "─ Loss, log  ● train " in text_of(pilot)
        assert "l linear · m smooth 0.9" in text_of(pilot)
        await pilot.press("m", "m")
        await pilot.pause()
        assert "m not smoothed" in text_of(pilot)


async def test_charts_can_be_selected_and_zoomed(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=30, delay=0.005), epochs=2).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        titles = ("Accuracy", "Gradient norm", "Samples/s", "Loss")  # the rate has not changed
        for title in titles:
            await pilot.press("c")
            await pilot.pause()
            assert f" {title} " in text_of(pilot).splitlines()[1]
        await pilot.press("z")
        await pilot.pause()
        assert "z last 25%" in text_of(pilot)
        await pilot.press("z", "z", "h")
        await pilot.pause()
        assert "step 60" in text_of(pilot)
        await pilot.press("v", "v")
        shown = [f" {title} " for title in (*titles, "Learning rate")]
        await until(pilot, lambda: all(each in text_of(pilot) for each in shown))
        await pilot.press("v")
        await pilot.pause()
        assert " Samples/s " not in text_of(pilot)


async def test_cursor_shows_values(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=30, delay=0.005), epochs=2).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.press("m", "m", "m", "h", *["left"] * 3)
        await pilot.pause()
        title = text_of(pilot).splitlines()[1]
        assert "step 57 · ← → move" in text_of(pilot)
        assert "train 0.03" in title, "the fake trainer ends that step with a loss of 1.9/57"
        await pilot.click(".slot-0", offset=(8, 5))
        await pilot.pause()
        assert "step 0 · ← → move" in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert "← → move" not in text_of(pilot)


async def test_temperature_changes_the_bars(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.digits)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "paused")

        def bars():
            return [line for line in text_of(pilot).splitlines() if "│0 " in line]

        await until(pilot, lambda: "bars at temperature 3" in text_of(pilot) and bars())
        before = bars()
        await pilot.press("T")
        await until(pilot, lambda: "bars at temperature 2" in text_of(pilot) and bars() != before)
        assert bars()


async def test_key_hints_can_be_clicked(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(120, 40)) as pilot:
        await pilot.press("2", "space")
        await until(pilot, lambda: pilot.app.run_state.digits)
        await pilot.pause()
        before = pilot.app.preferences.temperature
        for key, expected in ((" T ", -1), (" t ", 0)):
            lines = text_of(pilot).splitlines()
            y, line = next((y, line) for y, line in enumerate(lines) if " T bars at" in line)
            await pilot.click(offset=(line.index(key) + 1, y))
            await pilot.pause()
            changed = TEMPERATURES.index(pilot.app.preferences.temperature)
            assert changed == TEMPERATURES.index(before) + expected


async def test_help_opens_and_closes(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpDialog)
        assert "In this view: Train" in text_of(pilot)
        await pilot.press("space")
        assert phase(pilot) == "idle", "nothing happens behind the help"
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TrainView)


async def test_quitting_during_a_run_asks(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=100_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmQuit)
        await pilot.press("n")
        await pilot.pause()
        assert phase(pilot) == "training"
        await pilot.press("q")
        await pilot.pause()
        await pilot.press("y")
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.run_state.phase == "stopped"
    assert "stopped at step" in app.runs.farewell
    assert "fake-1/last.safetensors" in app.runs.farewell
    assert app.return_code == 0


async def test_failure_while_quitting_is_reported(tmp_path):
    """As when the disk is full and the run cannot be saved."""
    app = app_in(tmp_path, failing_at_the_end)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "training")
        await pilot.press("q", "y")
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.return_code == 1
    assert "could not be saved" in app.runs.farewell


def failing_at_the_end(config, inbox):
    for event in make_fake_train(steps=100_000)(config, inbox):
        if isinstance(event, RunFinished):
            event = RunFailed(reason="checkpoint", message="the result could not be saved (full)")
        yield event


async def test_form_settings_apply_in_every_view(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        form = pilot.app.screen
        form.query_one("#epochs", Input).value = "2"
        await pilot.press("2", "space")
        await until(pilot, lambda: pilot.app.run_state.started)
        assert pilot.app.run_state.started.epochs == 2
        await until(pilot, lambda: phase(pilot) == "finished")
        form.query_one("#epochs", Input).value = "0"
        await pilot.press("space")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TrainView), "where it can be put right"
        assert phase(pilot) == "finished"


async def test_ctrl_c_asks_too(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=100_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        await pilot.press("ctrl+c", "ctrl+c")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmQuit)
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, TrainView)


async def test_quitting_without_a_run_does_not_ask(tmp_path):
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0
    assert app.runs.farewell == ""


async def test_failed_run_shows_its_reason(tmp_path):
    trainers = [make_fake_train(ends=diverged()), make_fake_train(steps=4)]
    app = app_in(tmp_path, lambda config, inbox: trainers.pop(0)(config, inbox), epochs=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "failed")
        await pilot.pause()
        assert "✗ training diverged by step 10" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")


async def test_failure_before_a_run_is_told_from_one_in_it(tmp_path):
    """As where PyTorch cannot be loaded: no run has ended, and no checkpoint is kept."""
    reason = "PyTorch cannot be loaded (MemoryError): raise the limit"
    app = app_in(tmp_path, lambda config, inbox: iter([RunFailed(reason="error", message=reason)]))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "failed")
        app.runs.emit(Notice(message="cannot list the devices"))
        await pilot.pause(0.1)
        await until(pilot, lambda: f"✗ {reason}" in text_of(pilot))
        shown = text_of(pilot)
        assert "Training did not start. Correct the error above" in shown
        assert "are kept" not in shown
        assert "press space to train." not in shown.lower()
        for view in ("2", "3", "4"):
            await pilot.press(view)
            await until(pilot, lambda: "Training did not start." in text_of(pilot))
            assert "press space to train" not in text_of(pilot).lower()


async def test_trainer_error_does_not_end_the_app(tmp_path):
    app = app_in(tmp_path, make_fake_train(ends=ZeroDivisionError("a [red] fault")))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "failed")
        await pilot.pause()
        assert "✗ ZeroDivisionError: a [red] fault" in text_of(pilot)


async def test_start_option_starts_training(tmp_path):
    chosen = TrainConfig(checkpoints=str(tmp_path), epochs=1)
    app = MnistApp(chosen, start=True, train=make_fake_train(steps=3))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: phase(pilot) == "finished")


async def test_small_window_shows_a_message(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=100_000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        for size in ((59, 24), (80, 17), (20, 5), (1, 1)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "epoch" not in text_of(pilot), size
            if size[0] >= 20:
                assert "60×18" in text_of(pilot).replace("\n", "")
            step = pilot.app.run_state.step
            await until(pilot, lambda: pilot.app.run_state.step > step)  # noqa: B023
            await pilot.resize_terminal(60, 18)
            await pilot.pause()
            assert "epoch" in text_of(pilot), size


async def test_checkpoints_are_listed_filtered_and_opened(tiny, tmp_path):
    from queue import SimpleQueue

    from core.training.trainer import train

    for arch in ("linear", "mlp"):
        list(train(tiny(arch=arch, epochs=1), SimpleQueue()))
    broken = tmp_path / "runs" / "[red]bad" / "last.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(b"")
    async with app_in(tmp_path / "runs").run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("checkpoints"))
        table = pilot.app.screen.query_one(VirtualTable)
        await until(pilot, lambda: len(table._keys) == 3)
        await pilot.pause()
        assert "[red]bad" in text_of(pilot)
        assert "last.safetensors is broken: is empty" in text_of(pilot), "the newest is chosen"
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, CheckpointBrowser)
        await pilot.press("slash", *"linear")
        await pilot.pause()
        assert len(table._keys) == 1
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CheckpointView))
        await until(pilot, lambda: pilot.app.screen.query_one(DigitCards).digits)
        await pilot.pause()
        caption = str(pilot.app.screen.query_one("#caption", Static).content)
        assert "linear-" in caption
        assert "of 50" in caption
        before = pilot.app.screen.query_one(DigitCards).digits
        await pilot.press("right")
        await until(pilot, lambda: pilot.app.screen.query_one(DigitCards).digits != before)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, CheckpointBrowser)


async def test_damaged_checkpoint_shows_its_reason(tiny, tmp_path):
    from queue import SimpleQueue

    from core.training.trainer import train

    list(train(tiny(epochs=1), SimpleQueue()))
    async with app_in(tmp_path / "runs").run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"))
        table = pilot.app.screen.query_one(VirtualTable)
        await until(pilot, lambda: len(table._keys) == 1)
        for path in (tmp_path / "runs").glob("*/*.safetensors"):
            path.write_bytes(path.read_bytes()[:-10])
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.app_state.opened)
        await pilot.pause()
        assert "is cut off" in text_of(pilot)


async def test_empty_folder_shows_a_hint(tmp_path):
    async with app_in(tmp_path / "none").run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: "No checkpoints in" in text_of(pilot))


async def test_views_redraw_in_every_theme(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=10), epochs=1).run_test(
        size=(80, 24)
    ) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        for theme in ("textual-light", "nord", "dracula"):
            pilot.app.theme = theme
            await pilot.pause()
            assert "● train " in text_of(pilot)


async def test_incomplete_view_wants_no_digits(tmp_path):
    """Digits are requested while the app starts or ends, too."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        view = pilot.app.screen
        await view.query(DigitCards).remove()
        assert view.wanted_digits() == ()
        pilot.app.request_digits()
        await pilot.press("2")
        assert len(pilot.app.screen.wanted_digits()) == 2


async def test_palette_saves_the_run(tmp_path):
    commands = []

    def train(config, inbox):
        real = inbox.get
        spied = type(
            "Spied", (), {"get": lambda self, **more: commands.append(real(**more)) or commands[-1]}
        )
        yield from make_fake_train(steps=5000)(config, spied())

    async with app_in(tmp_path, train).run_test() as pilot:

        def titles():
            return [each.title for each in pilot.app.get_system_commands(pilot.app.screen)]

        assert "Save · w" not in titles()
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "training")
        assert "Save · w" in titles()
        pilot.app.action_run("save")
        await until(pilot, lambda: Save() in commands)
