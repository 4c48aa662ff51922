"""A checkpoint's predictions of a person's own images."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from core.commands import PredictImagesWith
from core.digit import Digit
from tui.help import IMAGES_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import between, key, line, set_text
from tui.screens.dialogs import MessagesDialog
from tui.screens.images_dialog import MAX_IMAGES, ImagesDialog, LoadedImages
from tui.state.app_state import AppState, CheckpointRequest
from tui.text.formats import plural, printable, truncate
from tui.widgets.cards.image_cards import ImageCards

if TYPE_CHECKING:
    from core.data.images import ImageDigit

NO_SIGN = "Images unlike the training images are not marked: fewer than 1,000 are on this machine."
SHELL_TEMPERATURE = "(1 in mnist-tui predict)"
# Rows of a view for its heading, caption and footer, and those that cards get before messages do.
FRAME_ROWS, CARD_ROWS = 3, 18
LEAST_MESSAGES = 2


class ImagePredictionsView(View):
    """Shows a checkpoint's predictions of images, as many at a time as fit, or one alone."""

    MODE = "checkpoints"
    VIEW_HELP = IMAGES_HELP
    CSS_PATH = "image_predictions.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("enter", "alone", "Open"),
        Binding("p", "images", "Images"),
        Binding("right,pagedown", "page(1)", "Page", key_display="← →"),
        Binding("left,pageup", "page(-1)", "Page", show=False),
        Binding("g,home", "page_end(False)", "First", show=False),
        Binding("G,end", "page_end(True)", "Last", show=False),
        Binding("exclamation_mark", "messages", "Messages", key_display="!", show=False),
    ]

    def __init__(self, path: str, title: str, loaded: LoadedImages) -> None:
        super().__init__()
        self._path, self._title, self._loaded = path, title, loaded
        self.opened_path = path

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield ImageCards().data_bind(View.preferences)

    def on_mount(self) -> None:
        self._request_predictions()

    def _request_predictions(self) -> None:
        self._request = CheckpointRequest(self._path, self.mnist.app_state)
        images = tuple(image.pixels for image in self._loaded.images)
        self.mnist.send(PredictImagesWith(self._path, images, self.mnist.config.data))

    @property
    def _cards(self) -> ImageCards:
        return self.query_one(ImageCards)

    # Keys

    def action_images(self) -> None:
        """Ask for other images, which replace these."""

        def replace_images(loaded: LoadedImages | None) -> None:
            if loaded:
                self._loaded = loaded
                self._cards.pairs, self._cards.first, self._cards.is_alone = (), 0, False
                self._request_predictions()
                self.refresh_bindings()
                self.show()

        self.app.push_screen(ImagesDialog(), replace_images)

    def action_alone(self) -> None:
        """Show the first image of the page alone."""
        self._show_alone(self._cards.first)

    @on(ImageCards.Opened)
    def _card_opened(self, message: ImageCards.Opened) -> None:
        if self._cards.is_alone or len(self._loaded.images) == 1:
            from tui.screens.why.door import open_why

            open_why(self)
        else:
            self._show_alone(message.position)

    def _show_alone(self, position: int) -> None:
        self._cards.first, self._cards.is_alone = position, True
        self.refresh_bindings()
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "alone" or (not self._cards.is_alone and len(self._loaded.images) > 1)

    def action_back(self) -> None:
        """Return from one image to its page, and from there to the checkpoint."""
        cards = self._cards
        if not cards.is_alone:
            self.app.pop_screen()
            return
        cards.is_alone = False
        self.refresh_bindings()
        cards.first -= cards.first % max(1, cards.capacity)
        self.show()

    def action_page(self, pages: int) -> None:
        self._show_from(max(0, self._cards.first + pages * max(1, self._cards.capacity)))

    def action_page_end(self, last: bool) -> None:
        """Show the first or the last page."""
        capacity, count = max(1, self._cards.capacity), len(self._loaded.images)
        self._show_from((count - 1) // capacity * capacity if last else 0)

    def _show_from(self, first: int) -> None:
        if first < len(self._loaded.images):
            self._cards.first = first
            self.show()

    def action_messages(self) -> None:
        if messages := self._messages():
            self.app.push_screen(MessagesDialog("Messages", [printable(one) for one in messages]))

    # Display

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.images is not after.images or before.opened is not after.opened:
            self.show()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before != after:  # another number of cards may fit
            self.show()

    def show(self) -> None:
        cards, waiting = self._cards, ""
        if predicted := self._predicted():
            if not cards.pairs:
                cards.pairs = predicted
        else:
            error = self._request.error(self.app_state)
            waiting = f"✗ {printable(error)}" if error else "Predicting…"
        self._show_caption(waiting)
        # The caption may leave another height to the cards, which changes how many fit.
        self.call_after_refresh(self.attempt, "caption", partial(self._show_caption, waiting))

    def _show_caption(self, waiting: str) -> None:
        set_text(self, "#caption", self._caption(waiting))

    def _predicted(self) -> tuple[tuple[ImageDigit, Digit], ...]:
        """Return the images with their predictions; empty until those of these images are there."""
        images, found = self._loaded.images, self._request.images(self.app_state)
        if not found or [each.pixels for each in found.digits] != [each.pixels for each in images]:
            return ()
        return tuple(
            (image, replace(digit, label=image.find_label(digit.class_names)))
            for image, digit in zip(images, found.digits, strict=True)
        )

    def _caption(self, waiting: str) -> Content:
        cards, count = self._cards, len(self._loaded.images)
        last = min(count, cards.first + cards.capacity)
        shown = f"{last:,}" if cards.first + 1 == last else f"{cards.first + 1:,}–{last:,}"
        text = waiting or f"{shown} of {count:,}"
        where = between(key("←", "", "page(-1)"), Content(text), key("→", "", "page(1)"))
        heat = between(
            key("T", "", "app.set('temperature', -1)"),
            Content(f"bars at temperature {self.preferences.temperature:g}"),
            key("t", "", "app.set('temperature')"),
        )
        if self.preferences.temperature != 1:
            heat += Content(f" {SHELL_TEMPERATURE}")
        room = self.size.width - 6 - where.cell_length - heat.cell_length
        title = Content(f" {truncate(self._title, max(12, room))}")
        return Content("\n").join([line(title, where, heat), *self._message_lines()])

    def _message_lines(self) -> list[Content]:
        """Return the messages as lines, as many as leave enough rows for the cards."""
        free = self.size.height - FRAME_ROWS
        rows = max(LEAST_MESSAGES, min(free // 4, free - CARD_ROWS))
        if self._cards.is_alone:
            rows = 1
        width, messages, lines = max(20, self.size.width - 2), self._messages(), list[Content]()
        for place, message in enumerate(messages):
            wrapped = wrap(printable(message), width, break_on_hyphens=False)
            is_last = place == len(messages) - 1
            if len(lines) + len(wrapped) > rows - (not is_last):
                text = plural(len(messages) - place, "more message" if place else "message")
                return [*lines, Content(" ") + key("!", text, "messages")]
            lines += [Content(f" {each}") for each in wrapped]
        return lines

    def _messages(self) -> list[str]:
        loaded, pairs = self._loaded, self._cards.pairs
        is_unmarked = bool(pairs) and all(digit.is_unlike is None for _, digit in pairs)
        return [
            *([f"Only the first {MAX_IMAGES} images are shown."] if loaded.has_more else []),
            *(f"✗ {each}" for each in loaded.errors),
            *loaded.left_out,
            *([NO_SIGN] if is_unmarked else []),
        ]
