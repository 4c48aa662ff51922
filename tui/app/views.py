"""The app's views: the first one at once, the others imported after the first frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.actions import parse
from textual.app import App, SystemCommand
from textual.screen import Screen

from core.user import downloads_folder
from tui.actions import ACTIONS, VIEW_KEYS, VIEWS, ViewEntry
from tui.widgets.config_form import ConfigForm

if TYPE_CHECKING:
    from tui.app.app import MnistApp

# Between two of the imports, so that keys need not wait for long.
IMPORT_SECONDS = 0.1


def _make(view: ViewEntry) -> Screen[Any]:
    return getattr(import_module(f"tui.screens.{view.module}"), view.screen)()


MODES: dict[str, Any] = {mode: partial(_make, view) for mode, view in VIEWS.items()}

MODULES = (*(f"tui.screens.{view.module}" for view in VIEWS.values()), "plotext")


def import_views(app: App[Any], modules: Sequence[str] = MODULES) -> None:
    """Import what the views need one after another, so that a first visit does not wait for it."""
    if modules:
        import_module(modules[0])
        app.set_timer(IMPORT_SECONDS, partial(import_views, app, modules[1:]))


def find_form(app: App[Any]) -> ConfigForm | None:
    """Return the form with the settings; None until its view has been shown."""
    try:
        return app.get_screen_stack("train")[0].query_one(ConfigForm)
    except (KeyError, IndexError):
        return None


def palette_entries(
    app: MnistApp, screen: Screen[Any], textual: Iterable[SystemCommand]
) -> Iterator[SystemCommand]:
    """Yield the entries of the command palette, with their keys.

    These are Textual's, the actions of the app and of the view `screen`, and the views.
    """
    ours = {"Keys", *(each.label for each in ACTIONS)}
    for entry in textual:
        if entry.title == "Screenshot":  # Textual's own fails for a user without a home folder
            save = partial(app.set_timer, 0.1, partial(_save_picture, app))
            entry = SystemCommand(entry.title, entry.help, save)
        if entry.title not in ours:
            yield entry
    for each in ACTIONS:
        _, name, parameters = parse(each.name)
        if app.race.is_available(name, parameters):
            key = f" · {each.shown}" if each.shown else ""
            yield SystemCommand(each.label + key, each.help, partial(app.run_action, each.name))
    yield from _entries_of_view(app, screen)
    for number, (mode, view) in enumerate(VIEWS.items(), 1):
        show = partial(app.action_view, mode)
        title = f"View: {view.title} · {number}"
        yield SystemCommand(title, f"Show the view {view.title}", show)


def _entries_of_view(app: App[Any], view: Screen[Any]) -> Iterator[SystemCommand]:
    """Yield the entries of the keys that the view in front has of its own."""
    texts = {key: each.help for each in VIEW_KEYS for key in each.keys.split()}
    for node, binding, enabled, _ in view.active_bindings.values():
        shown = app.get_key_display(binding)
        if node is view and enabled and len(shown) == 1 and shown in texts:
            press = partial(app.simulate_key, binding.key)
            yield SystemCommand(f"{binding.description} · {shown}", texts[shown], press)


def _save_picture(app: MnistApp) -> None:
    folder = downloads_folder()
    with suppress(OSError):  # Textual reports that it cannot write there
        folder.mkdir(parents=True, exist_ok=True)
    app.deliver_screenshot(path=str(folder))
