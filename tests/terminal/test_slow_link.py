"""A slow connection: what is sent, and what the terminal shows."""

import asyncio
import os
import re
import select
import signal
import termios
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.support.fakes import ROOT
from tests.support.terminal import Terminal, assert_restored, is_restored, open_terminal, until
from tui.app.slow_link import erases
from tui.terminal.driver import TerminalDriver
from tui.terminal.rate_limit import (
    BURST,
    LATE,
    RATE,
    TIMES,
    ByteRate,
    SendOrder,
    TerminalLag,
    TokenBucket,
    split_screen,
)
from tui.terminal.screen_diff import ShownScreen, to_cells
from tui.terminal.slow_terminal import MOST_QUEUED, SlowTerminal
from tui.terminal.writer import CANCEL, TerminalWriter

pyte = pytest.importorskip("pyte")
__all__ = ["open_terminal"]

WIDTH, HEIGHT = 24, 4
NO_WRAP = "\x1b[?7l"  # as in the app

# Dimmed, overlined and doubly underlined text looks the same to pyte.
STYLES = st.sampled_from(
    [
        "",
        "bold #56b4e9 on #121212",
        "#e0e0e0 on #121212",
        "on #121212",
        "#e0e0e0",
        "bold",
        "reverse",
        "italic red on #242f38",
        "underline on #242f38",
        "strike not bold",
    ]
).map(Style.parse)
TEXTS = st.one_of(
    st.text("ab ─⠋█漢🙂", max_size=6),
    st.integers(1, WIDTH).map(" ".__mul__),
    st.sampled_from(["e\u0301", "\u0301", "🙂\u0301"]),
)
LINES = st.lists(st.builds(lambda text, style: Segment(text, style), TEXTS, STYLES), max_size=6)
FRAMES = st.lists(LINES, min_size=HEIGHT, max_size=HEIGHT)


def drawn(frame):
    return [to_cells(line, WIDTH, ColorSystem.TRUECOLOR) for line in frame]


def seen(screen):
    """What a person sees: of a blank its background, and lines through or under it."""
    rows = []
    for y in range(screen.lines):
        row = []
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            look = cell.bg, cell.underscore, cell.strikethrough, cell.reverse
            if cell.data != " " or cell.reverse:
                look += cell.fg, cell.bold, cell.italics
            row.append((cell.data, look))
        rows.append(row)
    return rows


def plainly(rows):
    """A screen on which each cell is drawn by itself, whole."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    stream.feed(NO_WRAP)
    for y, row in enumerate(rows):
        for x, (text, (attributes, fore, back)) in enumerate(row):
            codes = ";".join([*map(str, ["0", *sorted(attributes)]), fore or "39", back])
            if text:
                stream.feed(f"\x1b[{y + 1};{x + 1}H\x1b[{codes}m{text}")
    return screen


@given(frames=st.lists(FRAMES, min_size=1, max_size=4), erases=st.booleans(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_updates_make_the_newest_frame(frames, erases, data):
    """However much of the frames before has been sent when the next one comes."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    stream.feed(NO_WRAP)
    screens = [drawn(frame) for frame in frames]
    shown, clearing = ShownScreen.cleared(WIDTH, HEIGHT, erases=erases)
    stream.feed(clearing)
    for number, rows in enumerate(screens):
        last = number == len(screens) - 1
        pictures = data.draw(st.lists(st.tuples(*[st.integers(0, 9)] * 4), max_size=2))
        for area in split_screen(WIDTH, HEIGHT, pictures):
            limit = None if last else data.draw(st.integers(0, 3))
            for count, part in enumerate(shown.parts(rows, area.y, area.start, area.end)):
                if count == limit:
                    break
                stream.feed(part)
    assert seen(screen) == seen(plainly(screens[-1]))
    assert not [part for y in range(HEIGHT) for part in shown.parts(screens[-1], y, 0, WIDTH)]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3000)), max_size=40))
