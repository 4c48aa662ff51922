"""Principal components: the directions in which many points differ most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

DIMENSIONS = 2
BLOCK = 4  # vectors added at a time: components of equal variance are found too
MOST_VECTORS = 200
# How exact a component is: the part of A·v that is not along v, as a share of the largest variance.
TOLERANCE = 1e-5
LEAST_NEW = 1e-6  # of what a vector adds, as the same share: less is rounding


@dataclass(frozen=True)
class Components:
    """The two directions (width, 2) of the largest variance of points around their `mean` (width,),
    and the shares of the variance along them. Fewer than two directions are completed with 0."""

    mean: Tensor
    directions: Tensor
    shares: tuple[float, ...]

    def project(self, points: Tensor) -> Tensor:
        """Return the coordinates (N, 2) of points (N, width)."""
        return (points - self.mean) @ self.directions


def find_components(points: Tensor) -> Iterator[Components | None]:
    """Yield None after each few milliseconds, and at last the components of points (N, width),
    float32.

    The points are overwritten. A Krylov space of their covariance is spanned by a block Lanczos
    method (Golub, Underwood 1977) with full orthogonalization, from a start that is always the
    same: no random numbers are drawn, and a full decomposition would take longer than a slice.
    """
    scale = float(points.abs().amax()) or 1.0  # so that no square overflows
    mean = points.mean(0)
    yield None
    points.sub_(mean).div_(scale)
    yield None
    total = float(points.square().sum())
    yield None
    width = points.shape[1]
    basis = images = torch.empty(width, 0)  # orthonormal vectors, and their products with A
    new = torch.linalg.qr(_start(width)).Q
    while True:
        basis = torch.cat([basis, new], 1)
        images = torch.cat([images, points.T @ (points @ new)], 1)
        yield None
        values, vectors = torch.linalg.eigh((basis.T @ images).double())
        top = vectors[:, -DIMENSIONS:].flip(1).float()
        directions, sizes = basis @ top, values[-DIMENSIONS:].flip(0).clamp(min=0)
        largest = float(sizes[0])
        errors = (images @ top - directions * sizes.float()).norm(dim=0)
        new = _orthogonalize(images[:, -new.shape[1] :], basis, LEAST_NEW * largest)
        is_exact = basis.shape[1] > DIMENSIONS and float(errors.amax()) <= TOLERANCE * largest
        if is_exact or not new.shape[1] or basis.shape[1] >= MOST_VECTORS:
            break
    missing = DIMENSIONS - directions.shape[1]
    directions = torch.cat([_with_sign(directions), torch.zeros(width, missing)], 1)
    shares = [min(1.0, size / total) if total else 0.0 for size in sizes.tolist()]
    yield Components(mean, directions, (*shares, *[0.0] * missing))


def _start(width: int) -> Tensor:
    """Return vectors (width, BLOCK or fewer) without a pattern that data might have."""
    numbers = torch.arange(1, width + 1, dtype=torch.float64)
    golden = torch.arange(1, min(BLOCK, width) + 1, dtype=torch.float64) * 0.6180339887498949
    return torch.cos(numbers.square().outer(golden)).float()


def _orthogonalize(vectors: Tensor, basis: Tensor, least: float) -> Tensor:
    """Return an orthonormal basis of what the vectors add to another, without what is shorter."""
    for _ in range(2):  # once leaves errors of rounding
        vectors = vectors - basis @ (basis.T @ vectors)
    found = torch.linalg.qr(vectors)
    new = found.Q[:, found.R.diagonal().abs() > least]
    new = new - basis @ (basis.T @ new)
    return torch.linalg.qr(new).Q if new.shape[1] else new


def _with_sign(directions: Tensor) -> Tensor:
    """Return the directions with the sign that makes the largest number of each positive."""
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    return directions * torch.where(largest < 0, -1.0, 1.0)
