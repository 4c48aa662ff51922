"""The row "keys" of screen.py: from a key to the screen, while training and while paused.

A time is read where output arrives in the pseudo-terminal: the first byte after the key, and the
piece that shows the key's effect. The terminal emulator, which is slower than the app, finds out
only afterwards which piece that was.
"""

import re
import statistics
import tempfile
import time

from screen_rows import NETWORKS, Setup, open_training
from terminal import App

# Log scale, smoothing, horizontal axis, zoom, next chart, layout of the charts; style, classes and
# temperature of the digits; the machine; the marks; two views.
KEYS = "lmhzcvyatTiM21"
PRESSES = 3  # of each key
SECONDS = 0.15  # to wait for the output of a key
# What some keys change in the border of a chart, and nothing else does.
CHART_WORDS = re.compile(
    r"(loss|accuracy|error|learning rate|gradient norm|samples/s|samples per second)(, log)?"
    r"|log scale|(no smoothing|not smoothed|smooth\w* [\d.]+)|(last \d+ ?%)",
    re.IGNORECASE,
)
CHART_KEYS, VIEW_KEYS = "lmzc", "21"


def time_keys(setup: Setup) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for arch in NETWORKS:
        numbers |= time_keys_of(arch, setup)
    return numbers


def time_keys_of(arch: str, setup: Setup) -> dict[str, float]:
    numbers = {}
    with tempfile.TemporaryDirectory() as folder:
        app = open_training(arch, setup, folder)
        for key in "21":  # the first visit creates a view
            press(app, key)
            app.watch_shown(1.0)
        app.child.send(" ")
        app.until(lambda app=app: "Paused" in "".join(app.screen.display))
        app.watch_shown(1.0)
        first: dict[str, list[float]] = {}
        effect: dict[str, list[float]] = {}
        # While paused, only a key writes; keys that have no effect at this size are left out.
        first["paused"], effect["paused"], keys = time_each(app, KEYS)
        app.child.send(" ")
        app.watch_shown(2.0)
        first["training"], effect["training"], _ = time_each(app, keys)
        app.end()
    for what, times in (("first byte", first), ("effect", effect)):
        for state, took in times.items():
            took.sort()
            numbers[f"key to {what}, p50, {arch} {state} in ms"] = statistics.median(took)
            p95 = took[int(len(took) * 0.95)]
            numbers[f"key to {what}, p95, {arch} {state} in ms"] = p95
        ratio = statistics.median(times["training"]) / statistics.median(times["paused"])
        numbers[f"key to {what}, training against paused, {arch} in ×"] = ratio
    return numbers


def time_each(app: App, keys: str) -> tuple[list[float], list[float], str]:
    """Return the milliseconds of the keys to the first byte and to their effects, as far as these
    are recognised, and the keys that any output followed."""
    firsts, effects, answered = [], [], ""
    for turn in range(PRESSES):
        for number, key in enumerate(keys):
            app.watch_shown(0.1 + 0.013 * ((turn + number) % 7))
            first, effect = press(app, key)
            if first is not None:
                firsts.append(first)
                answered += key if key not in answered else ""
            effects += [] if effect is None else [effect]
    if len(firsts) < 0.6 * PRESSES * len(keys):
        raise SystemExit("most keys changed nothing:\n" + "\n".join(app.screen.display))
    return firsts, effects, "".join(key for key in keys if key in answered)


def press(app: App, key: str) -> tuple[float | None, float | None]:
    """Press a key; return the milliseconds to the first byte and to its effect, None for none."""
    before, start = shown(app, key), time.perf_counter()
    app.child.send(key)
    effect, pieces = None, app.collect(SECONDS)
    for arrived, data in pieces:
        app.feed(data)
        if effect is None and shown(app, key) != before:
            effect = (arrived - start) * 1000
    return (pieces[0][0] - start) * 1000 if pieces else None, effect


def shown(app: App, key: str) -> str:
    """Return what a key changes on the screen: the view that is selected in the first row, or the
    words in a chart's border; "" for other keys."""
    if key in VIEW_KEYS:
        cells = app.screen.buffer[0]
        return "".join(f"{cells[x].data}{cells[x].reverse}{cells[x].bg}" for x in range(60))
    if key in CHART_KEYS:
        rows = [row for row in app.screen.display[1:] if "╭" in row or "╰" in row] or [app.row(1)]
        return str([match[0].strip() for row in rows for match in CHART_WORDS.finditer(row)])
    return ""
