"""The themes of the app, and colours that are readable in each of them.

Colours with a meaning come from Okabe and Ito's palette, which people with all kinds of colour
vision can distinguish: https://jfly.uni-koeln.de/color/. Signs and words carry the meaning too.
"""

from collections.abc import Mapping
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import NoColor
from textual.theme import Theme

THEMES = (
    *("textual-dark", "textual-light", "nord", "gruvbox", "dracula", "tokyo-night", "monokai"),
    *("catppuccin-mocha", "catppuccin-latte", "rose-pine-dawn"),
    *("ansi-dark", "ansi-light"),  # the terminal's own colours
)
# For terminals without other colours; the second is the name in older versions of Textual.
OWN_COLOURS = ("ansi-dark", "textual-ansi")

# https://www.w3.org/TR/WCAG22/#contrast-minimum, for text and for shapes.
TEXT_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0

SKY_BLUE, BLUE, ORANGE, VERMILION = "#56B4E9", "#0072B2", "#E69F00", "#D55E00"
GREEN, YELLOW, PURPLE = "#009E73", "#F0E442", "#CC79A7"

DARK = {
    "series-train": SKY_BLUE,
    "series-test": ORANGE,
    "series-a": PURPLE,
    "series-b": GREEN,
    "series-c": YELLOW,
    "series-d": VERMILION,
    "right": GREEN,
    "wrong": VERMILION,
}
LIGHT = DARK | {"series-train": BLUE, "series-c": SKY_BLUE, "series-d": "#000000"}
ANSI_DARK = {
    "series-train": "ansi_bright_cyan",
    "series-raw": "ansi_cyan",
    "series-test": "ansi_bright_yellow",
    "series-a": "ansi_bright_magenta",
    "series-b": "ansi_bright_green",
    "series-c": "ansi_yellow",
    "series-d": "ansi_bright_red",
    "right": "ansi_bright_green",
    "wrong": "ansi_bright_red",
    "focus": "ansi_bright_blue",
    # A selection is black on white here: ColourlessFilter reverses what has a white background.
    "selection": "ansi_white",
    "selection-text": "ansi_black",
}
ANSI_LIGHT = {name: colour.replace("bright_", "") for name, colour in ANSI_DARK.items()} | {
    "series-train": "ansi_blue",
    "series-test": "ansi_red",
    "series-c": "ansi_bright_blue",
    "series-d": "ansi_default",
}

# Textual's text colours, which in some themes are too close to their backgrounds.
LIFTED = (
    *("foreground", "text-primary", "text-secondary", "text-accent"),
    *("text-success", "text-warning", "text-error", "footer-key-foreground"),
)


def theme_variables(theme: Theme, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to a theme's own, or to replace them with."""
    if "ansi" in theme.name:
        own = ANSI_DARK if theme.dark else ANSI_LIGHT
        names = ("quiet", "series-mark", "text-muted", "link-color", "panel-line")
        return _with_cursors(own | dict.fromkeys(names, "ansi_default"))
    grounds = tuple(variables[name] for name in ("background", "surface", "panel"))
    colours = {name: variables[name] for name in LIFTED} | (DARK if theme.dark else LIGHT)
    colours["focus"] = variables["primary"]
    readable = {name: lifted(colour, grounds, TEXT_CONTRAST) for name, colour in colours.items()}
    ground = Color.parse(grounds[0])
    faded = {
        "quiet": (readable["foreground"], 0.35, TEXT_CONTRAST),
        "series-mark": (readable["foreground"], 0.35, TEXT_CONTRAST),
        "series-raw": (readable["series-train"], 0.45, SHAPE_CONTRAST),
        # Borders of panels are no more than a hint of where a panel ends.
        "panel-line": (readable["foreground"], 0.7, 1.0),
    }
    readable |= {
        name: lifted(Color.parse(colour).blend(ground, by).hex, grounds, contrast)
        for name, (colour, by, contrast) in faded.items()
    }
    # What is selected: text in the colour of the background on the colour of the focus.
    readable |= {"selection": readable["focus"], "selection-text": grounds[0]}
    # "auto" is black or white, by its background; at Textual's 60% it is too faint on some.
    return _with_cursors(readable) | {"text-muted": "auto 72%"}


def _with_cursors(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables with Textual's for the cursor of a list: there is one look for what is
    selected, in the command palette and where a list has no focus too."""
    cursors = ("block-cursor", "block-cursor-blurred")
    grounds = {f"{name}-background": variables["selection"] for name in cursors}
    texts = {f"{name}-foreground": variables["selection-text"] for name in cursors}
    styles = {f"{name}-text-style": "bold" for name in cursors}
    return variables | grounds | texts | styles


class ColourlessFilter(NoColor):
    """Removes all colours; selected text is reversed instead.

    In the themes of the terminal's own colours selected text has a white background.
    """

    WHITE, REVERSED = 7, Style(reverse=True)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        reversed_segments = [
            Segment(text, style + self.REVERSED, control)
            if style and style.bgcolor and style.bgcolor.number == self.WHITE
            else Segment(text, style, control)
            for text, style, control in segments
        ]
        return super().apply(reversed_segments, background)


@lru_cache(maxsize=512)
def lifted(colour: str, grounds: tuple[str, ...], ratio: float) -> str:
    """Return the nearest colour that has the contrast `ratio` on each of the backgrounds."""
    given = Color.parse(colour).with_alpha(1.0)
    backs = [Color.parse(ground) for ground in grounds]
    far = Color(255, 255, 255) if backs[0].brightness < 0.5 else Color(0, 0, 0)
    steps = (given.blend(far, step / 20) for step in range(21))
    return next((each for each in steps if min(contrast(each, b) for b in backs) >= ratio), far).hex


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio, 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