def test_bucket_never_exceeds_burst_and_rate(wishes):
    bucket, now, taken = TokenBucket(0.0), 0.0, []
    for seconds, wish in wishes:
        now += seconds
        count = min(wish, int(bucket.room(now)))
        bucket.take(count, now)
        taken.append((now, count))
    for first, (begin, _) in enumerate(taken):
        total = 0
        for end, count in taken[first:]:
            total += count
            assert total <= BURST + RATE * (end - begin) + 1e-6


def test_bucket_predicts_when_it_has_room():
    bucket = TokenBucket(5.0)
    bucket.take(BURST, 5.0)
    assert bucket.room(5.0) == 0
    assert bucket.seconds_until(RATE / 2, 5.0) == pytest.approx(0.5)
    assert bucket.room(5.5) == pytest.approx(RATE / 2)
    assert bucket.room(500.0) == BURST


def test_byte_rate_covers_the_last_seconds():
    meter = ByteRate()
    assert meter.read(0, 0.0) == 0
    rates = [meter.read(100 * second if second < 20 else 2000, second) for second in range(1, 40)]
    assert rates[10] == pytest.approx(100)
    assert rates[-1] == 0


def query(lag, total, now):
    assert lag.should_query(total, 4, now)


def test_late_answers_in_a_row_mean_slow():
    lag = TerminalLag()
    query(lag, 0, 0.0)
    assert not lag.should_query(100, 4, 0.1), "one question at a time"
    lag.record_answer(0.2)
    for number in range(1, TIMES + 1):
        assert not lag.is_behind(0.0, 10.0 * number)
        query(lag, 1000 * number, 10.0 * number)
        lag.record_answer(10.0 * number + 1.5 * LATE)
    assert lag.is_behind(0.0, 100.0)
    query(lag, 10_000, 100.0)
    lag.record_answer(100.1)
    assert not lag.is_behind(0.0, 101.0)


def test_one_late_answer_is_not_slow():
    lag = TerminalLag()
    query(lag, 0, 0.0)
    assert not lag.is_behind(0.0, 1000.0), "no terminal has to answer"
    lag.record_answer(1000.0)
    query(lag, 500, 2000.0)
    lag.record_answer(2000.1)
    query(lag, 900, 2001.0)
    assert lag.outstanding(1904) == 1400
    assert not lag.is_behind(0.0, 2001.0 + 2 * LATE)
    assert lag.is_behind(0.0, 2001.0 + TIMES * LATE + 0.1)
    assert lag.is_behind(TIMES * LATE + 0.1, 2001.1), "what cannot be written counts too"


def test_split_screen_separates_pictures():
    found = [
        (a.y, a.start, a.end, a.picture) for a in split_screen(10, 2, [(2, 1, 3, 5), (8, 0, 9, 1)])
    ]
    assert found == [
        (0, 0, 8, False),
        (0, 8, 10, True),
        (1, 0, 2, False),
        (1, 2, 5, True),
        (1, 5, 10, False),
    ]


def test_what_is_first_is_sent_before_text_and_pictures():
    """A cell inside of a picture, before a line that a key has changed."""
    areas = split_screen(10, 2, [(2, 0, 6, 2)], [(3, 1, 1, 1)])
    (first, *others) = sorted(areas, key=SendOrder(hurried={0}).rank)
    assert (first.y, first.start, first.end, first.first) == (1, 3, 4, True)
    assert [each.picture for each in others] == [False] * 4 + [True] * 3
    assert sorted((each.y, each.start, each.end) for each in (first, *others)) == [
        *((0, 0, 2), (0, 2, 8), (0, 8, 10)),
        *((1, 0, 2), (1, 2, 3), (1, 3, 4), (1, 4, 8), (1, 8, 10)),
    ]


def test_forgotten_query_does_not_count():
    lag = TerminalLag()
    query(lag, 0, 0.0)
    lag.record_answer(0.1)
    query(lag, 500, 1.0)
    lag.forget(700)  # as when the shell has had the terminal
    assert not lag.is_behind(0.0, 1.0 + TIMES * LATE + 0.1)
    assert not lag.is_waiting
    assert lag.outstanding(900) == 200


