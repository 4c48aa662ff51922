"""An opened checkpoint: its predictions of test digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content

from core.digit import Digit
from tui.screens.captions import key, line, set_text
from tui.screens.digits import DigitsView
from tui.state.app_state import OpenedCheckpoint
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.screens.images_dialog import LoadedImages

CHECKPOINT_HELP = {
    "evaluate": "e evaluates the checkpoint on its whole test set, and shows accuracy, loss and "
    "the confusion matrix.",
    "weights": "W shows the layers of the network in the checkpoint: their weights, and their "
    "outputs for a test image.",
    "your own images": "p reads an image file or a folder of images and shows a prediction for "
    "each digit in them, dark on light or light on dark. Digits are cropped, scaled and "
    "centered as the images of MNIST were.",
}


class CheckpointView(DigitsView):
    """Shows predictions of the network in a checkpoint."""

    MODE = "checkpoints"
    CSS_PATH = "../digits.tcss"
    VIEW_HELP = CHECKPOINT_HELP | DigitsView.VIEW_HELP
    BINDINGS = [
        Binding("escape", "step('frame', -1)", "Back"),
        Binding("e", "open('evaluation')", "Evaluate"),
        Binding("p", "open('images')", "Images"),
        Binding("W", "open('weights')", "Weights"),
    ]
    HAS_EPOCHS = False
    SEEN = ()
    # The others need predictions of all digits, which are known for the running run only.
    OFFERED = ("index", "random")

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self.path = self.opened_path = path
        self._title = printable(title)

    @property
    def _opened(self) -> OpenedCheckpoint | None:
        opened = self.app_state.opened
        return opened if opened and opened.path == self.opened_path else None

    def _digits(self) -> tuple[Digit, ...]:
        return self._opened.digits if self._opened else ()

    def _samples(self) -> int:
        return self._opened.samples if self._opened else 0

    def _why_empty(self) -> str | None:
        return None

    def action_open(self, what: str) -> None:
        """Open the evaluation, a person's images or the weights."""
        getattr(self, f"_open_{what}")()

    def _open_weights(self) -> None:
        from tui.screens.network import NetworkView

        self.app.push_screen(NetworkView(self.path, self._title))

    def _open_evaluation(self) -> None:
        from tui.screens.checkpoints.evaluation import EvaluationView

        self.app.push_screen(EvaluationView(self.path, self._title))

    def _open_images(self) -> None:
        from tui.screens.checkpoints.image_predictions import ImagePredictionsView
        from tui.screens.images_dialog import ImagesDialog

        def show(loaded: LoadedImages | None) -> None:
            if loaded:
                self.app.push_screen(ImagePredictionsView(self.path, self._title, loaded))

        self.app.push_screen(ImagesDialog(), show)

    def _show_caption(self) -> None:
        if self._opened and self._opened.error:
            set_text(self, "#caption", f" ✗ {printable(self._opened.error)}")
        else:
            super()._show_caption()

    def _top_line(self) -> Content:
        waiting = "" if self._opened else ": opening…"
        return Content.styled(f"{self._title}{waiting}", "bold")

    def _last_line(self) -> Content:
        return line(
            super()._top_line(),
            key("e", "evaluate", "open('evaluation')"),
            key("p", "images", "open('images')"),
            key("W", "weights", "open('weights')"),
        )
