"""Sub-pixel outlines of regions, and points along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

_LEVEL = 0.5 + 1e-9  # no float32 is equal to it: lines would touch each other there
_SMALLEST_AREA = 4.0


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

    The outline is the iso-line of the probability at one half (marching squares; Lorensen and Cline 1987).

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
    """Areas and points of the closed outlines in a field."""
    left, top, width, height = cv2.boundingRect((probability > _LEVEL).view(np.uint8))
    if not width:
        return []
    # The pixels around the region as well, for the outline runs between these and those in it.
    x, y = max(left - 1, 0), max(top - 1, 0)
    padded = np.pad(probability[y : top + height + 1, x : left + width + 1], 1)
    outlines = []
    for line in find_contours(padded, _LEVEL):
        points = line[:-1, ::-1] + (x - 1, y - 1)
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
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(arc, axis=0), axis=1))])
    at = np.asarray(fractions) * length[-1]
    return np.column_stack([np.interp(at, length, arc[:, 0]), np.interp(at, length, arc[:, 1])])