def test_combined_characters_take_one_cell_or_two():
    row = to_cells([Segment("e\u0301 \u2764\ufe0f|👩\u200d🔬|")], 10, ColorSystem.TRUECOLOR)
    texts = [text for text, _ in row]
    assert "".join(texts) == "e\u0301 \u2764\ufe0f|👩\u200d🔬|  "
    if cell_len("\u2764\ufe0f") == 2:  # as newer versions of rich say
        assert texts[:8] == ["e\u0301", " ", "\u2764\ufe0f", "", "|", "👩\u200d🔬", "", "|"]
    shown, _ = ShownScreen.cleared(10, 1)
    assert next(parts := shown.parts([row], 0, 2, 10)).endswith("\ufe0f")
    assert next(parts).startswith("\x1b[1;5H"), "terminals differ in where their cursor is now"


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0"}, False),
        ({"TERM": "screen"}, False),
        ({"TERM": "screen", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
    ],
)
def test_erases_knows_gnu_screen(environment, does):
    assert erases(environment) is does


@pytest.fixture
def pipe():
    """An writer that writes into a pipe, and what reads there."""
    reading, writing = os.pipe()
    writer = TerminalWriter(writing, lambda: None)
    yield writer, writing, partial(os.read, reading, 1_000_000)
    writer.stop()
    writer.join()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("offset", range(3))
def test_dropped_frame_ends_with_a_whole_character(pipe, offset):
    writer, writing, read = pipe
    writer.write(" " * offset + "─" * 100_000, frame=True)  # more than a pipe holds
    writer.write("\x1b[?1004h")
    writer.write("a frame", frame=True)
    writer.start()
    until(lambda: not select.select([], [writing], [], 0)[1])
    writer.drop_frames()
    came = read()
    writer.stop()
    came += read()
    assert came.endswith(CANCEL + b"\x1b[?1004h")
    assert re.fullmatch(" *─*\x18\x1b\\[\\?1004h", came.decode())


def test_interrupted_write_is_completed(pipe, monkeypatch):
    """A write that is cut short, as by a terminal that does not wait, may end amid a character."""
    writer, _, read = pipe
    write = os.write

    def amid_a_character(fileno, data):
        if writer.written:
            return write(fileno, data)
        writer.drop_frames()
        return write(fileno, data[:4])

    monkeypatch.setattr(os, "write", amid_a_character)
    writer.write("─" * 3, frame=True)
    writer.start()
    writer.stop()
    assert read().decode() == "─" * 3
    assert writer.pending == 0


def test_writer_ends_with_its_terminal():
    reading, writing = os.pipe()
    os.close(reading)
    writer = TerminalWriter(writing, lambda: None)
    writer.write("a frame", frame=True)
    writer.start()
    writer.join()
    writer.drop_frames()
    assert writer.pending == writer.write("more") == 0
    os.close(writing)


class Idle(TerminalDriver):
    """A driver that has no terminal and writes nothing."""

    def __init__(self):
        self.writer = TerminalWriter(-1, lambda: None)
        self._has_mouse = False


async def test_frames_after_a_skipped_one_are_skipped():
    """They are but changes to it, and all is drawn anew once there is room."""
    missed = []
    link, driver = SlowTerminal(True, lambda: missed.append(1)), Idle()
    link.begin(driver)
    with link.frame() as drawn:
        assert drawn
        driver.write(" " * (MOST_QUEUED + 1))
    with link.frame() as drawn:
        assert not drawn
    driver.writer.drop_frames()
    with link.frame() as drawn:
        assert not drawn
    link.drained()
    await asyncio.sleep(0)
    assert missed == [1]
    with link.frame() as drawn:
        assert drawn


async def test_switching_the_limit_off_sends_nothing_more():
    link, driver = SlowTerminal(True, lambda: None), Idle()
    link.begin(driver)
    link.set_slow(True)
    rows = [Strip([Segment("x" * 100)])] * 50  # more than fits at once
    link.show_frame(rows, 100, ColorSystem.TRUECOLOR)
    driver.writer.drop_frames()
    link.set_slow(False)
    driver.writer.drop_frames()
    before = driver.queued_bytes
    await asyncio.sleep(0.2)
    link.drained()
    await asyncio.sleep(0)
    assert driver.queued_bytes == before


