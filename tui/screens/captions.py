"""Captions: texts and keys that can be clicked, and the message of a dialog."""

from collections.abc import Iterable
from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

SELECTED = "bold $selection-text on $selection"


def clicked(text: Content, action: str) -> Content:
    """Return the text with a click action, by default one of the view."""
    # Not as the markup "@click=…", which does not parse negative arguments.
    name = action if "." in action else f"screen.{action}"
    return text.stylize(Style.from_meta({"@click": name}))


def key(name: str, text: str, action: str) -> Content:
    """Return a clickable key with its action's name or value."""
    shown = Content.styled(name, "bold")
    return clicked(shown + Content(f" {text}") if text else shown, action)


def choices(named: Iterable[tuple[str, str]], here: int | None) -> Content:
    """Return clickable names, each given with its action; that at the place `here` is marked."""
    # Textual draws what can be clicked in the colour of links, also where it is marked.
    return Content("").join(
        Content.styled(f" {name} ", SELECTED)
        if place == here
        else clicked(Content(f" {name} "), action)
        for place, (name, action) in enumerate(named)
    )


def between(back: Content, text: Content, forth: Content) -> Content:
    return Content(" ").join([back, text, forth])


def line(*parts: Content) -> Content:
    return Content("  ").join(part for part in parts if part)


def set_text(parent: Widget, where: str, text: str | Content) -> None:
    """Show a text in the Static `where` below a widget or screen, unless it shows it already."""
    part = parent.query_one(where, Static)
    content = Content(text) if isinstance(text, str) else text
    if not isinstance(part.content, Content) or not content.is_same(part.content):
        # Of a fixed size: the layout of the screen stays.
        part.update(content, layout=part.styles.auto_dimensions)


def show_message(dialog: Screen[Any], text: str, *, wrong: bool = False) -> None:
    """Show a text in a dialog's line #message, as an error if `wrong`."""
    set_text(dialog, "#message", text)
    dialog.query_one("#message").set_class(wrong, "wrong")
