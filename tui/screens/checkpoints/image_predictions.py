"""A person's own digits: the dialog that asks where they are, and what a network makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static
from textual.worker import get_current_worker

from core.commands import PredictImagesWith
from core.errors import UserError
from core.events import ImagesPredicted
from core.files import expand
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import between, key, line
from tui.state.app_state import AppState, OpenedCheckpoint
from tui.text.formats import printable
from tui.widgets.image_cards import ImageCards

if TYPE_CHECKING:
    from core.data.images import ImageFile

MOST = 200  # images that are read for one look
ASKING = "An image file, or a folder of them. ~ is your home folder."
IMAGES_HELP = {
    "original": "on the left of each, as light and dark as it is.",
    "as the network sees it": "beside it: cropped to the ink, scaled so that its longer side is "
    "20 pixels, and put into 28×28 with its centre of mass in the middle, as MNIST was made.",
    "right and wrong": "what a digit is, is known where its folder is named 0 to 9.",
}


@dataclass(frozen=True)
class Answer:
    """What was read, what could not be, each in a line, and whether there is more than that."""

    pictures: tuple[ImageFile, ...]
    faults: tuple[str, ...] = ()
    more: bool = False


def read_all(path: str) -> Answer:
    """The images there, at most MOST."""
    from core.data.images import find_images, read_image

    pictures: list[ImageFile] = []
    faults: list[str] = []
    try:
        for place, found in enumerate(find_images([expand(path)])):
            if place == MOST or get_current_worker().is_cancelled:
                return Answer(tuple(pictures), tuple(faults), more=True)
            try:
                pictures.append(read_image(found))
            except UserError as error:
                faults.append(str(error))
    except UserError as error:  # of the folder
        faults.append(str(error))
    return Answer(tuple(pictures), tuple(faults))


class ImagesDialog(ModalScreen[Answer | None]):
    """Gives what is at the path that a person types; None where they go back."""

    CSS_PATH = "image_predictions.tcss"
    AUTO_FOCUS = "#path"
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]

    @dataclass
    class Read(Message):
        answer: Answer

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Predict images"
            dialog.border_subtitle = "enter predicts · esc back"
            with Horizontal(id="field"):
                yield Label("Path")
                yield Input(compact=True, id="path")
            yield Static(Content(ASKING), id="said")
            with Horizontal(id="buttons"):
                yield Button(
                    "Predict", id="go", variant="success", compact=True, action="screen.go"
                )
                yield Button("Back", id="back", compact=True, action="screen.dismiss(None)")

    def say(self, text: str, *, wrong: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(printable(text)))
        said.set_class(wrong, "wrong")

    @on(Input.Changed)
    def _typing(self) -> None:
        self.say(ASKING)

    @on(Input.Submitted)
    def action_go(self) -> None:
        path = self.query_one(Input).value.strip()
        if path:
            self.say("reading …")
            self.read(path)
        else:
            self.query_one(Input).focus()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def read(self, path: str) -> None:
        try:
            answer = read_all(path)
        except Exception as error:  # whatever it is, the app lives on
            answer = Answer((), (f"{path}: {error}",))
        if not get_current_worker().is_cancelled:
            self.post_message(self.Read(answer))

    def on_images_dialog_read(self, message: Read) -> None:
        answer = message.answer
        if answer.pictures:
            self.dismiss(answer)
        else:
            count = len(answer.faults)
            rest = f" (and {count - 1:,} more)" if count > 1 else ""
            self.say(f"✗ {answer.faults[0]}{rest}", wrong=True)


class ImagePredictionsView(View):
    """What the network in a checkpoint makes of images, as many at a time as there is room for."""

    MODE = "checkpoints"
    VIEW_HELP = IMAGES_HELP
    CSS_PATH = "image_predictions.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("right,pagedown", "page(1)", "Page", key_display="← →"),
        Binding("left,pageup", "page(-1)", "Page", show=False),
    ]

    def __init__(self, path: str, title: str, answer: Answer) -> None:
        super().__init__()
        self._path, self._title, self._answer = path, title, answer
        self._first = 0
        self._before: tuple[ImagesPredicted | None, OpenedCheckpoint | None] = (None, None)

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield ImageCards().data_bind(View.preferences)

    def on_mount(self) -> None:
        state = self.mnist.app_state
        self._before = state.images, state.opened
        super().on_mount()
        images = tuple(picture.pixels for picture in self._answer.pictures)
        self.mnist.send(PredictImagesWith(self._path, images))
        self.attempt("show", self.show)

    def on_resize(self) -> None:
        self.call_after_refresh(self.attempt, "show", self.show)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.images is not after.images or before.opened is not after.opened:
            self.show()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.temperature != after.temperature:
            self.show()

    def show(self) -> None:
        state, pictures = self.app_state, self._answer.pictures
        images_before, opened_before = self._before
        answer, opened = state.images, state.opened
        field = self.query_one(ImageCards)
        last = min(len(pictures), self._first + field.capacity)
        waiting = ": the network is being asked …"
        if answer and answer is not images_before and answer.source == self._path:
            waiting = ""
            field.shown = tuple(
                (pictures[digit.index], replace(digit, label=pictures[digit.index].label))
                for digit in answer.digits[self._first : last]
            )
        elif opened and opened is not opened_before and opened.path == self._path and opened.error:
            waiting = f": ✗ {printable(opened.error)}"
        text = f"{self._first + 1:,}–{last:,} of {len(pictures):,}"
        where = between(key("←", "", "page(-1)"), Content(text), key("→", "", "page(1)"))
        heat = Content(f"temperature {self.preferences.temperature:g}")
        lines = [line(Content(f" {self._title}{waiting}"), where, heat), *self._left_out()]
        self.query_one("#caption", Static).update(Content("\n").join(lines))

    def _left_out(self) -> list[Content]:
        answer = self._answer
        said = [f"only the first {MOST} are shown"] if answer.more else []
        if count := len(answer.faults):
            rest = f" (and {count - 1:,} more)" if count > 1 else ""
            said.append(f"✗ {answer.faults[0]}{rest}")
        return [Content(f" {printable(each)}") for each in said]

    def action_page(self, pages: int) -> None:
        first = max(0, self._first + pages * max(1, self.query_one(ImageCards).capacity))
        if first < len(self._answer.pictures):
            self._first = first
            self.show()
