"""What the signs of the map mean, and the image under its cursor, in words."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from core.class_names import name_of
from core.responses.explanations import MapExplained
from tui.screens.captions import key, line
from tui.text.formats import cell_width, class_label, printable
from tui.widgets.explain.map_grid import MapPoint, find_spot
from tui.widgets.explain.map_plane import ASKED, MISTAKE, OWN, MapPlane

LONGEST_NAME = 14


def legend(plane: MapPlane, answer: MapExplained | None, width: int) -> Content:
    """Return the signs, which images are shown, and how much of the variance the axes have."""
    if answer is None:
        return Content("")
    parts = [Content(f"{ASKED} this image")]
    if len(answer.own_xs) > 1:
        parts.append(Content(f"{OWN} your drawings"))
    if plane.marks_mistakes:
        parts.insert(0, Content(f"{MISTAKE} predicted wrongly"))
    elif not plane.only_mistakes:
        parts.insert(0, Content("most predictions are wrong: unmarked"))
    missing = len(answer.xs) + len(answer.own_xs) - len(plane.points)
    if missing:
        parts.append(Content.styled(f"{missing:,} without a place (NaN)", "$wrong"))
    shares = f"{variance(answer)} of {printable(answer.layer)}"
    which = key("H", f"shown: {shown_images(plane)}", "focused.step_filter")
    lines = [line(*parts), line(which, *class_list(plane, answer, width, which.cell_length))]
    if lines[0].cell_length + len(shares) + 2 <= width and answer.shares:
        lines[0] = line(lines[0], Content.styled(shares, "$quiet"))
    return Content("\n").join(lines)


def variance(answer: MapExplained) -> str:
    if len(answer.shares) < 2:
        return ""
    across, up = answer.shares[:2]
    return f"PCA axes: → {across:.0%}, ↑ {up:.0%} of the variance"


def shown_images(plane: MapPlane) -> str:
    """Return which test images are shown."""
    if plane.only_mistakes:
        return "mistakes"
    if plane.only_class is not None:
        return _label(plane, plane.only_class)
    return "all images"


def class_list(plane: MapPlane, answer: MapExplained, width: int, used: int) -> list[Content]:
    """Return the signs of the classes in their colours, with their names where these differ."""
    styles, parts = plane.class_styles(), list[Content]()
    for number in range(len(answer.class_names)):
        name, sign = _label(plane, number), plane.signs[number]
        text = sign if name == sign else f"{sign} {name}"
        used += cell_width(text) + 2
        if used > width - 2:
            return [*parts, Content("…")]
        style = Style.from_rich_style(styles[number % len(styles)])
        parts.append(Content.styled(text, style))
    return parts


def about_point(
    plane: MapPlane, point: MapPoint | None, answer: MapExplained | None, label: str | None
) -> Content:
    """Return the class and the prediction of the image under the cursor; `label` is that of a
    kept drawing."""
    if answer is None:
        return Content("")
    if point is None:
        text = f"Arrow keys or a click select an image.\n\n{variance(answer)}"
        return Content.styled(text, "$quiet")
    predicted = _label(plane, point.predicted)
    if point.is_own:
        what = "this image" if label is None else f"your {class_label(label, LONGEST_NAME)}"
        return Content(f"{what}\npredicted {predicted}")
    lines = [Content(f"image #{answer.indices[point.place]}")]
    sign, style = ("✗", "$wrong") if point.is_mistake else ("✓", "$right")
    lines.append(Content.styled(f"{sign} predicted {predicted}", style))
    if point.is_mistake and point.label is not None:
        lines.append(Content(f"is {_label(plane, point.label)}"))
    cells = plane.cells()
    spot = find_spot(cells, point.place)
    here = [each.place for each in cells[spot]] if spot else []
    if len(here) > 1:
        where = f"{here.index(point.place) + 1} of {len(here)} here"
        lines.append(key("J", where, "focused.step_in_cell"))
    lines.append(key("enter", "explains it", "screen.open"))
    return Content("\n").join(lines)


def _label(plane: MapPlane, number: int) -> str:
    names = plane.answer.class_names if plane.answer else ()
    return class_label(name_of(names, number), LONGEST_NAME)
