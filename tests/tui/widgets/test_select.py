"""The field that selects one of several values."""

from textual.geometry import Region
from textual.widgets import OptionList

from core.models.networks import resolve_network
from tests.support.app import app_in, text_of, until
from tui.widgets.select import CompactSelect, More, SelectOptions


async def test_list_opens_under_its_field(tmp_path):
    """Just as high as its values, with the form still visible around it."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        field = pilot.app.screen.query_one("#arch", CompactSelect)
        field.focus()
        names = list(field.list_values())
        following = names[names.index(field.value) + 1]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, SelectOptions)
        options = pilot.app.screen.query_one(OptionList)
        assert options.region.y == field.region.bottom
        shown = text_of(pilot)
        width = max(map(len, names))
        for name in names[:-1]:  # the last one opens the network as text
            network = resolve_network(name)
            assert f"{name:{width}}  {network.parameters:,} parameters · " in shown
        assert options.region.bottom < 20, "no higher than its values"
        assert pilot.app.screen.styles.background.a == 0
        await pilot.press("down", "enter")
        await pilot.pause()
        assert field.value == following


async def test_list_of_datasets_names_those_at_hand(tmp_path):
    async with app_in(tmp_path, data=str(tmp_path)).run_test(size=(80, 24)) as pilot:
        pilot.app.screen.query_one("#dataset", CompactSelect).focus()
        await pilot.press("enter")
        await pilot.pause()
        shown = text_of(pilot)
        assert "downloaded on first use" in " ".join(shown.split())


async def test_list_opens_beside_a_field_that_scrolls(tmp_path):
    async with app_in(tmp_path).run_test(size=(60, 18)) as pilot:
        pilot.app.screen.query_one(More).is_open = True
        await pilot.pause()
        field = pilot.app.screen.query_one("#precision", CompactSelect)
        field.focus()  # and the form begins to scroll to it
        await pilot.press("enter")
        await pilot.pause()
        place, own = pilot.app.screen.query_one(OptionList).region, field.region
        assert place.y == own.bottom or place.bottom == own.y


async def test_list_opens_above_a_field_at_the_bottom(tmp_path):
    async with app_in(tmp_path).run_test(size=(60, 18)) as pilot:
        options, place = {"fp32": "32 bits", "bf16": "16 bits a number"}, Region(19, 14, 17, 1)
        chosen: list[str | None] = []
        screen = SelectOptions(options, "fp32", place, "Precision")
        await pilot.app.push_screen(screen, chosen.append)
        await pilot.pause()
        assert screen.query_one(OptionList).region.bottom == place.y
        assert "16 bits a number" in text_of(pilot)
        await pilot.press("j")
        await pilot.pause()
        await pilot.press("k", "enter")
        await until(pilot, lambda: chosen)
        assert chosen == ["fp32"]
