"""The dialog that asks for paths of a person's own images and reads them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static
from textual.worker import get_current_worker

from core.errors import UserError
from tui.screens.captions import show_message
from tui.text.formats import printable
from tui.text.typed_paths import join_lines, split_paths
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from core.data.images import ImageDigit

MAX_IMAGES = 200
PROMPT = "Paths of image files or of folders of images, typed or pasted. ~ is your home folder."
EMPTY = "Type or paste a path first, such as ~/photos or ~/photos/7.jpg."


@dataclass(frozen=True)
class LoadedImages:
    """The digits of the images that were read, an error for each image that could not be, what was
    left out of folders, and whether there are more than MAX_IMAGES images."""

    images: tuple[ImageDigit, ...]
    errors: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    has_more: bool = False


def load_images(text: str) -> LoadedImages:
    """Read the image files at the paths in a text, and those in folders; at most MAX_IMAGES."""
    from core.data.images import find_images, read_image

    images: list[ImageDigit] = []
    errors: list[str] = []
    left_out: list[str] = []
    has_more = False
    try:
        paths = split_paths(text)
    except UserError as error:
        return LoadedImages((), (str(error),))
    # After an error of one folder, the chain continues with the next.
    finding = chain.from_iterable(find_images([path], left_out.append) for path in paths)
    for place in count():
        try:
            if (found := next(finding, None)) is None:
                break
            if has_more := place >= MAX_IMAGES or get_current_worker().is_cancelled:
                break
            images.extend(read_image(found))
        except UserError as error:
            errors.append(str(error))
    return LoadedImages(tuple(images), tuple(errors), tuple(left_out), has_more)


class ImagesDialog(ModalScreen[LoadedImages | None]):
    """Returns the images at the paths that a person types; None where the dialog was cancelled."""

    CSS_PATH = "images_dialog.tcss"
    AUTO_FOCUS = "#path"
    BINDINGS = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        Binding("pagedown,down", "scroll(1)", "Scroll", show=False),
        Binding("pageup,up", "scroll(-1)", "Scroll", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Predict images"
            dialog.border_subtitle = "enter predict · esc back"
            with Horizontal(classes="field"):
                yield Label("Path")
                yield LineInput(join=join_lines, compact=True, id="path")
            with VerticalScroll(id="messages", can_focus=False):
                yield Static(Content(PROMPT), id="message")
            with Horizontal(id="buttons"):
                yield Button("Predict", id="go", compact=True, action="screen.go")
                yield Button("Cancel", id="back", compact=True, action="screen.dismiss(None)")

    @on(Input.Changed)
    def _typing(self) -> None:
        show_message(self, PROMPT)

    @on(Input.Submitted)
    def action_go(self) -> None:
        text = self.query_one(Input).value
        if text.strip():
            show_message(self, "Reading…")
            self._read(text)
        else:
            self.query_one(Input).focus()
            show_message(self, EMPTY, wrong=True)

    def action_scroll(self, by: int) -> None:
        self.query_one("#messages").scroll_relative(y=by, animate=False)

    @work(exclusive=True, exit_on_error=False)
    async def _read(self, text: str) -> None:
        try:
            loaded = await asyncio.to_thread(load_images, text)
        except Exception as error:  # whatever is in a file must not end the app
            loaded = LoadedImages((), (f"{text}: {error}",))
        if not self.is_current:  # the dialog was cancelled meanwhile
            return
        if loaded.images:
            self.dismiss(loaded)
        else:
            errors = "\n".join(f"✗ {printable(each)}" for each in loaded.errors)
            show_message(self, errors, wrong=True)
            if len(loaded.errors) > 1:
                dialog = self.query_one(".dialog")
                dialog.border_subtitle = "enter predict · ↑↓ scroll · esc back"
