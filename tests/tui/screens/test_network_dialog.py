"""The dialog that edits the network of the next run as text, opened from the form."""

from textual.events import Paste
from textual.widgets import Input, Static

from core.class_names import DIGITS
from core.config import read_config
from core.models.architectures import QUICK
from core.models.saved_networks import list_saved, save_network, saved_file
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.screens.network_editor.dialog import NetworkDialog
from tui.screens.network_editor.text_input import NetworkInput
from tui.widgets.layers.layer_table import LayerTable
from tui.widgets.layers.network_diagram import NetworkDiagram
from tui.widgets.network_select import NetworkSelect
from tui.widgets.select import CompactSelect

LARGER = "crop 2, conv 16 5 stride 2, relu, conv 32 3, maxpool 2, relu, flatten, linear 256, relu, "
LARGER += "linear"


async def open_dialog(pilot) -> NetworkDialog:
    """Open the text of the network that is selected in the form."""
    await pilot.press("n")
    await until(pilot, lambda: "edit as text" in text_of(pilot))
    await pilot.press("right")
    await until(pilot, lambda: isinstance(pilot.app.screen, NetworkDialog))
    await pilot.pause()
    return pilot.app.screen


def message(dialog) -> str:
    return str(dialog.query_one("#message", Static).content)


async def test_one_number_is_changed_and_trained(tmp_path):
    """Parameters follow, an error refuses enter, and the run has the text."""
    train = make_fake_train(steps=3)
    async with app_in(tmp_path, train, arch="quick", epochs=1).run_test(size=(120, 40)) as pilot:
        dialog = await open_dialog(pilot)
        assert dialog.query_one(NetworkInput).text == QUICK
        assert message(dialog).startswith("✓ 72,010 parameters · 401,728 multiply-adds")
        assert "quick" in text_of(pilot).splitlines()[0]
        number = QUICK.index("128")
        dialog.query_one(NetworkInput).move_cursor((0, number + 3))
        await pilot.pause()
        assert dialog.query_one(LayerTable).selected == 8, "the layer at the cursor"
        assert "linear: Each unit adds up all inputs" in text_of(pilot)
        await pilot.press(*["backspace"] * 3)
        await pilot.pause()
        assert message(dialog) == (
            "✗ linear: only the last layer needs no number; this one needs its outputs, as in "
            "linear 128"
        )
        assert dialog.query_one(LayerTable).border_title == "Layers before the error"
        line = dialog.query_one(NetworkInput).get_line(0)
        assert [line.plain[each.start : each.end] for each in line.spans] == ["linear"]
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.screen is dialog, "a text that is no network is refused"
        await pilot.press(*"256")
        await pilot.pause()
        # 512 inputs and a bias for 128 more units, and 10 weights for each of these.
        assert message(dialog).startswith(f"✓ {72_010 + 128 * 513 + 1_280:,} parameters")
        assert "custom" in text_of(pilot).splitlines()[0]
        assert dialog.query_one(NetworkDiagram).network.layers[7].shape == (256,)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.config.arch == LARGER
        shown = text_of(pilot)
        assert "custom · sample" in shown, "the header has a name and not the text"
        assert "138,954 parameters" in shown
        words = str(pilot.app.screen.query_one("#problem", Static).content)
        assert words.startswith("Network, from the list or as text. custom: 138,954")
        assert "Press space to train custom on" in " ".join(shown.split())
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        started = pilot.app.run_state.started
        assert (started.arch, started.spec) == ("custom", LARGER)
        assert read_config(started.config).arch == LARGER
        await pilot.press(key_of("network"))
        await until(pilot, lambda: "138,954" in text_of(pilot))
        assert "Network custom" in text_of(pilot)


