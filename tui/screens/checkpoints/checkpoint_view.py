"""A checkpoint that is looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content

from core.events import Digit
from tui.screens.captions import key, line
from tui.screens.digits import DIGITS_HELP, DigitsView
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.screens.checkpoints.image_predictions import Answer

CHECKPOINT_HELP = {
    "evaluating": "e has the network in this file say what all of its test digits are, and shows "
    "how many it gets right, its loss, and what it takes for what.",
    "your own digits": "p asks for an image file, or a folder of them, and shows what the network "
    "makes of each. They may be of any size, dark on light or light on dark: they are cropped, "
    "scaled and centred as MNIST's were.",
}


class CheckpointView(DigitsView):
    """What the network in a checkpoint makes of test digits."""

    MODE = "checkpoints"
    CSS_PATH = "../digits.tcss"
    VIEW_HELP = CHECKPOINT_HELP | DIGITS_HELP
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("e", "evaluate", "Evaluate"),
        Binding("p", "images", "Predict images"),
    ]
    HAS_EPOCHS = False
    SEEN = ()
    # What the network makes of all digits is known of the run that is going on only.
    OFFERED = ("index", "random")

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self.path, self._title = path, printable(title)

    @property
    def opened_path(self) -> str | None:
        return self.path

    def digits(self) -> tuple[Digit, ...]:
        opened = self.app_state.opened
        return opened.digits if opened and opened.path == self.path else ()

    def samples(self) -> int:
        opened = self.app_state.opened
        return opened.samples if opened and opened.path == self.path else 0

    def why_empty(self) -> str | None:
        return None

    def action_evaluate(self) -> None:
        from tui.screens.checkpoints.evaluation import EvaluationView

        self.app.push_screen(EvaluationView(self.path, self._title))

    def action_images(self) -> None:
        from tui.screens.checkpoints.image_predictions import ImagePredictionsView, ImagesDialog

        def show(answer: Answer | None) -> None:
            if answer:
                self.app.push_screen(ImagePredictionsView(self.path, self._title, answer))

        self.app.push_screen(ImagesDialog(), show)

    def show_caption(self) -> None:
        opened = self.app_state.opened
        if opened and opened.path == self.path and opened.error:
            self.set_caption(Content(f" ✗ {printable(opened.error)}"))
        else:
            super().show_caption()

    def top_line(self) -> Content:
        return line(
            super().top_line(), key("e", "evaluate", "evaluate"), key("p", "images", "images")
        )

    def last_line(self) -> Content:
        opened = self.app_state.opened
        waiting = "" if opened and opened.path == self.path else ": opening …"
        return line(Content(f"{self._title}{waiting}"), self.page_part())
