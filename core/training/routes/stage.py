"""The stage of a run before its first step in which its routes are measured."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from core.compute.candidates import list_choices
from core.compute.route_cache import CachedRoute, write_cached
from core.compute.routes import AUTO, Route, describe
from core.config import TrainConfig
from core.data.datasets import Tensors
from core.events import Event, Preparing
from core.runs.description import config_in, read_description
from core.runs.layout import DESCRIPTION
from core.training.routes.choice import RouteChoice, choices_of, key_of
from core.training.routes.measure import Measured, measure
from core.user import host_name

if TYPE_CHECKING:
    from core.training.setup import Setup

EVENT_SECONDS = 0.2
# Runs that are compared with: reading a thousand descriptions would delay each start.
NEWEST_RUNS = 100
# What decides which routes can be measured as fastest.
SETTINGS = ("arch", "batch_size", "optimizer", "precision", "threads")


def with_fastest_route(setup: Setup, tensors: Tensors) -> Generator[Event, None, Setup]:
    """Return the setup with the fastest route that was measured, and notices about it.

    The default stays where the run is too short to repay measuring, or where nothing is faster
    beyond doubt. What was found is kept for later runs.
    """
    config, device = setup.config, setup.device
    choices = choices_of(config, device)
    against = None
    if config.precision == "bf16":
        against = list_choices(config.network, device, "fp32", config.threads).default
    measuring = measure(choices, config, tensors, device, setup.total_steps, against=against)
    found = yield from _with_events(measuring)
    if not found.step_seconds:
        return setup
    slower = _slower_than_fp32(found, against)
    notes = [*slower, *filter(None, (_explain(found), _difference(setup, found.route)))]
    if found.is_complete and not found.doubt:
        entry = CachedRoute(
            key=key_of(config, device),
            routes=str(found.route),
            default=str(found.default),
            speedup=round(found.speedup, 3),
            notes=slower,
            failed=found.failed,
        )
        if problem := write_cached(entry):
            notes.append(f"the routes are measured again in the next run: {problem}")
    chosen = RouteChoice(found.route, "measured", notes=tuple(notes))
    return replace(setup, chosen=chosen, route_seconds=found.seconds)


def _with_events(
    measuring: Generator[None, None, Measured],
) -> Generator[Event, None, Measured]:
    last = 0.0
    while True:
        try:
            next(measuring)
        except StopIteration as done:
            return done.value
        if monotonic() - last > EVENT_SECONDS:
            yield Preparing(message="measuring the fastest way to compute on this machine")
            last = monotonic()


def _slower_than_fp32(found: Measured, against: Route | None) -> tuple[str, ...]:
    """Return a note where the bf16 that was asked for is slower than fp32."""
    ratio = found.against_ratio  # of fp32's time to that of the route taken
    if against is None or ratio is None or ratio > 0.98:
        return ()
    step = found.step_seconds / found.speedup * 1000
    times = f"{step:.3g} against {step * ratio:.3g} ms a step"
    return (f"--precision bf16 is slower than fp32 on this machine: {times}",)


def _explain(found: Measured) -> str | None:
    if found.doubt:
        return (
            f"the default routes {found.default} are kept, and measured again in the next run: "
            f"{found.doubt}"
        )
    if found.route == found.default:
        return None
    changed = describe(found.route, found.default)
    return f"{changed}: a step is {found.speedup:.2f} times as fast as by default on this machine"


def _difference(setup: Setup, route: Route) -> str | None:
    """Return how to repeat the newest earlier run on this machine that took other routes."""
    config = setup.config
    with suppress(OSError):
        rows = [(path.stat().st_mtime, path) for path in config.folder.glob(f"*/{DESCRIPTION}")]
        for _, path in sorted(rows, reverse=True)[:NEWEST_RUNS]:
            before = _routes_if_alike(read_description(path.parent), config, str(setup.device))
            if before == str(route):
                return None
            if before:
                return (
                    f"routes differ from those of {path.parent.name} on this machine, so results "
                    f"may differ in the last bits; to repeat that run: --routes {before}"
                )
    return None


def _routes_if_alike(description: dict[str, Any], config: TrainConfig, device: str) -> str | None:
    """Return the routes of a run of the same settings here that may have been measured."""
    stored, routes = config_in(description), description.get("routes")
    alike = all(stored.get(name) == getattr(config, name) for name in SETTINGS)
    here = description.get("host") == host_name() and description.get("device") == device
    measured = stored.get("routes", AUTO) == AUTO
    return routes if alike and here and measured and isinstance(routes, str) else None
