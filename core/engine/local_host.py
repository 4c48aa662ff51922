"""Train in this process, on the thread that iterates over the events.

Two threads that both use torch compete for the cores and train at a quarter of the speed. So the
app has one thread for torch, and everything that needs torch runs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from core.commands import (
    Command,
    ForwardedCommand,
    Inbox,
    Pause,
    Quit,
    ResumePoint,
    Start,
    StartRace,
    Stop,
)
from core.config import TrainConfig
from core.engine.corruption_scoring import CorruptionScoring
from core.engine.questions import Questions
from core.engine.rate_search import RateSearches
from core.engine.requests import handle_request
from core.engine.untrained import load_untrained
from core.errors import UserError, first_line
from core.events import (
    Event,
    Notice,
    Paused,
    RaceStarted,
    Resumed,
    RunFailed,
    RunStarted,
)

if TYPE_CHECKING:
    from core.training.distributed import Ranks
    from core.training.turns import Turn

Train = Callable[..., Iterator[Event]]  # core.training.trainer.train


class LocalHost:
    """Runs training in this process, one run after another, and answers requests in between.

    torch is imported at the first command that needs it.
    """

    def __init__(self, train: Train | None = None, ranks: Ranks | None = None) -> None:
        """`train` replaces the trainer; `ranks` are processes that train with this one."""
        self._inbox: Inbox = SimpleQueue()
        self._train, self._ranks = train, ranks
        self._scoring = CorruptionScoring(self._inbox)
        self._questions = Questions(self._inbox)
        self._rates = RateSearches(self._inbox)

    def send(self, command: Command) -> None:
        self._inbox.put(command)

    def close(self) -> None:
        """Stop and save the run that is in progress, then end."""
        self._inbox.put(Stop())
        self._inbox.put(Quit())

    def events(self) -> Iterator[Event]:
        """Execute commands until Quit, and yield the events of all of them."""
        while not isinstance(command := self._inbox.get(), Quit):
            if isinstance(command, Start | StartRace):
                yield from self._run(command)
            else:
                yield from self._handle(command)

    def _handle(self, command: Command) -> Iterator[Event]:
        """Yield the responses to a request."""
        yield from handle_request(command)
        yield from self._scoring.handle(command)
        yield from self._questions.handle(command)
        yield from self._rates.handle(command)

    def _run(self, start: Start | StartRace) -> Iterator[Event]:
        """Yield the events of a run or a race, and of requests that come meanwhile."""
        load_untrained.cache_clear()  # its memory is of use to the run
        yield from self._rates.begin_run()
        try:
            for event in self._pipeline(start) if isinstance(start, Start) else self._race(start):
                match event:
                    case ForwardedCommand(command=Quit()):
                        self.close()
                    case ForwardedCommand(command=Start() | StartRace()):
                        what = "training is in progress: stop it before you start another"
                        yield Notice(message=what)
                    case ForwardedCommand():
                        yield from self._handle(event.command)
                    case _:
                        if isinstance(event, RaceStarted | RunStarted | Resumed | Paused):
                            self._scoring.is_training = not isinstance(event, Paused)
                        if isinstance(event, RaceStarted):  # its lanes have questions of their own
                            self._questions.set_training(True)
                        if isinstance(event, RunStarted) and start.paused:
                            self._inbox.put(Pause())
                        yield event
        except UserError as error:  # PyTorch cannot be loaded
            yield RunFailed(reason=error.reason, message=str(error))
        except Exception as error:  # a defect in the trainer must not end the app
            what = f"{type(error).__name__}: {first_line(error)}"
            yield RunFailed(reason="error", message=what)
        finally:
            self._scoring.is_training = False
            self._questions.end_run()
            self._rates.end_run()

    def _race(self, start: StartRace) -> Iterator[Event]:
        from core.race.drive import Race

        race = Race(start.plan, self._inbox, self._open_lane, start.folder, start.paused)
        return race.events()

    def _open_lane(
        self, config: TrainConfig, inbox: Inbox, point: ResumePoint | None, turn: Turn
    ) -> Iterator[Event]:
        """Return the events of a lane's run, which has viewers and questions of its own."""
        from core.attach.server import serve_viewers

        questions = Questions(inbox)
        events = self._load_trainer()(config, inbox, resume_point=point, turn=turn)
        return serve_viewers(questions.answer(events), inbox)

    def _load_trainer(self) -> Train:
        if self._train is None:
            from core.training.trainer import train

            self._train = train
        return self._train

    def _pipeline(self, start: Start) -> Iterator[Event]:
        """Return a run's events: from the trainer, by way of the run's viewers, to this host."""
        from core.attach.server import serve_viewers

        more: dict[str, Any] = {}
        if start.resume_point:
            more["resume_point"] = start.resume_point
        if self._ranks:
            more["ranks"] = self._ranks
        # Viewers get the answers to their questions, so those come before.
        answered = self._questions.answer(self._load_trainer()(start.config, self._inbox, **more))
        return serve_viewers(answered, self._inbox)
