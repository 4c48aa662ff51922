"""Pictures that hold more than the digit, or several digits.

Each function takes a random generator, a digit of MNIST (28, 28) and its label; those in SEVERAL
take lists of digits and of labels. The kinds in DEVELOPED were looked at while the search for
digits was written, those in MEASURED only measured.
"""

from __future__ import annotations

import numpy
from painting import (
    Array,
    Picture,
    Random,
    draw,
    drawn,
    light,
    lines,
    mask,
    pen,
    photograph,
    place,
    place_digit,
    scale_strokes,
    shade,
    sheet,
    spot,
    thin,
    turn,
    white_page,
    wood,
    write,
)
from PIL import Image, ImageDraw, ImageFilter

SIZE = (900, 700)


def _strokes(digit: Array, side: int = 300, centre=(0.5, 0.5)) -> Array:
    return place_digit(digit, side, SIZE, centre)


def punched_page(random: Random, digit: Array, label: int) -> Picture:
    """A page of a ring binder on a desk that shows through its holes."""
    page = draw(
        white_page(random, SIZE), lines(SIZE, 62, 2, random.uniform(-1, 1)), (150, 165, 200)
    )
    for y in (90, 260, 430, 600):
        page = draw(page, mask(SIZE, "ellipse", (34, y, 74, y + 40)), (55, 45, 40))
    ink = _strokes(digit, 280, (0.55, 0.5))
    return write(random, page, ink, (label,))


