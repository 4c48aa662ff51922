"""Report which routes were measured on this machine for earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from core.compute.route_cache import CachedRoute, list_cached
from core.doctor.check import OK, WARNING, Check
from core.doctor.training_checks import GROUP


def judge_routes() -> Iterator[Check]:
    """Yield a check of each network and batch size that has measured routes, or that none has."""
    found = list(list_cached())
    if not found:
        what = "none measured yet: the first run of some length does it, in about two seconds"
        yield Check(GROUP, "routes", OK, what)
    for each in found:
        yield _judge(each)


def _judge(entry: CachedRoute) -> Check:
    key = entry.key
    device = "" if key.device == "cpu" else f" on {key.device}"
    what = f"{key.network}, batch {key.batch_size}, {key.precision}{device}: {entry.routes}"
    gain = f", {entry.speedup:.2f} times as fast as the default {entry.default}"
    what += ", the default" if entry.routes == entry.default else gain
    figures = {"routes": entry.routes, "default": entry.default, "speedup": entry.speedup}
    figures |= {"network": key.network, "batch_size": key.batch_size, "failed": entry.failed}
    if not entry.failed:
        return Check(GROUP, "routes", OK, what, figures=figures)
    name, why = next(iter(entry.failed.items()))
    more = f" and {len(entry.failed) - 1} more" if len(entry.failed) > 1 else ""
    what += f"; left out, because it failed: {name} ({why}){more}"
    return Check(GROUP, "routes", WARNING, what, "runs are not affected", figures)
