"""The stylesheet that keeps rules gives each widget the rules that Textual's own does."""

from textual.css.stylesheet import Stylesheet

from tests.support.app import app_in, until
from tui.terminal.stylesheet import KNOWN, CachingStylesheet


def rules_of(app):
    """Return the rules of each widget and of each of its component classes."""
    return {
        (node, name): styles.base.get_rules()
        for node in app.screen.walk_children(with_self=True)
        for name, styles in (("", node.styles), *node._component_styles.items())
    }


def assert_styled_as_by_textual(app, least=0):
    plain = Stylesheet(variables=app.get_css_variables())
    plain.source = app.stylesheet.source
    plain.reparse()
    cached = rules_of(app)
    for node in app.screen.walk_children(with_self=True):
        plain.apply(node)
    expected = rules_of(app)
    assert len(cached) >= least
    assert {key: cached[key] for key in expected} == expected


async def test_rules_are_those_of_textual(tmp_path):
    app = app_in(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        assert isinstance(app.stylesheet, CachingStylesheet)
        await until(pilot, lambda: app.view is not None)
        assert_styled_as_by_textual(app, least=50)
        for key in ("tab", "down", "escape", "5", "8", "9", "1", "o", "escape"):
            await pilot.press(key)
            await pilot.pause()
            assert_styled_as_by_textual(app)
        await pilot.hover("KeyFooter")
        app.theme = "textual-light"
        await pilot.pause()
        assert_styled_as_by_textual(app)
        await pilot.resize_terminal(80, 24)
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.is_active)  # the form is disabled
        await pilot.pause()
        assert_styled_as_by_textual(app)


async def test_unchanged_styles_are_not_applied_again(tmp_path, monkeypatch):
    applied = []
    app = app_in(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        own = Stylesheet.apply
        monkeypatch.setattr(
            Stylesheet,
            "apply",
            lambda sheet, node, **more: (applied.append(node), own(sheet, node, **more)),
        )
        app.screen.update_node_styles()
        assert not [node for node in applied if not node._has_order_style]
        app.screen.query_one("#form").disabled = True
        assert applied


def test_paths_take_bounded_memory(monkeypatch):
    monkeypatch.setattr("tui.terminal.stylesheet.MAX_NUMBERS", 10)
    monkeypatch.setattr(KNOWN, "_numbers", {})
    monkeypatch.setattr(KNOWN, "rules", {})
    numbers = [KNOWN.number(("node", each)) for each in range(100)]
    assert len(set(numbers)) == 100
    assert len(KNOWN._numbers) <= 11