def drawing_program(random: Random, digit: Array, label: int) -> Picture:
    """A window with a title, a toolbar of icons and a light canvas."""
    size = (960, 640)
    image = Image.new("RGB", size, (214, 216, 220))
    painter = ImageDraw.Draw(image)
    painter.rectangle((0, 0, 960, 34), fill=(58, 96, 160))
    painter.text((12, 10), "untitled - drawing", fill="white")
    for number, name in enumerate(("File", "Edit", "View", "Image", "Help")):
        painter.text((12 + 60 * number, 42), name, fill=(20, 20, 20))
    for number in range(12):
        x, y = 14 + 34 * (number % 2), 80 + 34 * (number // 2)
        painter.rectangle((x, y, x + 26, y + 26), outline=(120, 120, 120))
        colour = tuple(int(each) for each in random.integers(0, 200, 3))
        painter.line((x + 6, y + 20, x + 20, y + 6), fill=colour, width=3)
    painter.rectangle((100, 76, 940, 600), fill="white", outline=(90, 90, 90))
    x, y = spot(random, 0.1)
    picture = numpy.asarray(image, dtype=float)
    return drawn(draw(picture, place_digit(digit, 330, size, (x + 0.04, y)), (0, 0, 0)), (label,))


def sticky_note(random: Random, digit: Array, label: int) -> Picture:
    """A note on a wall, turned a little."""
    wall = sheet(random, SIZE, (150, 152, 158), 6.0)
    colour = ((245, 222, 110), (250, 170, 190), (170, 225, 160))[random.integers(3)]
    angle = numpy.radians(random.uniform(-10, 10) + 45)
    middle, reach = numpy.array((450 + random.uniform(-80, 80), 350)), 300
    corners = [
        tuple(middle + reach * numpy.array((numpy.cos(angle + turn_), numpy.sin(angle + turn_))))
        for turn_ in (0, numpy.pi / 2, numpy.pi, 1.5 * numpy.pi)
    ]
    picture = draw(wall, mask(SIZE, "polygon", corners), colour)
    ink = _strokes(digit, 260, tuple(middle / SIZE))
    return photograph(random, light(random, draw(picture, ink, pen(random))), (label,))


def shadow_of_hand(random: Random, digit: Array, label: int) -> Picture:
    ink = _strokes(digit, 330, spot(random))
    picture = draw(white_page(random, SIZE), ink, pen(random))
    x, y = random.uniform(300, 600), random.uniform(250, 450)
    palm = mask(SIZE, "ellipse", (x - 150, y, x + 250, y + 500), blur=8)
    for finger in range(3):
        left = x - 120 + 90 * finger
        palm = numpy.maximum(
            palm, mask(SIZE, "ellipse", (left, y - 190, left + 66, y + 160), blur=8)
        )
    return photograph(random, shade(picture, palm, random.uniform(0.35, 0.6)), (label,))


def pen_in_view(random: Random, digit: Array, label: int) -> Picture:
    """A pen lies at the right, partly outside."""
    ink = _strokes(digit, 330, (0.4, 0.5))
    picture = draw(white_page(random, SIZE), ink, pen(random))
    x, slope = random.uniform(690, 780), random.uniform(-60, 60)
    body = mask(SIZE, "line", (x, 120, x + slope, 720), 30)
    picture = shade(picture, mask(SIZE, "line", (x + 14, 124, x + slope + 14, 720), 30, 5), 0.3)
    return photograph(random, draw(picture, body, (30, 70, 150)), (label,))


def printed_cell(random: Random, digit: Array, label: int) -> Picture:
    left, top = random.uniform(180, 260), random.uniform(110, 170)
    box = mask(SIZE, "rectangle", (left, top, left + 420, top + 420), int(random.integers(3, 9)))
    ink = _strokes(digit, 320, ((left + 210) / SIZE[0], (top + 210) / SIZE[1]))
    return write(random, draw(white_page(random, SIZE), box, (40, 40, 40)), ink, (label,))


def page_edge(random: Random, digit: Array, label: int) -> Picture:
    """White paper on a light desk; its edge throws a thin shadow."""
    desk = sheet(random, SIZE, (205, 196, 184), 3.0)
    x = random.uniform(120, 200)
    corners = [(x, 60), (x + 560, 80), (x + 540, 760), (x - 20, 760)]
    rim = mask(SIZE, "polygon", [(a + 5, b - 5) for a, b in corners], blur=3)
    picture = draw(shade(desk, rim, 0.35), mask(SIZE, "polygon", corners), (244, 243, 240))
    ink = _strokes(digit, 300, ((x + 275) / SIZE[0], 0.55))
    return photograph(random, light(random, draw(picture, ink, pen(random)), 0.15), (label,))


def spiral_binding(random: Random, digit: Array, label: int) -> Picture:
    picture = white_page(random, SIZE)
    for x in range(40, 880, 52):
        picture = draw(picture, mask(SIZE, "ellipse", (x - 9, 44, x + 9, 62)), (50, 45, 45))
        picture = draw(picture, mask(SIZE, "line", (x, 0, x, 52), 7), (70, 72, 78))
    return write(random, picture, _strokes(digit, 330, (0.5, 0.58)), (label,))


def squared_tilted(random: Random, digit: Array, label: int) -> Picture:
    page, degrees = white_page(random, SIZE), random.uniform(-8, 8)
    for more in (0, 90):
        page = draw(page, lines(SIZE, 46, 2, degrees + more), (120, 140, 170))
    return write(random, page, _strokes(digit, 360), (label,))


def light_on_dark_card(random: Random, digit: Array, label: int) -> Picture:
    desk = sheet(random, SIZE, (200, 190, 176), 4.0)
    x, y = random.uniform(150, 260), random.uniform(60, 150)
    corners = [(x, y), (x + 500, y + 15), (x + 490, y + 470), (x - 10, y + 460)]
    picture = draw(desk, mask(SIZE, "polygon", corners), (42, 44, 52))
    ink = _strokes(digit, 330, ((x + 245) / SIZE[0], (y + 235) / SIZE[1]))
    return photograph(random, light(random, draw(picture, ink, (235, 235, 230))), (label,))


def coffee_ring(random: Random, digit: Array, label: int) -> Picture:
    picture, x, y = white_page(random, SIZE), random.uniform(300, 800), random.uniform(100, 600)
    ring = mask(SIZE, "ellipse", (x - 170, y - 170, x + 170, y + 170), 14, 2)
    picture = draw(picture, ring * 0.5, (150, 105, 60))
    ink = _strokes(digit, 320, spot(random))
    return write(random, picture, ink, (label,))


def taped_note(random: Random, digit: Array, label: int) -> Picture:
    """Paper fixed to a dark door by strips of tape."""
    picture = draw(
        sheet(random, SIZE, (88, 74, 66), 5.0),
        mask(SIZE, "polygon", [(170, 90), (740, 70), (760, 640), (150, 630)]),
        (240, 238, 230),
    )
    for x, y in ((170, 90), (740, 70)):
        strip = mask(
            SIZE, "polygon", [(x - 60, y + 10), (x + 50, y - 30), (x + 62, y), (x - 48, y + 40)]
        )
        picture = draw(picture, strip * 0.6, (215, 205, 160))
    ink = _strokes(digit, 320, (0.5, 0.52))
    return photograph(random, light(random, draw(picture, ink, pen(random))), (label,))


def whiteboard_glare(random: Random, digit: Array, label: int) -> Picture:
    """A reflection, and the board's dark frame and tray."""
    board = sheet(random, SIZE, (198, 204, 208), 2.0)
    picture = draw(board, _strokes(digit, 380, (0.52, 0.45)), (30, 50, 150))
    x, y = random.uniform(150, 750), random.uniform(80, 250)
    glare = mask(SIZE, "ellipse", (x - 120, y - 70, x + 120, y + 70), blur=45)
    picture = draw(picture, glare, (255, 255, 255))
    picture = draw(picture, mask(SIZE, "rectangle", (0, 640, 900, 700)), (90, 92, 96))
    picture = draw(picture, mask(SIZE, "rectangle", (0, 0, 22, 700)), (70, 72, 76))
    return photograph(random, picture, (label,))


def fingers_hold_page(random: Random, digit: Array, label: int) -> Picture:
    room = sheet(random, SIZE, (60, 62, 70), 14.0)
    corners = [(110, 60), (800, 40), (820, 720), (90, 720)]
    picture = draw(room, mask(SIZE, "polygon", corners), (236, 234, 226))
    picture = draw(picture, _strokes(digit, 330, (0.5, 0.5)), pen(random))
    for left, y in ((30, 300), (770, 340)):
        thumb = mask(SIZE, "ellipse", (left, y, left + 110, y + 70), blur=2)
        picture = draw(picture, thumb, (205, 150, 125))
    return photograph(random, light(random, picture), (label,))


def printed_text(random: Random, digit: Array, label: int) -> Picture:
    page = Image.new("L", SIZE, 0)
    painter = ImageDraw.Draw(page)
    for row in range(2):
        painter.text(
            (60, 40 + 20 * row), "Please write one figure into the field below " * 2, fill=255
        )
    print_ = numpy.asarray(page, dtype=float) / 255
    picture = draw(white_page(random, SIZE), print_, (40, 40, 40))
    return write(random, picture, _strokes(digit, 340, (0.5, 0.55)), (label,))


def circled(random: Random, digit: Array, label: int) -> Picture:
    colour, (x, y) = pen(random), (450, 350)
    ring = mask(SIZE, "ellipse", (x - 220, y - 200, x + 210, y + 215), 8)
    picture = draw(draw(white_page(random, SIZE), ring, colour), _strokes(digit, 290), colour)
    return photograph(random, picture, (label,))


def framed_blackboard(random: Random, digit: Array, label: int) -> Picture:
    wall = sheet(random, SIZE, (214, 206, 190), 4.0)
    picture = draw(wall, mask(SIZE, "rectangle", (70, 50, 850, 660)), (150, 105, 60))
    picture = draw(picture, mask(SIZE, "rectangle", (100, 80, 820, 630)), (48, 64, 56))
    chalk = _strokes(digit, 380, (0.51, 0.5)) * random.uniform(0.6, 1.0, SIZE[::-1])
    return photograph(random, light(random, draw(picture, chalk, (228, 228, 220))), (label,))


def two_desks(random: Random, digit: Array, label: int) -> Picture:
    """The page ends: half of the picture is wood."""
    picture = wood(random, SIZE)
    slope = random.uniform(-60, 60)
    corners = [(0, 0), (560 + slope, 0), (560 - slope, 700), (0, 700)]
    picture = draw(picture, mask(SIZE, "polygon", corners), (238, 236, 228))
    return write(random, picture, _strokes(digit, 300, (0.3, 0.5)), (label,))


def thin_pen_ruled(random: Random, digit: Array, label: int) -> Picture:
    page = draw(
        white_page(random, SIZE), lines(SIZE, 70, 3, random.uniform(-3, 3)), (130, 150, 190)
    )
    ink = place(thin(scale_strokes(digit, 300), 6), SIZE, spot(random))
    return photograph(random, draw(page, ink, (25, 30, 70)), (label,))


def dim_corner(random: Random, digit: Array, label: int) -> Picture:
    """A blurred photo of low contrast with a soft shadow over a corner."""
    picture = draw(white_page(random, SIZE), _strokes(digit, 380, spot(random)) * 0.5, pen(random))
    soft = mask(SIZE, "ellipse", (450, 300, 1300, 1200), blur=30)
    made = photograph(random, shade(picture, soft, 0.5), (label,), 2.0)
    return Picture(made.image.filter(ImageFilter.GaussianBlur(4)), (label,), ".jpg")


def _row(random: Random, digits, size, side: int, y: float, gap: float = 0.8) -> Array:
    """Return digits side by side, each about as far from the next as in writing."""
    across = side * gap
    start = size[0] / 2 - across * (len(digits) - 1) / 2
    ink = numpy.zeros(size[::-1])
    for number, digit in enumerate(digits):
        x = (start + across * number + random.uniform(-6, 6)) / size[0]
        strokes = turn(scale_strokes(digit, side), random.uniform(-4, 4))
        ink = numpy.maximum(ink, place(strokes, size, (x, y + random.uniform(-0.02, 0.02))))
    return ink


def two_digits(random: Random, digits, labels) -> Picture:
    ink = _row(random, digits[:2], SIZE, 320, 0.5, 0.85)
    return write(random, white_page(random, SIZE), ink, tuple(labels[:2]))


def year(random: Random, digits, labels) -> Picture:
    ink = _row(random, digits[:4], SIZE, 240, 0.5, 0.85)
    return write(random, white_page(random, SIZE), ink, tuple(labels[:4]))


def two_rows(random: Random, digits, labels) -> Picture:
    ink = _row(random, digits[:3], SIZE, 220, 0.28, 0.9)
    ink = numpy.maximum(ink, _row(random, digits[3:5], SIZE, 220, 0.72, 0.9))
    return write(random, white_page(random, SIZE), ink, tuple(labels[:5]))


def year_on_canvas(random: Random, digits, labels) -> Picture:
    ink = _row(random, digits[:4], (640, 200), 170, 0.5, 0.85)
    return drawn(draw(numpy.full((200, 640, 3), 255.0), ink, (0, 0, 0)), tuple(labels[:4]))


DEVELOPED = (
    *(punched_page, drawing_program, sticky_note, shadow_of_hand, pen_in_view, printed_cell),
    *(page_edge, spiral_binding, squared_tilted, light_on_dark_card),
)
MEASURED = (
    *(coffee_ring, taped_note, whiteboard_glare, fingers_hold_page, printed_text, circled),
    *(framed_blackboard, two_desks, thin_pen_ruled, dim_corner),
)
SEVERAL = (two_digits, year, two_rows, year_on_canvas)
