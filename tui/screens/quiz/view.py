"""The Quiz view: a person against the network, image by image, with the clock running."""

from __future__ import annotations

from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Key
from textual.widgets import Static

from core.commands import ScoreCheckpoint
from tui.analysis.quiz.networks import describe_network
from tui.screens.base import View
from tui.screens.captions import key, line, set_text
from tui.screens.quiz.board import QuizBoard
from tui.screens.quiz.digit import QuizDigit
from tui.screens.quiz.loading import QuizLoading, advance, find_problem, make_quiz
from tui.screens.quiz.result import QuizResult
from tui.screens.quiz.start import QuizStart
from tui.screens.quiz.texts import QUIZ_HELP, TITLES
from tui.state.app_state import AppState, CheckpointRequest
from tui.state.quiz import Quiz, answer, proceed
from tui.state.run_state import RunState
from tui.text.formats import printable

Stage = Literal["start", "loading", "question", "answer", "card"]
TICK_SECONDS = 0.1
# How long an answer is shown unless a key shows the next image: where both were correct, and else.
SHOWN_SECONDS, WRONG_SECONDS = 1.5, 3.0


class QuizView(View):
    """A quiz is about one evaluation of a network, so training may continue meanwhile."""

    MODE = "quiz"
    VIEW_HELP = QUIZ_HELP
    CSS_PATH = "view.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (80, "-medium"), (110, "-wide")]
    SEEN = ("phase", "started", "evaluations", "labels", "digits", "checkpoint", "scores")
    BINDINGS = [
        Binding("enter", "open", "Open", key_display="enter"),
        Binding("escape", "back", "Back"),
        Binding("Y", "copy", "Copy"),
        Binding("f", "step('kind', 1)", "Which"),
        Binding("F", "step('kind', -1)", "Which", show=False),
        Binding("f5", "step('seed', 1)", "Refresh", show=False),
        Binding("up,k", "move(-1, 0)", "Row", show=False),
        Binding("down,j", "move(1, 0)", "Row", show=False),
        Binding("left", "move(0, -1)", "Page", show=False),
        Binding("right", "move(0, 1)", "Page", show=False),
        Binding("pageup", "move(-10, 0)", "Page", show=False),
        Binding("pagedown", "move(10, 0)", "Page", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._loading: QuizLoading | None = None
        self._quiz: Quiz | None = None
        self._is_playing = False  # else the quiz is paused

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield QuizStart()
        yield QuizBoard().data_bind(View.preferences)
        yield QuizResult()

    def on_mount(self) -> None:
        self._start.read_scores()
        self.set_interval(TICK_SECONDS, self._tick)

    @property
    def _start(self) -> QuizStart:
        return self.query_one(QuizStart)

    @property
    def _board(self) -> QuizBoard:
        return self.query_one(QuizBoard)

    @property
    def _stage(self) -> Stage:
        quiz = self._quiz
        if quiz is None:
            return "loading" if self._loading else "start"
        if quiz.is_over:
            return "card"
        if not self._is_playing:
            return "start"
        return "answer" if quiz.is_shown else "question"

    @property
    def _is_asking(self) -> bool:
        return self._stage in ("question", "answer")

    # Before a quiz

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self._start.choose_first()
        super().watch_run_state(before, after)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if (before.evaluated, before.opened) != (after.evaluated, after.opened):
            self.show()

    def wanted_digits(self) -> tuple[int, ...]:
        """Return the images of a quiz of the run until they are there."""
        loading = self._loading
        return loading.indices if loading and loading.source.path is None else ()

    def _begin(self) -> None:
        source, request = self._start.source, None
        if source is None or self._loading:
            return
        if source.path and source.evaluation is None:
            request = CheckpointRequest(source.path, self.mnist.app_state)
            self.mnist.send(ScoreCheckpoint(source.path, self.mnist.config.data))
        kind, seed, run = self._start.kind, self._start.seed, self.run_state.started
        self._start.problem = ""
        self._loading = QuizLoading(kind, seed, source, request, run=run)
        self.show()

    def _load(self) -> None:
        """Begin the quiz once all that it needs is there."""
        loading, run, app = self._loading, self.run_state, self.app_state
        if loading is None:
            return
        if problem := find_problem(loading, run, app):
            self._loading, self._start.problem = None, f"✗ {printable(problem)}"
            return
        self._loading = advance(loading, app)
        if quiz := make_quiz(self._loading, run):
            self._loading, self._quiz, self._is_playing = None, quiz, self.is_active
            self._board.ask(quiz)
        elif self._loading.indices != loading.indices:
            self.mnist.request_digits(at_once=True)

    # Questions

    def _tick(self) -> None:
        quiz = self._quiz
        if quiz is None or not self._is_asking:
            return
        if not self.is_active:  # another view or a dialog is in front
            self._board.skip_clock()
        elif not quiz.is_shown:
            self._board.show_clock(quiz)
        else:
            both = quiz.rights[-1] and quiz.network_rights[-1]
            if self._board.read_clock() >= (SHOWN_SECONDS if both else WRONG_SECONDS):
                self._proceed(quiz)

    def _answer(self, quiz: Quiz, number: int) -> None:
        self._quiz = answer(quiz, number, self._board.read_clock())
        if self._quiz is not quiz:
            self._board.start_clock()
            self.show()

    def _proceed(self, quiz: Quiz) -> None:
        """Show the next question, or the card."""
        self._quiz = quiz = proceed(quiz)
        if quiz.is_over:
            problem = self.query_one(QuizResult).end(quiz)
            self._start.read_scores()
            self._start.problem = problem or self._start.problem
            self._start.draw_seed()
        else:
            self._board.ask(quiz)
        self.show()

    # Display

    def show(self) -> None:
        self._load()
        stage, start, board = self._stage, self._start, self._board
        start.display = stage in ("start", "loading")
        board.display = self._is_asking
        self.query_one(QuizResult).display = stage == "card"
        self.refresh_bindings()
        caption: str | Content = ""
        if self._quiz and self._is_asking:
            images = f"{TITLES[self._quiz.kind]}, seed {self._quiz.seed}"
            caption = f"Against {describe_network(self._quiz.network)} · {images}"
            board.show(self._quiz)
        elif stage == "card":
            problem = Content.styled(start.problem, "$wrong")
            keys = key("Y", "copy and save", "copy"), key("enter", "another quiz", "open")
            caption = line(*keys, problem)
        elif self._loading:
            start.show_loading(self._loading.source)
        elif self._quiz:
            start.show_paused(self._quiz)
        else:
            start.find_sources(self.run_state, self.app_state)
            start.show_choices(self.run_state)
        set_text(self, "#caption", caption)

    # Keys and clicks

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether the key belongs to the quiz: letters and digits, and all of names."""
        return self._is_asking and self._board.consumes(character)

    @on(Key)
    def _take_key(self, event: Key) -> None:
        quiz = self._quiz
        is_own = self.check_consume_key(event.key, event.character)
        if quiz is None or not (is_own or (self._is_asking and event.key == "backspace")):
            return
        event.stop()
        if not is_own or event.character is None:
            self._board.erase()
        elif quiz.is_shown:
            self._proceed(quiz)
        elif (number := self._board.press(event.character)) is not None:
            self._answer(quiz, number)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        stage = self._stage
        match action:
            case "copy":
                return stage == "card"
            case "step":
                return stage == "start" and self._quiz is None
            case "back":
                return stage != "start" or self._quiz is not None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Start or continue, answer with the class that is marked, or show what comes next."""
        quiz = self._quiz
        if quiz is None:
            self._begin()
        elif quiz.is_over:
            self.action_back()
        elif not self._is_playing:
            self._is_playing = True
            self._board.skip_clock()
            self.show()
        elif quiz.is_shown:
            self._proceed(quiz)
        elif (number := self._board.chosen) is not None:
            self._answer(quiz, number)

    def action_back(self) -> None:
        """Pause a quiz; end a paused one, and what was begun; leave the card."""
        was_asking = self._is_asking
        if was_asking and self._quiz and self._quiz.is_shown:
            self._proceed(self._quiz)
        if self._is_asking:
            self._is_playing = False
        elif not was_asking:
            self._quiz, self._loading = None, None
        self.show()

    def action_answer(self, number: int) -> None:
        """Answer with a class, or continue where an answer is shown."""
        if self._quiz and self._quiz.is_shown:
            self._proceed(self._quiz)
        elif self._quiz:
            self._answer(self._quiz, number)

    @on(QuizDigit.Clicked)
    def _clicked(self) -> None:
        if self._quiz and self._quiz.is_shown:
            self._proceed(self._quiz)

    def action_step(self, what: str, by: int) -> None:
        """Choose another kind of images, or draw another seed."""
        if what == "kind":
            self._start.step_kind(by)
        else:
            self._start.draw_seed()
        self.show()

    def action_move(self, rows: int, columns: int) -> None:
        """Move over the classes, choose another network, or scroll."""
        stage = self._stage
        if stage == "question":
            self._board.move(rows, columns)
        elif stage == "start" and columns and self._quiz is None:
            self._start.step_source(columns)
            self.show()
        elif rows and stage in ("start", "card"):
            part = self.query_one(QuizResult) if stage == "card" else self._start
            part.scroll_relative(y=rows, animate=False)

    def action_copy(self) -> None:
        self.query_one(QuizResult).copy()
