"""Make the SVG pictures of Textual smaller: a third of the bytes, and sharper digits.

Rich writes a rectangle for each stretch of background, a clip path for each line, and web fonts.
Here the backgrounds of a colour are one path, and so are the half blocks that grey digits are
drawn with, which then have no seams, whatever the font.
"""

import html
import re
from collections import defaultdict
from typing import NamedTuple

WIDTH, HEIGHT = 12.2, 24.4  # of a cell, in Rich's SVG
BASELINE = 20  # of the first line of text

STYLE = re.compile(r"\.terminal-\d+-(r\d+) \{ fill: (#\w+);?([^}]*)\}")
RECTANGLE = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*/>')
TEXT = re.compile(
    r'<text class="terminal-\d+-(r\d+)" x="([\d.]+)" y="([\d.]+)" textLength[^>]*>([^<]*)</text>'
)
FONT = "font:20px 'Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace"


class Box(NamedTuple):
    """A stretch of cells in a row."""

    column: int
    row: int
    width: int


def compact(svg: str) -> str:
    """Return the same picture in fewer bytes."""
    styles = {name: (fill, rest.strip(" ;")) for name, fill, rest in STYLE.findall(svg)}
    head = svg[: svg.index("</style>")]
    size = re.search(r'viewBox="[^"]*"', head)
    frame = re.search(r'<rect fill="#\w+" stroke=.*?</g>', svg, re.DOTALL)
    moved = re.search(r'<g transform="(translate\([\d., ]+\))" clip-path', svg)
    assert size
    assert frame
    assert moved
    window = re.sub(r'class="terminal-\d+-title"', 'class="title"', frame[0])
    body = svg[frame.end() :]
    boxes: dict[str, list[Box]] = defaultdict(list)
    for fill, x, y, width in RECTANGLE.findall(body):
        boxes[fill].append(Box(_column(x), round((float(y) - 1.5) / HEIGHT), _column(width)))
    blocks: dict[str, list[Box]] = defaultdict(list)
    texts, used = [], set[str]()
    for name, x, y, escaped in TEXT.findall(body):
        text = escaped.replace("&#160;", " ").replace("\n", "")
        if text and not text.strip("▀"):
            fill, row = styles[name][0], round((float(y) - BASELINE) / HEIGHT)
            blocks[fill].append(Box(_column(x), row, len(text)))
        elif text.strip(" "):
            texts.append(_text(name, _column(x), y, text))
            used.add(name)
    rules = [f".{name}{{fill:{styles[name][0]};{styles[name][1]}}}" for name in sorted(used)]
    drawn = [_path(fill, each, "1") for fill, each in boxes.items()]
    drawn += [_path(fill, each, ".5") for fill, each in blocks.items()]
    cells = f"translate(0 1.5) scale({WIDTH} {HEIGHT})"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size[0]}>',
            f"<style>text{{{FONT};white-space:pre}}.title{{font-size:18px;font-weight:bold;"
            f"font-family:arial}}{''.join(rules)}</style>",
            window,
            f'<g transform="{moved[1]}">',
            f'<g transform="{cells}" shape-rendering="crispEdges">',
            *drawn,
            "</g>",
            *texts,
            "</g>",
            "</svg>\n",
        ]
    )


def _column(x: str) -> int:
    return round(float(x) / WIDTH)


def _path(fill: str, boxes: list[Box], height: str) -> str:
    """Return a path of all boxes, with those that touch in a row joined."""
    joined: list[Box] = []
    for box in boxes:
        before = joined[-1] if joined else None
        if before and before.row == box.row and before.column + before.width == box.column:
            joined[-1] = before._replace(width=before.width + box.width)
        else:
            joined.append(box)
    lines = (f"M{each.column} {each.row}h{each.width}v{height}h-{each.width}z" for each in joined)
    return f'<path fill="{fill}" d="{"".join(lines)}"/>'


def _text(name: str, column: int, y: str, text: str) -> str:
    """Return a text without the spaces around it, which are background.

    Its length keeps the columns where a font has cells of another width.
    """
    column += len(text) - len(text.lstrip(" "))
    text = text.strip(" ")
    length = len(html.unescape(text)) * WIDTH
    where = f'x="{column * WIDTH:g}" y="{y}" textLength="{length:g}"'
    shown = text.replace(" ", "\u00a0")
    return f'<text class="{name}" {where}>{shown}</text>'
