"""Which routes a run takes: its own, those of --routes, those measured before, or the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import CheckpointInfo
from core.commands import ResumePoint
from core.compute.candidates import Choices, fit_route, list_choices, read_route
from core.compute.cores import cpu_cores
from core.compute.route_cache import RouteKey, key_here, read_cached
from core.compute.routes import AUTO, DEFAULT, Parts, Route, parse_parts
from core.config import TrainConfig
from core.errors import UsageError
from core.runs.description import read_description

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RouteChoice:
    """A route and what it comes from, in words. `may_measure` where a faster one may be found."""

    route: Route
    origin: str
    may_measure: bool = False
    notes: tuple[str, ...] = ()


def choose_route(
    config: TrainConfig,
    device: torch.device,
    resume_point: ResumePoint | None = None,
    info: CheckpointInfo | None = None,
    processes: int | None = None,
) -> RouteChoice:
    """Return the route of a run; `info` is of the checkpoint that it is resumed from.

    A run that is resumed keeps its own, as far as this machine has it. `processes` of
    several ranks share this machine. Raises UsageError and DeviceError.
    """
    choices = choices_of(config, device, processes)
    if resume_point:
        parts = _own_parts(config, recorded_routes(resume_point, info))
        if config.threads == AUTO and int(parts.get("threads", 1)) > cpu_cores():
            parts = {part: value for part, value in parts.items() if part != "threads"}
        return RouteChoice(fit_route(choices, parts), "of the run" if parts else "the default")
    if config.routes not in (AUTO, DEFAULT):
        parts = parse_parts(config.routes)
        route = read_route(choices, parts, config.precision, config.threads)
        return RouteChoice(route, "set by --routes")
    if config.routes == DEFAULT or processes:
        return RouteChoice(choices.default, "the default")
    if cached := read_cached(key_of(config, device)):
        route = fit_route(choices, parse_parts(cached.routes))
        return RouteChoice(route, "measured before on this machine", notes=cached.notes)
    return RouteChoice(choices.default, "the default", may_measure=True)


def choices_of(config: TrainConfig, device: torch.device, processes: int | None = None) -> Choices:
    """Return what the settings leave open on a device. Raises DeviceError."""
    return list_choices(config.network, device, config.precision, config.threads, processes)


def key_of(config: TrainConfig, device: torch.device) -> RouteKey:
    """Return what measured routes of the config are kept by."""
    return key_here(
        config.network.key,
        config.batch_size,
        config.optimizer,
        config.precision,
        config.threads,
        device,
    )


def recorded_routes(resume_point: ResumePoint, info: CheckpointInfo | None) -> str:
    """Return the text that a run's checkpoint, or else its run.json, has of its routes.

    Empty where they have none: an earlier version trained it by the default.
    """
    if info:
        return info.routes
    found: Any = read_description(resume_point.folder).get("routes", "")
    return found if isinstance(found, str) else ""


def route_of_record(
    config: TrainConfig, device: torch.device, routes: str, precision: str
) -> tuple[Route, bool]:
    """Return the route by which steps were trained, as far as this machine has it, and whether it
    has all of it. `precision` is what they were trained in, where `routes` is empty.

    Raises DeviceError.
    """
    parts = _parts_or_none(routes)
    choices = list_choices(config.network, device, AUTO if parts else precision, config.threads)
    route = fit_route(choices, parts)
    return route, not parts or str(route) == routes


def _own_parts(config: TrainConfig, routes: str) -> Parts:
    """Return the parts of a run's routes that its settings, which a branch changes, leave open."""
    is_set = {"precision": config.precision != AUTO, "threads": config.threads != AUTO}
    parts = _parts_or_none(routes)
    return {part: value for part, value in parts.items() if not is_set.get(part)}


def _parts_or_none(routes: str) -> Parts:
    """Return the parts that a file names; none where it names what is not known here."""
    try:
        return parse_parts(routes)
    except UsageError:
        return {}
