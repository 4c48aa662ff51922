"""The private parts of Textual that the app uses, each with what is done where it is missing.

Checked against Textual 8.0.0 and 8.2.8. No other file of the program names a private part of
Textual or Rich; `PARTS` lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.control import Control
from textual.geometry import Region

if TYPE_CHECKING:
    from rich.console import Console
    from textual.app import App
    from textual.content import Content
    from textual.css.stylesheet import Stylesheet
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.widget import Widget

# App._display(screen, renderable): writes a frame to the terminal.
DISPLAY = "_display"
# App._batch_count: above 0 while App.batch_update() holds frames back.
BATCH_COUNT = "_batch_count"
# Screen._compositor.render_strips(): the whole screen, a strip for each line.
COMPOSITOR = "_compositor"
# Compositor._get_renders(crop): the lines of the visible widgets: of each its region, what of that
# is visible, and its lines there. Compositor.visible_widgets are these two regions by widget.
RENDERS = "_get_renders"
# ChopsUpdate.spans, what the frame of a changed part of the screen is: (row, start, end) of cells.
# Beside it its rows' pieces by their first column, `chops`, and where each piece ends, `chop_ends`.
SPANS = "spans"
# Widget._border_title and Widget._border_subtitle: the Content in a widget's border.
BORDER_TITLE, BORDER_SUBTITLE = "_border_title", "_border_subtitle"
# App._disable_tooltips: whether screens show none.
NO_TOOLTIPS = "_disable_tooltips"
# Stylesheet._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE: `apply` uses no cache for rules with one of these.
UNCACHED = "_EXCLUDE_PSEUDO_CLASSES_FROM_CACHE"
FRAME_PARTS = DISPLAY, BATCH_COUNT, COMPOSITOR, RENDERS, SPANS
PARTS = *FRAME_PARTS, BORDER_TITLE, BORDER_SUBTITLE, NO_TOOLTIPS, UNCACHED

# Called with the screen that has changed, and with what writes the change Textual's own way.
FrameHandler = Callable[["Screen[Any]", Callable[[], None]], None]


def _part(owner: object, name: str) -> Any:
    """Return a private part, None where this version of Textual has none of that name."""
    return getattr(owner, name, None)


def disable_tooltips(app: App[Any]) -> None:
    """Let screens have no tooltips: Textual sets a timer for one at each move of the mouse."""
    if _part(app, NO_TOOLTIPS) is not None:
        setattr(app, NO_TOOLTIPS, True)


def cache_focus_within(sheet: Stylesheet) -> None:
    """Let a stylesheet use its cache also for rules that ask for the focus within."""
    if (uncached := _part(sheet, UNCACHED)) is not None:
        setattr(sheet, UNCACHED, uncached - {"focus-within"})


def intercept_frames(app: App[Any], handle: FrameHandler) -> None:
    """Call `handle(screen, write)` for each frame, in place of writing it to the terminal.

    Where that is not possible, Textual writes every frame as it always does.
    """
    display = _part(app, DISPLAY)

    def intercepted(screen: Screen[Any], renderable: Any) -> None:
        _render_changed_lines(screen)
        idle = renderable is None or app.is_headless or not app.is_running
        if idle or _part(app, BATCH_COUNT):
            display(screen, renderable)
        else:
            _send_changed_cells(renderable)
            handle(screen, lambda: display(screen, renderable))

    if display is not None:
        setattr(app, DISPLAY, intercepted)


def _render_changed_lines(screen: Screen[Any]) -> None:
    """Let the frame of a changed part of the screen render no other lines.

    Textual renders all lines of all widgets for it: a millisecond for each step of a pen.
    """
    compositor = _part(screen, COMPOSITOR)
    renders = _part(compositor, RENDERS)
    if renders is not None and not isinstance(renders, partial):
        setattr(compositor, RENDERS, partial(_renders_in, compositor))


def _renders_in(
    compositor: Any, crop: Region | None = None
) -> Iterator[tuple[Region, Region, list[Strip]]]:
    for widget, (region, clip) in compositor.visible_widgets.items():
        # The widgets come from the front to the back.
        is_covered = crop is not None and region.intersection(clip).contains_region(crop)
        if crop is not None:
            if not crop.overlaps(region):
                continue
            clip = clip.intersection(Region(clip.x, crop.y, clip.width, crop.height))
        x, y, width, height = region.intersection(clip)
        if width and height:
            part = Region(x - region.x, y - region.y, width, height)
            yield region, clip, widget.render_lines(part)
        if is_covered:
            return  # what is behind it is not seen


def _send_changed_cells(update: Any) -> None:
    """Let a frame of a changed part of the screen send no other cells.

    Textual sends each line from the left edge of its widget on, for each of its changed pieces: an
    image again for the bar beside it.
    """
    if _part(update, SPANS) is not None:
        update.render_segments = partial(_render_spans, update)


def _render_spans(update: Any, console: Console) -> str:
    written = []
    for row, start, end in update.spans:
        for stop, (left, strip) in zip(
            update.chop_ends[row], update.chops[row].items(), strict=False
        ):
            first, last = max(left, start), min(stop, end)
            if strip is not None and first < last:
                written.append(Control.move_to(first, row).segment.text)
                written.append(strip.crop(first - left, last - left).render(console))
    return "".join(written)


def screen_strips(screen: Screen[Any]) -> list[Strip] | None:
    """Return all lines of a screen as they are to be shown, None where they cannot be had."""
    render = _part(_part(screen, COMPOSITOR), "render_strips")
    return None if render is None else render()


def set_border_titles(widget: Widget, title: Content, subtitle: Content) -> None:
    """Set the titles in a widget's border, and draw only these again.

    Textual draws the whole widget again for it, which for a chart would be ten times a second.
    """
    from textual.content import Content

    width, height = widget.outer_size
    left, top = widget.content_offset
    rows = {BORDER_TITLE: (title, -top), BORDER_SUBTITLE: (subtitle, height - 1 - top)}
    for name, (text, y) in rows.items():
        before = _part(widget, name) or Content("")
        if not hasattr(widget, name):
            setattr(widget, name.removeprefix("_"), text)
        elif not before.is_same(text):
            setattr(widget, name, text)
            widget.refresh(Region(-left, y, width, 1))
