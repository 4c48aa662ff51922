"""What stands before a quiz: against which network, on which images, and earlier scores."""

from __future__ import annotations

from collections.abc import Iterable
from random import SystemRandom

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.analysis.quiz.images import SEEDS
from tui.analysis.quiz.networks import QuizSource, find_sources
from tui.screens.captions import set_text
from tui.screens.quiz.texts import loading_lines, paused_lines, score_lines, start_lines
from tui.state.app_state import AppState
from tui.state.quiz import QUIZ_KINDS, Quiz, QuizKind
from tui.state.quiz_scores import QuizScore, read_scores
from tui.state.run_state import RunState


class QuizStart(VerticalScroll, can_focus=False):
    """`problem` is why something failed, "" where nothing did."""

    def __init__(self) -> None:
        super().__init__()
        self.kind: QuizKind = "hard"
        self.seed = 0
        self.problem = ""
        self._place = 0  # of the chosen network
        self._sources: tuple[QuizSource, ...] = ()
        self._scores: tuple[QuizScore, ...] = ()
        self.draw_seed()

    def compose(self) -> ComposeResult:
        yield Static(id="intro")

    def read_scores(self) -> None:
        self._scores, problem = read_scores()
        self.problem = problem or ""

    # Choices

    @property
    def source(self) -> QuizSource | None:
        """The network to play against; None where there is none."""
        return self._sources[self._place] if self._sources else None

    def find_sources(self, run: RunState, app: AppState) -> None:
        """Offer what there is to play against now; the chosen one stays chosen."""
        before, self._sources = self.source, find_sources(run, app)
        paths = [each.path for each in self._sources]
        self._place = paths.index(before.path) if before and before.path in paths else 0

    def choose_first(self) -> None:
        """Choose the first network again: there is another run."""
        self._sources, self._place = (), 0

    def step_source(self, by: int) -> None:
        if self._sources:
            self._place = (self._place + by) % len(self._sources)

    def step_kind(self, by: int) -> None:
        kinds = [*QUIZ_KINDS]
        self.kind = kinds[(kinds.index(self.kind) + by) % len(kinds)]

    def draw_seed(self) -> None:
        # Not of the generators that training uses.
        self.seed = SystemRandom().randrange(1, SEEDS)

    # Display

    def show_choices(self, run: RunState) -> None:
        width = self.app.size.width - 4
        lines = start_lines(self._sources, self._place, self.kind, self.seed, run)
        self._show([*lines, *self._problem_lines(), *score_lines(self._scores, self.kind, width)])

    def show_paused(self, quiz: Quiz) -> None:
        self._show([*paused_lines(quiz), *self._problem_lines()])

    def show_loading(self, source: QuizSource) -> None:
        self._show(loading_lines(source))

    def _problem_lines(self) -> list[Content]:
        return [Content(""), Content.styled(self.problem, "$wrong")] if self.problem else []

    def _show(self, lines: Iterable[Content]) -> None:
        set_text(self.screen, "#intro", Content("\n").join(lines))
