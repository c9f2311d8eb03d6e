"""What the finder's network says, read off its grids: scores, boxes and points, and which of them are one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facelm.pictures import affine

STRIDES = (8, 16, 32)
"""Pixels from one place of each grid to the next."""

STRIDE = STRIDES[-1]
"""Sides of pictures for the network are multiples of this, pixels."""

OUTPUTS = 15
"""Of each place: logit of the score, x, y, log width and height of the box, x, y of five points."""

POINT_UNIT = 2.0
"""Unit of the points, in strides; that of the box is one stride."""

_SAME_FACE = 0.4


@dataclass(frozen=True, eq=False)
class Sightings:
    """Places that may be faces.

    Attributes:
        scores: (N,) float64, 0 to 1.
        boxes: (N, 4) float64 x0, y0, x1, y1, pixels.
        points: (N, 5, 2) float64 x, y, pixels.
    """

    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    points: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | Sequence[int]) -> Sightings:
        return Sightings(self.scores[chosen], self.boxes[chosen], self.points[chosen])

    @property
    def sides(self) -> NDArray[np.float64]:
        """(N,) geometric mean of width and height, pixels."""
        return measure_sides(self.boxes)

    @classmethod
    def join(cls, parts: Sequence[Sightings]) -> Sightings:
        """All places of several, at least one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "boxes", "points")))

    def moved(self, transform: NDArray[np.float64]) -> Sightings:
        """The same after an affine transform (2, 3); a box that turns becomes that of the ellipse in it."""
        middles = affine.apply(transform, (self.boxes[:, :2] + self.boxes[:, 2:]) / 2)
        reach = np.sqrt(((self.boxes[:, 2:] - self.boxes[:, :2]) / 2) ** 2 @ (transform[:, :2] ** 2).T)
        points = affine.apply(transform, self.points.reshape(-1, 2)).reshape(-1, 5, 2)
        return Sightings(self.scores, np.concatenate([middles - reach, middles + reach], 1), points)


def decode(raw: NDArray[np.float32], shape: tuple[int, int], least: float) -> Sightings:
    """Read the places with at least a score.

    Args:
        raw: (P, OUTPUTS) of all places of all grids, finest grid first, row by row.
        shape: Height and width of the picture that the network saw, multiples of `STRIDE`.
        least: The score.
    """
    counts = [shape[0] // stride * (shape[1] // stride) for stride in STRIDES]
    scores = 1 / (1 + np.exp(-raw[:, 0].astype(np.float64)))
    chosen = np.flatnonzero(scores >= least)
    grid = np.searchsorted(np.cumsum(counts), chosen, side="right")
    stride = np.array(STRIDES)[grid]
    row, column = np.divmod(chosen - np.cumsum([0, *counts])[grid], shape[1] // stride)
    values = raw[chosen].astype(np.float64)
    cells = np.column_stack([column, row]) * stride[:, None] + (stride[:, None] - 1) / 2
    middles = cells + values[:, 1:3] * stride[:, None]
    reach = np.exp(values[:, 3:5].clip(-4, 4)) * stride[:, None]
    points = cells[:, None] + values[:, 5:].reshape(-1, 5, 2) * POINT_UNIT * stride[:, None, None]
    return Sightings(scores[chosen], np.concatenate([middles - reach, middles + reach], 1), points)


def suppress(seen: Sightings) -> Sightings:
    """Of places that overlap by two fifths or more the one with the best score; best first."""
    order = np.argsort(-seen.scores, kind="stable")
    areas = (seen.boxes[:, 2:] - seen.boxes[:, :2]).clip(0).prod(1)
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(seen.boxes[best, :2], seen.boxes[order, :2])
        high = np.minimum(seen.boxes[best, 2:], seen.boxes[order, 2:])
        both = (high - low).clip(0).prod(1)
        order = order[both < _SAME_FACE * (areas[best] + areas[order] - both)]
    return seen[kept]


def measure_sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric mean of width and height of boxes (N, 4) x0, y0, x1, y1: (N,), pixels."""
    return np.sqrt((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1))