def test_drained_after_the_loop_has_ended():
    async def begin():
        link.begin(Idle())

    link = SlowTerminal(True, lambda: None)
    asyncio.run(begin())
    link.drained()


CURSOR_QUERY = b"\x1b[6n"
CLEARS = b"\x1b[2J"
FAKE = """
import sys
from time import monotonic
sys.path.insert(0, {tests!r})
from tests.support.fakes import make_fake_train
from core.commands import ListDevices
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from tui.app import run_controller
from tui.terminal import rate_limit as slow
from tui.app.app import MnistApp
from tui.preferences import Preferences

class App(MnistApp):
    CSS_PATH = {css!r}
    BINDINGS = [("f5", "slow", ""), ("f6", "other_theme", ""), ("f7", "quicker", "")]

    def action_slow(self):
        self.change_preferences(slow=not self.preferences.slow)

    def action_other_theme(self):
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"

    def action_quicker(self):
        self.slow_terminal._bucket = slow.TokenBucket(monotonic(), 1e5, 1e5)

def train(config, inbox):
    for event in make_fake_train(steps={steps})(config, inbox):
        print(type(event).__name__, file=progress, flush=True)
        yield event

class Host(LocalHost):
    "An engine that does not load torch for the list of devices."
    def send(self, command):
        if not isinstance(command, ListDevices):
            super().send(command)

run_controller.LocalHost = Host
slow.LATE = 0.3
progress = open("progress", "w")
config = TrainConfig(checkpoints={folder!r}, dataset="sample", arch="mlp", epochs={epochs})
# Digits that look the same on a slow connection and on a fast one.
preferences = Preferences(slow={slow}, digit_style="ramp")
app = App(config, start=True, train=train, preferences=preferences)
app.run()
sys.exit(app.return_code)
"""
SLOW, THEME, QUICKER = "\x1b[15~", "\x1b[17~", "\x1b[18~"


