"""Whether a point is inside what was tried: the convex hull of points."""

import numpy as np


def distance_to_hull(points: np.ndarray, point: np.ndarray) -> float:
    """Return the distance of a point to the convex hull of points, 0 inside it.

    Args:
        points: shape (points, dimensions).
        point: shape (dimensions,).

    The nearest point of the hull by Wolfe's algorithm (1976): a set of corners whose affine hull's
    nearest point is inside their own hull, to which the corner farthest ahead is added until none
    is ahead.

    """
    corners = points - point
    scale = float(np.abs(corners).max()) or 1.0
    corners = corners / scale
    chosen = [int((corners**2).sum(axis=1).argmin())]
    weights = np.ones(1)
    for _ in range(50 * len(corners)):
        near = weights @ corners[chosen]
        ahead = corners @ near
        if ahead.min() >= near @ near - 1e-12 or int(ahead.argmin()) in chosen:
            break
        chosen.append(int(ahead.argmin()))
        weights = np.append(weights, 0.0)
        chosen, weights = _inside(corners, chosen, weights)
    distance = float(np.linalg.norm(weights @ corners[chosen]))
    return scale * distance if distance > 1e-9 else 0.0


def _inside(
    corners: np.ndarray, chosen: list[int], weights: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Go towards the nearest point of the corners' affine hull, dropping corners on the way."""
    while True:
        own = corners[chosen]
        size = len(chosen)
        system = np.ones((size + 1, size + 1))
        system[:size, :size] = own @ own.T
        system[size, size] = 0.0
        goal = np.append(np.zeros(size), 1.0)
        affine = np.linalg.lstsq(system, goal, rcond=None)[0][:size]
        if affine.min() > 1e-12:
            return chosen, affine
        shrinks = np.flatnonzero(affine <= 1e-12)
        parts = weights[shrinks] / np.maximum(weights[shrinks] - affine[shrinks], 1e-300)
        weights = weights + min(1.0, float(parts.min())) * (affine - weights)
        kept = weights > 1e-12
        if kept.all():
            kept[shrinks[parts.argmin()]] = False
        chosen = [corner for corner, keep in zip(chosen, kept, strict=True) if keep]
        weights = weights[kept] / weights[kept].sum()
