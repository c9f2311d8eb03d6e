"""Outlines of regions as polygons, as editors of annotations want them: without holes, in COCO's coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.measure import approximate_polygon, find_contours, points_in_poly

Polygon = NDArray[np.float64]
"""(N, 2) x, y in pixels, first and last not the same; (0, 0) is the picture's corner, not the centre of a pixel."""

_TOLERANCE = 0.4  # pixels


def outline(region: NDArray[np.bool_]) -> list[Polygon]:
    """The outlines of the parts of a region.

    They pass midway between the pixels of the region and its neighbours, so that whoever fills them by the centres of
    pixels gets the region back, but for what is simplified away. A hole is joined to its outline by a slit.

    Args:
        region: (H, W).
    """
    outer: list[Polygon] = []
    holes: list[Polygon] = []
    for contour in find_contours(np.pad(region, 1).astype(np.float32), 0.5):
        simple = approximate_polygon(contour, _TOLERANCE)[:-1, ::-1] - 0.5  # from the padding's centres to edges
        if len(simple) > 2:
            (outer if _area(simple) > 0 else holes).append(simple)
    for hole in holes:
        around = [at for at, polygon in enumerate(outer) if points_in_poly(hole[:1], polygon)[0]]
        if around:
            at = min(around, key=lambda each: _area(outer[each]))
            outer[at] = _bridge(outer[at], hole)
    return outer


def join(polygons: Sequence[Polygon]) -> Polygon:
    """One polygon of several, with a slit from each to the next."""
    joined = polygons[0]
    for polygon in polygons[1:]:
        joined = _bridge(joined, polygon)
    return joined


def _area(polygon: Polygon) -> float:
    """Of a polygon without crossings: positive for outlines as `find_contours` turns them, negative for holes."""
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def _bridge(first: Polygon, second: Polygon) -> Polygon:
    """Go along the first, at its point closest to the second over to it and around it, and back."""
    distances = np.linalg.norm(first[:, None] - second[None], axis=2)
    here, there = np.unravel_index(int(distances.argmin()), distances.shape)
    around = np.roll(second, -int(there), axis=0)
    return np.concatenate([first[: here + 1], around, around[:1], first[here:]])
