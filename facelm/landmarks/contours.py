"""Sub-pixel outlines of regions, and points along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_LEVEL = 0.5 + 1e-9  # no float32 is equal to it: lines would touch each other there
_SMALLEST_AREA = 4.0
_SHORTEST = 6  # pixels along an outline of that area
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed outline.

    Attributes:
        points: (N, 2) x, y, pixels of the field, clockwise as seen (y down); the first is not repeated.
        confidence: Mean probability inside.
    """

    points: NDArray[np.float64]
    confidence: float

    @property
    def centroid(self) -> NDArray[np.float64]:
        """x, y of the centre of the area."""
        moments = cv2.moments(self.points.astype(np.float32))
        return np.array([moments["m10"], moments["m01"]]) / moments["m00"]

    def ends(self) -> tuple[int, int]:
        """Indices of the left and right end along the long axis of the area."""
        centred = self.points - self.centroid
        moments = cv2.moments(self.points.astype(np.float32))
        angle = 0.5 * np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
        along = centred @ (np.cos(angle), np.sin(angle))
        return int(along.argmin()), int(along.argmax())

    def arcs(self, left: int, right: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The upper and the lower way from one point to another, both from left to right."""
        count = len(self.points)
        upper = self.points[(left + np.arange((right - left) % count + 1)) % count]
        lower = self.points[(right + np.arange((left - right) % count + 1)) % count][::-1]
        return upper, lower


def find_outline(probability: NDArray[np.float32], expected: NDArray[np.float64], reach: float) -> Outline | None:
    """The outline of the region nearest to where it is expected.

    The outline is the iso-line of the probability at one half.

    Args:
        probability: (H, W) float32.
        expected: x, y of the region's centroid, pixels.
        reach: How far from it the centroid may be, pixels.

    Returns:
        The outline, or None if there is no region there. Of several, a large one may lie farther away.
    """
    return find_outlines(probability, [expected], reach)[0]


def find_outlines(
    probability: NDArray[np.float32], expected: Sequence[NDArray[np.float64]], reach: float
) -> list[Outline | None]:
    """The outline nearest to each of several places, see `find_outline`."""
    outlines = _trace(probability)
    return [_choose(outlines, probability, place, reach) for place in expected]


def _trace(probability: NDArray[np.float32]) -> list[tuple[float, NDArray[np.float64]]]:
    """Areas and points of the closed outlines in a field.

    Border following (Suzuki and Abe, CVGIP 1985) gives the pixels along them in order. Each becomes the mean of the
    places where the field falls to one half on the way to those of its four neighbours that are outside.
    """
    left, top, width, height = cv2.boundingRect((probability > _LEVEL).view(np.uint8))
    if not width:
        return []
    # A pixel around all, for the outline runs between those in the region and those beside it.
    x, y = left - 1, top - 1
    field = np.zeros((height + 2, width + 2), np.float32)
    rows, columns = slice(max(y, 0), top + height + 1), slice(max(x, 0), left + width + 1)
    part = probability[rows, columns]
    row, column = rows.start - y, columns.start - x
    field[row : row + part.shape[0], column : column + part.shape[1]] = part
    lines, _ = cv2.findContours((field > _LEVEL).view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outlines = []
    for line in lines:
        if len(line) < _SHORTEST:
            continue
        pixels = line[:, 0]
        level = field[pixels[:, 1], pixels[:, 0]].astype(float) - _LEVEL
        moved, count = np.zeros(pixels.shape), np.zeros(len(pixels))
        for way in _WAYS:
            beside = field[pixels[:, 1] + way[1], pixels[:, 0] + way[0]].astype(float) - _LEVEL
            outside = beside < 0
            share = np.where(outside, level / (level - np.where(outside, beside, -1)), 0)
            moved += share[:, None] * way
            count += outside
        points = pixels + moved / count.clip(1)[:, None] + (x, y)
        _, first = np.unique(points @ (1, 1j), return_index=True)
        points = points[np.sort(first)]
        area = cv2.contourArea(points.astype(np.float32), oriented=True)
        if abs(area) >= _SMALLEST_AREA:
            outlines.append((abs(area), points if area > 0 else points[::-1]))
    return outlines


def _choose(
    outlines: Sequence[tuple[float, NDArray[np.float64]]],
    probability: NDArray[np.float32],
    expected: NDArray[np.float64],
    reach: float,
) -> Outline | None:
    """The best of some outlines for a place, with its confidence."""
    best: Outline | None = None
    best_value = 0.0
    for area, points in outlines:
        outline = Outline(points, 0.0)
        distance = float(np.linalg.norm(outline.centroid - expected))
        value = area * np.exp(-4 * (distance / reach) ** 2)
        if distance < reach and value > best_value:
            best, best_value = outline, value
    if best is None:
        return None
    # An outline around what the border cuts off runs half a pixel outside.
    corners = np.rint(best.points).astype(np.int32).clip(0, np.array(probability.shape[::-1], np.int32) - 1)
    left, top, width, height = cv2.boundingRect(corners)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [corners - (left, top)], 1)
    return Outline(best.points, float(cv2.mean(probability[top : top + height, left : left + width], inside)[0]))


def sample_arc(arc: NDArray[np.float64], fractions: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Points at fractions of the length of a polyline (N, 2): (len(fractions), 2)."""
    line = arc @ (1, 1j)
    length = np.concatenate([[0], np.cumsum(abs(np.diff(line)))])
    found = np.interp(np.asarray(fractions) * length[-1], length, line)
    return found.view(float).reshape(-1, 2)
