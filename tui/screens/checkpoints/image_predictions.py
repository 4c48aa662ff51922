"""Predictions of a person's own images: the dialog that reads them, and the view."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static
from textual.worker import get_current_worker

from core.commands import PredictImagesWith
from core.errors import UserError
from tui.help import DISPLAY
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import between, key, line, show_message
from tui.state.app_state import AppState, CheckpointRequest
from tui.text.formats import printable
from tui.text.typed_paths import join_lines, split_paths
from tui.widgets.image_cards import ImageCards
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from core.data.images import ImageDigit

MAX_IMAGES = 200
NO_SIGN = "Images unlike any digit are not marked: the training images are not on this machine."
PROMPT = "Paths of image files or of folders of images, typed or pasted. ~ is your home folder."
IMAGES_HELP = {
    "original": "on the left, the image as it is in the file. The frame is around the part that "
    "the network receives; a side at the edge of the image is left out.",
    "preprocessed": "beside it, as the network receives it: cropped to the strokes, its longer "
    "side scaled to 20 pixels, and centered by its center of mass in 28×28, as MNIST was made.",
    "! unlike any digit": DISPLAY["! not a digit?"],
    "✓ ✗": "shown for images of one digit in a folder named 0 to 9, which is taken as their label.",
}


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

    CSS_PATH = "image_predictions.tcss"
    AUTO_FOCUS = "#path"
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Predict images"
            dialog.border_subtitle = "enter predict · esc cancel"
            with Horizontal(id="field"):
                yield Label("Path")
                yield LineInput(join=join_lines, compact=True, id="path")
            yield Static(Content(PROMPT), id="message")
            with Horizontal(id="buttons"):
                yield Button(
                    "Predict", id="go", variant="success", compact=True, action="screen.go"
                )
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
            show_message(self, printable(_first_error(loaded.errors)), wrong=True)


def _first_error(errors: tuple[str, ...]) -> str:
    rest = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    return f"✗ {errors[0]}{rest}"


class ImagePredictionsView(View):
    """Shows a checkpoint's predictions of images, as many at a time as fit."""

    MODE = "checkpoints"
    VIEW_HELP = IMAGES_HELP
    CSS_PATH = "image_predictions.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("right,pagedown", "page(1)", "Page", key_display="← →"),
        Binding("left,pageup", "page(-1)", "Page", show=False),
    ]

    def __init__(self, path: str, title: str, loaded: LoadedImages) -> None:
        super().__init__()
        self._path, self._title, self._loaded = path, title, loaded
        self._first = 0

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield ImageCards().data_bind(View.preferences)

    def on_mount(self) -> None:
        self._request = CheckpointRequest(self._path, self.mnist.app_state)
        images = tuple(image.pixels for image in self._loaded.images)
        self.mnist.send(PredictImagesWith(self._path, images, self.mnist.config.data))

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.images is not after.images or before.opened is not after.opened:
            self.show()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.temperature != after.temperature:
            self.show()

    def show(self) -> None:
        request, state, images = self._request, self.app_state, self._loaded.images
        cards = self.query_one(ImageCards)
        last = min(len(images), self._first + cards.capacity)
        waiting = ": predicting…"
        if predicted := request.images(state):
            waiting = ""
            cards.shown = tuple(
                (images[digit.index], replace(digit, label=images[digit.index].label))
                for digit in predicted.digits[self._first : last]
            )
        elif error := request.error(state):
            waiting = f": ✗ {printable(error)}"
        text = f"{self._first + 1:,}–{last:,} of {len(images):,}"
        where = between(key("←", "", "page(-1)"), Content(text), key("→", "", "page(1)"))
        heat = Content(f"temperature {self.preferences.temperature:g}")
        is_unmarked = bool(predicted and all(each.is_unlike is None for each in predicted.digits))
        problems = [*self._problems(), *([NO_SIGN] if is_unmarked else [])]
        lines = [line(Content(f" {self._title}{waiting}"), where, heat)]
        lines += [Content(f" {printable(each)}") for each in problems]
        self.query_one("#caption", Static).update(Content("\n").join(lines))

    def _problems(self) -> list[str]:
        loaded = self._loaded
        lines = [f"Only the first {MAX_IMAGES} images are shown."] if loaded.has_more else []
        return lines + ([_first_error(loaded.errors)] if loaded.errors else []) + [*loaded.left_out]

    def action_page(self, pages: int) -> None:
        first = max(0, self._first + pages * max(1, self.query_one(ImageCards).capacity))
        if first < len(self._loaded.images):
            self._first = first
            self.show()