class Line(Terminal):
    """A terminal behind a connection of `rate` bytes a second, None: without a limit.

    It answers queries for the position of its cursor.
    """

    def __init__(self, *arguments, rate=None, **options):
        self.rate = rate
        self.fed = 0  # bytes that are on the screen
        self.came = [(time.monotonic(), 0)]  # when, and how many
        super().__init__(*arguments, **options)

    def _read(self):
        while self.reading:
            try:
                if not select.select([self.master], [], [], 0.2)[0]:
                    self.came.append((time.monotonic(), 0))
                    continue
                data = os.read(self.master, 65536 if self.rate is None else self.rate // 20)
            except (OSError, ValueError):
                return
            self.output += data
            self.came.append((time.monotonic(), len(data)))
            self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*u", b"", data))
            self.fed += len(data)
            if CURSOR_QUERY in self.output[-len(data) - 3 :]:
                self.press("\x1b[1;1R")
            if self.rate is not None:
                time.sleep(0.05)

    def busiest(self):
        """By how much, at most, more came in some seconds than RATE allows."""
        worst, level = 0, 0.0
        for (before, _), (now, count) in zip(self.came, self.came[1:], strict=False):
            # It was written at some moment since the last look.
            level = max(0.0, level - RATE * (now - before)) + count
            worst = max(worst, level)
        return worst

    def until(self, true, seconds=30.0):
        """Looks where something has come: to read a screen takes its time."""
        end, looked_at = time.monotonic() + seconds, -1
        while looked_at == (looked_at := self.fed) or not true():
            assert time.monotonic() < end, f"it never came to be:\n{self.text}"
            time.sleep(0.05)

    def expect(self, pattern, seconds=30.0):
        self.until(lambda: re.search(pattern, self.text), seconds)

    @property
    def seen(self):
        return seen(self.screen)[1:]  # the first line has the rate in it

    def settled(self):
        """What is seen when nothing more has come for a while."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            before = self.seen
            time.sleep(0.7)
            if self.seen == before:
                return before
        raise AssertionError("the screen never came to rest")

    def draws_anew(self, wanted, act):
        """Does it, upon which all is drawn once more, and looks so at last."""
        before = len(self.output)
        act()
        self.until(lambda: CLEARS in self.output[before:] and self.seen == wanted)

    def is_stopped(self):
        with open(f"/proc/{self.child.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def signals(self, *numbers):
        for number in numbers:
            os.kill(self.child.pid, number)
            until(lambda: self.is_stopped() == (number != signal.SIGCONT))  # noqa: B023


@pytest.fixture
def open_line(tmp_path):
    opened = []

    def start(*arguments, fake=None, **options):
        if fake is not None:
            text = FAKE.format(
                tests=str(ROOT),
                css=str(ROOT / "tui/app/app.tcss"),
                folder=str(tmp_path),
                **fake,
            )
            (tmp_path / "fake.py").write_text(text)
            options["program"] = ["fake.py"]
        opened.append(Line(tmp_path, *arguments, **options))
        return opened[-1]

    yield start
    for line in opened:
        line.close()


@pytest.mark.terminal
def test_run_on_a_slow_connection(open_line):
    line = open_line(fake={"steps": 60, "epochs": 1, "slow": True})
    plain = termios.tcgetattr(line.master)
    line.expect("● training")
    line.expect(r"Loss +● train \d")
    before = len(line.output)
    line.press("2")
    line.expect("which the network is not trained on")
    # What a rested line takes at once; what was on its way before is not much.
    assert len(line.output) - before < BURST
    before = len(line.output)
    line.press("?")
    line.expect("─ Help ─")
    assert len(line.output) - before < BURST
    line.press("\x1b")
    line.expect(r"(?s)\A(?!.*─ Help ─)")  # with what follows at once esc would be another key
    line.press("1")
    line.expect("✓ finished")
    line.expect(r"\d B/s")
    assert line.busiest() <= BURST

    line.press(SLOW)
    line.expect("mnist-tui")  # a narrow header shows it without the rate only
    dark = line.settled()
    line.press(THEME)
    line.until(lambda: line.seen != dark)
    light = line.settled()
    line.draws_anew(light, lambda: line.press(SLOW + QUICKER))
    line.press(THEME)
    line.until(lambda: line.seen == dark)

    line.signals(signal.SIGTSTP)
    # The program writes its last bytes before it resets the terminal's attributes.
    until(lambda: is_restored(line) and termios.tcgetattr(line.master) == plain)
    line.draws_anew(dark, lambda: line.signals(signal.SIGCONT))
    assert termios.tcgetattr(line.master) != plain
    line.draws_anew(dark, lambda: line.signals(signal.SIGSTOP, signal.SIGCONT))

    def storm():
        """Of which the program may see the end alone."""
        line.resize(40, 12)
        line.resize(80, 24)

    line.draws_anew(dark, storm)
    line.press("q")
    assert line.ended() == 0
    assert_restored(line)
    assert termios.tcgetattr(line.master) == plain


@pytest.mark.terminal
def test_late_connection_turns_slow_and_blocks_nothing(open_line, tmp_path):
    line = open_line(rate=5000, fake={"steps": 5000, "epochs": 5, "slow": False})
    line.expect("● training")
    line.press(THEME)  # that is all of it at once, as is the first frame
    line.expect("Slow link is on")
    line.expect(r"\d B/s · ● training")
    before = len(line.output)
    line.press("2")
    line.expect("which the network is not trained on")
    assert len(line.output) - before < 3 * BURST, "what was queued before is not sent first"
    terminal = os.open(os.readlink(f"/proc/{line.child.pid}/fd/1"), os.O_RDWR | os.O_NOCTTY)
    try:
        termios.tcflow(terminal, termios.TCOOFF)
        progress = tmp_path / "progress"
        enough = progress.stat().st_size + 500
        until(lambda: progress.stat().st_size > enough)
        os.kill(line.child.pid, signal.SIGTERM)
        assert line.ended() >= 0
        assert progress.read_text().endswith("RunFinished\n")
    finally:
        os.close(terminal)
