"""A queue of checkpoints that the engine evaluates, one after the other."""

from collections.abc import Callable, Sequence

from core.responses.scores import CheckpointScored
from tui.state.app_state import AppState, CheckpointRequest


class EvaluationQueue:
    """Has the engine evaluate several checkpoints, one after the other.

    `send` requests the evaluation of the checkpoint at a path, and returns the state before.
    """

    def __init__(self, paths: Sequence[str], send: Callable[[str], AppState]) -> None:
        self._paths, self._send = paths, send
        self._request: CheckpointRequest | None = None
        self.evaluations: dict[str, CheckpointScored] = {}  # by path
        self.errors: dict[str, str] = {}  # why a checkpoint could not be evaluated

    @property
    def current(self) -> str | None:
        """The path that is being evaluated."""
        return self._request.path if self._request else None

    def restart(self) -> None:
        """Evaluate all checkpoints, also those that have been."""
        self.evaluations.clear()
        self.errors.clear()
        self._next()

    def update(self, state: AppState) -> bool:
        """Take the answer to the current request, if it has come, and send the next request."""
        request = self._request
        if request is None:
            return False
        if evaluation := request.evaluation(state):
            self.evaluations[request.path] = evaluation
        elif error := request.error(state):
            self.errors[request.path] = error
        else:
            return False
        self._next()
        return True

    def _next(self) -> None:
        done = self.evaluations.keys() | self.errors.keys()
        path = next((path for path in self._paths if path not in done), None)
        self._request = CheckpointRequest(path, self._send(path)) if path else None
