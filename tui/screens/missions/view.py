"""The Missions view: the list, and of one mission what it is about and its prediction."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key, ScreenResume
from textual.widgets import Static

from tui.missions.mission import Mission
from tui.missions.progress import MissionProgress
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.screens.missions.texts import MISSIONS_HELP, detail_lines, list_lines, question_lines

BORDERS = 5  # columns around the list, with the scroll bar


class Part(VerticalScroll, can_focus=False):
    """A part of the view, which scrolls where it is too long."""


class MissionsView(View):
    """Either the list, or one mission before its prediction. The runs are in the Train view."""

    MODE = "missions"
    VIEW_HELP = MISSIONS_HELP
    CSS_PATH = "view.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("enter", "open", "Open", key_display="enter"),
        Binding("escape", "back", "Back"),
        Binding("f5", "again", "Refresh", show=False),
        Binding("up,k", "move(-1)", "Row", show=False),
        Binding("down,j", "move(1)", "Row", show=False),
        Binding("g", "move(-99)", "First", show=False),
        Binding("G", "move(99)", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._cursor = -1  # in the list; -1 until it was read
        self._asked: Mission | None = None  # the mission whose prediction is asked for
        self._choice = -1

    def body(self) -> ComposeResult:
        with Part(id="missions", classes="panel") as rows:
            rows.border_title = "Missions"
            yield Static(id="rows")
        with Part(id="detail"):
            yield Static(id="about")
        with Part(id="question"):
            yield Static(id="asked")

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.mnist.missions.load()
        if self._mission and self._progress(self._mission).is_over:
            self._cursor = -1
        super().on_screen_resume(event)

    # What is shown

    @property
    def _missions(self) -> tuple[Mission, ...]:
        return self.mnist.missions.missions

    @property
    def _mission(self) -> Mission | None:
        """The mission under the cursor."""
        place = max(0, self._cursor)
        return self._missions[place] if place < len(self._missions) else None

    def _progress(self, mission: Mission) -> MissionProgress:
        return self.mnist.missions.progress.get(mission.key, MissionProgress())

    def _is_here(self, mission: Mission) -> bool:
        """Return whether the mission is in progress in Train."""
        attempt = self.mnist.mission
        return attempt is not None and not attempt.is_done and attempt.mission == mission

    def _watch_mission(self) -> None:
        self.show()

    def show(self) -> None:
        if not self.query("#rows"):  # it is being built
            return
        guide, data, asked = self.mnist.missions, self.mnist.config.data, self._asked
        self.query_one("#question").display = asked is not None
        for name in ("#missions", "#detail"):
            self.query_one(name).display = asked is None
        self.refresh_bindings()
        if asked:
            self._write("#asked", [*question_lines(asked, self._choice, data)])
            return
        if self._cursor < 0:
            self._cursor = self._first_undone()
        attempt, width = self.mnist.mission, max(40, self.size.width - BORDERS)
        rows = list_lines(guide.missions, guide.progress, self._cursor, attempt, width)
        self._write("#rows", [*rows])
        about = [Content.styled(f"✗ {each}", "$wrong") for each in guide.faults]
        if mission := self._mission:
            here = self._is_here(mission)
            about = [*detail_lines(mission, self._progress(mission), here, data), *about]
        self._write("#about", about)

    def _write(self, where: str, lines: list[Content]) -> None:
        set_text(self, where, Content("\n").join(lines))

    def _first_undone(self) -> int:
        """Return the place of the first mission that is not done."""
        done = [self._progress(each).done is not None for each in self._missions]
        return done.index(False) if False in done else 0

    # Keys and clicks

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether the key belongs to the question: digits, as in a quiz, and space, since
        nothing trains before the prediction."""
        return self._asked is not None and (character or "-") in " 0123456789"

    @on(Key)
    def _take_key(self, event: Key) -> None:
        if self.check_consume_key(event.key, event.character):
            event.stop()
            if event.character and event.character.isdigit():
                self.action_choose(int(event.character) - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "back":
            return self._asked is not None
        return super().check_action(action, parameters)

    def _open(self, mission: Mission) -> None:
        """Show a mission: its question, or its runs where it was left in the middle."""
        if self._is_here(mission):
            self.mnist.action_view("train")
        elif self._progress(mission).can_continue:
            self.mnist.missions.resume(mission)
        else:
            self.ask(mission)

    def ask(self, mission: Mission | None) -> None:
        """Show a mission before its prediction, or the list."""
        if mission in self._missions:
            self._cursor = self._missions.index(mission)
        self._asked, self._choice = mission, -1
        self.show()

    def action_open(self) -> None:
        """Open the mission under the cursor, or begin with the choice that is marked."""
        asked, choice = self._asked, self._choice
        if asked is None:
            if mission := self._mission:
                self._open(mission)
        elif choice >= 0:
            self._asked = None
            self.mnist.missions.start(asked, choice)

    def action_again(self) -> None:
        """Read the missions again, and begin the one under the cursor from its prediction."""
        self.mnist.missions.load()
        mission = self._mission if self._asked is None else None
        if mission and (self._is_here(mission) or self._progress(mission).can_continue):
            self.ask(mission)
        self.show()

    def action_back(self) -> None:
        self.ask(None)

    def action_move(self, rows: int) -> None:
        """Move the cursor over the list or the choices."""
        if asked := self._asked:
            last = len(asked.question.choices) - 1
            self.action_choose(max(0, min(last, self._choice + rows)))
        else:
            self._cursor = max(0, min(len(self._missions) - 1, self._cursor + rows))
            part = self.query_one("#missions")
            place, height = self._cursor, part.content_size.height
            if not part.scroll_offset.y <= place < part.scroll_offset.y + height:
                part.scroll_to(y=max(0, place - height // 2), animate=False)
        self.show()

    def action_pick(self, place: int) -> None:
        self._cursor = place
        self.show()

    def action_choose(self, place: int) -> None:
        if self._asked and 0 <= place < len(self._asked.question.choices):
            self._choice = place
            self.show()
            # The choices are below the text, which a small window may not show all of.
            self.query_one("#question").scroll_end(animate=False)
