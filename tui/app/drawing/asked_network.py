"""The network that a drawing is shown to, found again when a run begins, ends or is opened."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from tui.state.drawing_answers import AskedNetwork, NetworkChosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.app.app import MnistApp

NO_NETWORK = "There is no network yet."
SEARCHING = "Searching for a network…"
STARTING = "Training is starting…"
AGAIN_SECONDS = 3.0  # between two searches in a folder without a network


class NetworkFinder:
    """The network in training or paused, else the checkpoint that was opened since, else that of
    the run, else the newest in the folder with the runs."""

    def __init__(self, app: MnistApp, on_found: Callable[[], None]) -> None:
        self._app, self._on_found = app, on_found
        self._opened: str | None = None
        self._found: AskedNetwork | None = None
        self._searched: object = None  # what `_found` was, or is being searched for
        self._is_searching = False
        self._searched_at = 0.0
        self._refused: frozenset[str] = frozenset()  # those found that cannot be loaded
        self._announced: NetworkChosen | None = None

    def note_opened(self, path: str) -> None:
        self._opened = path

    def forget(self) -> None:
        """A run has begun or ended: its network is newer than what was opened before."""
        self._opened, self._searched = None, None

    def refuse(self, path: str) -> None:
        """The checkpoint at `path` cannot be loaded. Search for another, unless it was chosen."""
        if self._found and path == self._found.path and not self._wanted_path():
            self._refused |= {path}

    def network(self) -> AskedNetwork | None:
        """Return the network to ask; None where there is none, and while it is searched for."""
        found, why = self._choose()
        can_train = not self._app.runs.is_active and not self._app.runs.is_elsewhere
        chosen = NetworkChosen(network=found, why=why, can_train=can_train, time=0.0)
        if chosen != self._announced:
            self._announced = chosen
            self._app.runs.emit(chosen)
        return found

    def _wanted_path(self) -> str | None:
        return self._opened or self._app.run_state.checkpoint

    def _choose(self) -> tuple[AskedNetwork | None, str]:
        app, state = self._app, self._app.run_state
        run = state.started
        if run and state.phase in ("training", "paused"):
            epoch = max(1, state.epoch)
            return AskedNetwork(None, run.run, run.folder, epoch, 0, run.class_names), ""
        if state.is_active or app.runs.is_elsewhere:
            return None, STARTING
        searched = self._wanted_path(), self._refused
        is_due = self._found is None and monotonic() - self._searched_at > AGAIN_SECONDS
        if searched != self._searched or (is_due and not self._is_searching):
            if searched != self._searched:
                self._found = None
            self._search(*searched, searched)
        is_first = self._found is None and self._is_searching and not self._announced_none()
        return self._found, "" if self._found else SEARCHING if is_first else NO_NETWORK

    def _announced_none(self) -> bool:
        return self._announced is not None and self._announced.why == NO_NETWORK

    def _search(self, path: str | None, refused: frozenset[str], searched: object) -> None:
        self._searched, self._is_searching = searched, True
        from tui.state.found_networks import find_network

        find = partial(find_network, path, self._app.config.folder, refused)

        async def search() -> None:
            found = await asyncio.to_thread(find)
            if self._searched == searched:
                self._found, self._is_searching, self._searched_at = found, False, monotonic()
                self._on_found()

        self._app.run_worker(search(), group="network", exclusive=True, exit_on_error=False)
