"""An opened checkpoint: its predictions of test digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content

from core.responses import Digit
from tui.screens.captions import key, line
from tui.screens.digits import DIGITS_HELP, DigitsView
from tui.state.app_state import OpenedCheckpoint
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.screens.checkpoints.image_predictions import LoadedImages

CHECKPOINT_HELP = {
    "evaluate": "e evaluates the checkpoint on its whole test set, and shows accuracy, loss and "
    "the confusion matrix.",
    "your own images": "p reads an image file or a folder of images and shows a prediction for "
    "each. Images may have any size, dark on light or light on dark: they are cropped, scaled and "
    "centered as the images of MNIST were.",
}


class CheckpointView(DigitsView):
    """Shows predictions of the network in a checkpoint."""

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
    # The others need predictions of all digits, which are known for the running run only.
    OFFERED = ("index", "random")

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self.path, self._title = path, printable(title)

    @property
    def opened_path(self) -> str | None:
        return self.path

    @property
    def _opened(self) -> OpenedCheckpoint | None:
        opened = self.app_state.opened
        return opened if opened and opened.path == self.path else None

    def digits(self) -> tuple[Digit, ...]:
        return self._opened.digits if self._opened else ()

    def samples(self) -> int:
        return self._opened.samples if self._opened else 0

    def why_empty(self) -> str | None:
        return None

    def action_evaluate(self) -> None:
        from tui.screens.checkpoints.evaluation import EvaluationView

        self.app.push_screen(EvaluationView(self.path, self._title))

    def action_images(self) -> None:
        from tui.screens.checkpoints.image_predictions import ImagePredictionsView, ImagesDialog

        def show(loaded: LoadedImages | None) -> None:
            if loaded:
                self.app.push_screen(ImagePredictionsView(self.path, self._title, loaded))

        self.app.push_screen(ImagesDialog(), show)

    def show_caption(self) -> None:
        if self._opened and self._opened.error:
            self.set_caption(Content(f" ✗ {printable(self._opened.error)}"))
        else:
            super().show_caption()

    def top_line(self) -> Content:
        return line(
            super().top_line(), key("e", "evaluate", "evaluate"), key("p", "images", "images")
        )

    def last_line(self) -> Content:
        waiting = "" if self._opened else ": opening…"
        return line(Content(f"{self._title}{waiting}"), self.page_part())
