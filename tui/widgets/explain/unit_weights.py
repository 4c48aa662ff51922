"""What one unit weighs: its kernel or its weights, as a picture with their scale."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import var

from core.responses.layers import WeightImages
from tui.text.formats import truncate
from tui.widgets.canvas import Canvas
from tui.widgets.layers.picture_grid import UnitPictures
from tui.widgets.layers.value_pictures import fit_grid


class UnitWeights(UnitPictures):
    """The weights of the selected unit, as large as they fit."""

    DEFAULT_CSS = "UnitWeights { height: 1fr; }"

    images: var[WeightImages | None] = var(None, init=False)
    placeholder: var[str] = var("", init=False)

    watch_images = watch_placeholder = Canvas.redraw

    def draw(self) -> None:
        images, quiet = self.images, self.parts["quiet"]
        is_known = images and images.first <= self.unit < images.first + len(images.images)
        if images is None or not is_known:
            self.paint([[Segment(truncate(self.placeholder, self.size.width), quiet)]])
            return
        # There is no number below the image, for which fit_grid leaves a line.
        laid = fit_grid(1, (images.width, images.height), self.size)
        lines = self._image(images, self.unit, laid.scale)
        self.paint([self._heading("weights", images.largest), *lines])
