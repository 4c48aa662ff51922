"""The routes that a network can take on a device, and the default that is used unmeasured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from core.compute.cores import cpu_cores
from core.compute.routes import PARTS, Parts, Route
from core.compute.threads import choose_threads
from core.errors import DeviceError, UsageError
from core.models.networks import Network, build_blank

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Choices:
    """The default route, and for each part of a route its values, the default's first."""

    default: Route
    values: dict[str, tuple[str | int, ...]]

    def complete(self, parts: Parts) -> Route:
        """Return the default with other parts, where they go together."""
        return self._settle(self.default.with_parts(parts))

    def _settle(self, route: Route) -> Route:
        """Return the route without what other parts of it leave no choice in: training in bf16
        multiplies by oneDNN alone, and by autograd, and so does an update in slices."""
        first = {part: each[0] for part, each in self.values.items()}
        fixed = set[str]()
        if route.precision == "bf16":
            route, fixed = replace(route, backward=None), {"products"}
        elif route.backward is None:
            fixed = {"backward"}
        if route.update == "sliced":
            fixed.add("products")
        return route.with_parts({part: first[part] for part in fixed & first.keys()})

    def single_changes(self) -> Iterator[tuple[str, str | int, Route]]:
        """Yield each part and value that is not the default's, with the default so changed."""
        for part, values in self.values.items():
            for value in values:
                if value != getattr(self.default, part):
                    yield part, value, self.complete({part: value})

    def combinations(self, values: dict[str, list[str | int]]) -> list[Route]:
        """Return each route of these values that is worth measuring, without repeats.

        To have few, an update in slices is not combined with each memory format and each number
        of threads: it saves traffic to memory whatever they are.
        """
        names = list(values)
        rows = [dict(zip(names, row, strict=True)) for row in product(*values.values())]
        usual = {part: getattr(self.default, part) for part in ("threads", "layout")}
        routes = [
            self.complete(row)
            for row in rows
            if row.get("update") != "sliced" or usual.items() <= (usual | row).items()
        ]
        return list(dict.fromkeys(routes))


def list_choices(
    network: Network,
    device: torch.device,
    precision: str = "fp32",
    threads: int | str = "auto",
    processes: int | None = None,
) -> Choices:
    """Return what --precision and --threads leave open for a network on a device.

    `processes` of several ranks share this machine; their steps cannot be captured as a graph.
    Raises DeviceError for a precision that the device lacks, and UsageError for a network from a
    file that is wrong.
    """
    from core.compute.devices import list_precisions
    from core.compute.torch_private import has_onednn_linear

    network.try_out()
    formats = list_precisions(precision, network, device)
    values: dict[str, tuple[str | int, ...]] = {"precision": formats}
    usual = choose_threads(threads, network, processes or 1)
    has = network_traits(network)
    values["threads"] = (usual,)
    if device.type == "cpu":
        if threads == "auto" and processes is None:
            values["threads"] = (usual, *(n for n in thread_counts() if n != usual))
        if has.convolutions:
            values["layout"] = ("channels-last", "contiguous")
        if has.large_linear and has_onednn_linear():
            values["products"] = ("onednn", "blas")
        if has.sliceable and has_onednn_linear() and processes is None:
            values["update"] = ("whole", "sliced")
        if has.chain:
            values["backward"] = ("chain", "autograd")
    elif device.type == "cuda":
        if has.convolutions:
            values["layout"] = ("contiguous", "channels-last")
        if processes is None:
            values["launch"] = ("graph", "eager")
    first: dict[str, str | int] = {part: each[0] for part, each in values.items()}
    bare = Choices(Route(), values)
    return Choices(bare.complete(first), values)


def thread_counts() -> list[int]:
    """Return 1, 2, 4 and so on up to all cores, and all cores."""
    cores = cpu_cores()
    return sorted({*(2**n for n in range(cores.bit_length()) if 2**n <= cores), cores})


def read_route(choices: Choices, parts: Parts, precision: str, threads: int | str) -> Route:
    """Return the route that a text asks for, strictly. `precision` and `threads` are settings.

    Raises UsageError where the settings or the network exclude a part, and DeviceError where this
    machine does.
    """
    if precision != "auto" and parts.get("precision", precision) != precision:
        asked = f"--routes {parts['precision']}"
        raise UsageError(f"{asked} cannot be used with --precision {precision}: leave one out")
    if threads != "auto" and parts.get("threads", threads) != int(threads):
        asked = f"--routes threads={parts['threads']}"
        raise UsageError(f"{asked} cannot be used with --threads {threads}: leave one out")
    route = choices.complete(parts)
    for part, value in parts.items():
        if part != "threads" and (
            value not in choices.values.get(part, ()) or getattr(route, part) != value
        ):
            raise DeviceError(_explain_missing(part, str(value)))
    return route


def _explain_missing(part: str, value: str) -> str:
    """Return that a part of a route does not exist here, and what it costs to leave it out."""
    cost = f"by the rounding of {value}" if part == "precision" else "in the last bits"
    return (
        f"--routes {value} ({PARTS[part][value]}) is not available for this network on this "
        f"device: without it, results differ {cost}"
    )


def fit_route(choices: Choices, parts: Parts) -> Route:
    """Return the route with those parts that exist here, and the default's for the others."""
    known = {
        part: value
        for part, value in parts.items()
        if part == "threads" or value in choices.values.get(part, ())
    }
    return choices.complete(known)


@dataclass(frozen=True)
class Traits:
    """What of a network decides which routes it can take."""

    convolutions: bool
    large_linear: bool  # a Linear that oneDNN may multiply faster
    sliceable: bool  # a Linear whose weight can be updated in slices
    chain: bool  # Linear and ReLU alone


@cache
def network_traits(network: Network) -> Traits:
    """Return a network's traits, from its layers without memory for its weights."""
    from torch import nn

    from core.compute.cpu_kernels import is_large
    from core.compute.mlp_backprop import find_linear_layers
    from core.compute.sliced_update import is_sliceable

    model = build_blank(network)
    facts, is_known = network.facts, True
    if network.file:
        from core.models.network_file.checks import is_plain

        is_known = is_plain(model)  # else a layer's weights may be used elsewhere, too
    return Traits(
        convolutions=any(isinstance(each, nn.Conv2d) for each in model.modules())
        and (not facts or facts.any_layout),
        large_linear=any(map(is_large, model.modules())),
        sliceable=is_known and any(map(is_sliceable, model.modules())),
        chain=is_known and find_linear_layers(model) is not None,
    )
