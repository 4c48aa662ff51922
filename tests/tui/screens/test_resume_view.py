"""A view that comes to the front again."""

from tests.support.app import app_in, until


async def test_resumed_view_shows_the_newest_preferences(tmp_path):
    """A view behind another follows nothing, so it catches up when it comes to the front."""
    app = app_in(tmp_path)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.view is not None)
        train = app.view
        await pilot.press("2")
        await until(pilot, lambda: app.view not in (None, train))
        app.change_preferences(log_scale=not train.preferences.log_scale)
        await pilot.press("1")
        await until(pilot, lambda: app.view is train)
        await until(pilot, lambda: train.preferences == app.preferences)
