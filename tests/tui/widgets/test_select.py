"""The field that selects one of several values."""

from textual.widgets import OptionList

from tests.support.app import app_in
from tui.widgets.select import CompactSelect, SelectOptions


async def test_list_opens_under_its_field(tmp_path):
    """Just as high as its values, with the form still visible around it."""
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        field = pilot.app.screen.query_one("#arch", CompactSelect)
        field.focus()
        following = field.options[field.options.index(field.value) + 1]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, SelectOptions)
        options = pilot.app.screen.query_one(OptionList)
        assert options.region.y == field.region.bottom
        assert options.region.height == len(field.options) + 2, "the values and a border"
        assert pilot.app.screen.styles.background.a == 0
        await pilot.press("down", "enter")
        await pilot.pause()
        assert field.value == following