async def test_network_gets_a_name(tmp_path):
    """Wrong names are refused; the list has it, and the form shows it."""
    save_network("taken", "linear 5, linear")
    async with app_in(tmp_path, arch=LARGER).run_test(size=(80, 24)) as pilot:
        dialog = await open_dialog(pilot)

        async def name(text: str) -> str:
            field = pilot.app.screen.query_one(Input)
            field.value = text
            await pilot.press("enter")
            await until(
                pilot,
                lambda: pilot.app.screen is dialog or "✗" in text_of(pilot),
            )
            return "" if pilot.app.screen is dialog else " ".join(text_of(pilot).split())

        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.screen is not dialog)
        await pilot.pause()
        assert "relu is the name of a layer" in await name("relu")
        assert "mlp is the name of a built-in network" in await name("mlp")
        assert "taken is the name of linear 5, linear" in await name("taken")
        assert list_saved() == {"taken": "linear 5, linear"}
        assert await name("mine") == ""
        await pilot.pause()
        assert list_saved()["mine"] == LARGER
        assert f"✓ Saved as mine in {saved_file()}" in message(dialog)
        await pilot.press("escape")
        await pilot.pause()
        shown = text_of(pilot)
        assert "Network mine ▼" in " ".join(shown.split())
        assert "mine · sample" in shown
        await pilot.press("n")
        await until(pilot, lambda: "edit as text" in text_of(pilot))
        listed = " ".join(text_of(pilot).split())
        assert "taken 3,985 parameters · linear 5, linear" in listed
        assert "mine 138,954 parameters" in listed
        assert "new … edit the selected network as text" in listed


async def test_text_of_a_named_network_is_that_network(tmp_path):
    async with app_in(tmp_path, arch="linear 7, linear").run_test(size=(80, 24)) as pilot:
        dialog = await open_dialog(pilot)
        assert "custom" in text_of(pilot).splitlines()[0]
        field = dialog.query_one(NetworkInput)
        field.text = "linear 512,relu,  linear 512, relu, linear 10"
        await pilot.pause()
        assert "mlp" in text_of(pilot).splitlines()[0]
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.config.arch == "mlp"


async def test_dialog_is_usable_in_a_small_window(tmp_path):
    """Field, error, totals and layers fit; letters and ? are typed, and f1 lists the layers."""
    async with app_in(tmp_path, arch="cnn").run_test(size=(80, 24)) as pilot:
        dialog = await open_dialog(pilot)
        await until(pilot, lambda: "total" in text_of(pilot))
        shown = text_of(pilot)
        assert "4,230,602 parameters" in message(dialog)
        for part in ("maxpool 2, flatten", "Linear", "total", "f1", "Use", "esc back"):
            assert part in shown, part
        await pilot.press("q", "?")
        await pilot.pause()
        assert dialog.query_one(NetworkInput).text.endswith("linearq?")
        assert message(dialog) == '✗ unexpected "?"'
        await pilot.press("f1")
        await until(pilot, lambda: "Each channel slides" in text_of(pilot))
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert pilot.app.screen is dialog, "what was typed is not lost by one key"
        assert message(dialog).startswith("Not saved: esc again")
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is not dialog
        assert pilot.app.config.arch == "cnn", "esc leaves the network as it was"


async def test_outputs_follow_the_classes_of_the_dataset(tmp_path):
    async with app_in(tmp_path, arch="linear").run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("#dataset", CompactSelect).value = "emnist-letters"
        await until(pilot, lambda: f"{785 * 26:,} parameters" in text_of(pilot))
        dialog = await open_dialog(pilot)
        assert message(dialog).startswith(f"✓ {785 * 26:,} parameters")
        await pilot.press("escape")
        names = tuple("abc")
        pilot.app.push_screen(NetworkDialog("linear", names))
        await until(pilot, lambda: isinstance(pilot.app.screen, NetworkDialog))
        await pilot.pause()
        dialog = pilot.app.screen
        assert message(dialog).startswith(f"✓ {785 * 3:,} parameters")
        assert "● b" in text_of(pilot), "the drawing names the classes"


async def test_action_opens_the_dialog_from_any_view(tmp_path):
    """As the palette does; pasted lines become one."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        pilot.app.action_open("network")
        await until(pilot, lambda: isinstance(pilot.app.screen, NetworkDialog))
        await pilot.pause()
        field = pilot.app.screen.query_one(NetworkInput)
        field.select_all()
        field.post_message(Paste("linear 9,\n  tanh,\nlinear"))
        await pilot.pause()
        assert field.text == "linear 9, tanh, linear"
        await pilot.press("enter")
        await pilot.pause()
        form = pilot.app.screen.query_one(NetworkSelect)
        assert (form.value, form.name_shown) == ("linear 9, tanh, linear", "custom")


async def test_python_file_opens_as_an_example(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        dialog = NetworkDialog("mynet.py:Net@0123456789ab", DIGITS)
        await pilot.app.push_screen(dialog)
        await until(pilot, lambda: len(pilot.app._notifications))
        assert dialog.query_one(NetworkInput).text == QUICK
        (notice,) = pilot.app._notifications
        assert notice.message.startswith("A Python file has no layers as text")
