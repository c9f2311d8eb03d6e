"""Which face of a frame is which of the frames before: Hungarian assignment (scipy) on overlap and looks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facelm.pictures import affine
from facelm.pictures.crops import align_points, cut_crop

_LEAST_OVERLAP = 0.2
_LOOKS_COUNT = 0.5  # as against overlap
_LOOK = 16  # side of the small picture by which faces are told apart, pixels
_CORNERS = np.array([[0.25, 0.3], [0.75, 0.3], [0.75, 0.85], [0.25, 0.85]])
"""Of the face in its canonical crop."""


def bound_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """x0, y0, x1, y1 of the face that has these five points (5, 2)."""
    corners = affine.apply(affine.invert(align_points(points)), _CORNERS)
    return np.concatenate([corners.min(0), corners.max(0)])


def take_look(rgb: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.float32]:
    """What a face with these five points (5, 2) looks like: a small upright picture of it, as a vector of length 1."""
    small = cut_crop(rgb, align_points(points), _LOOK)[3:14, 3:13].astype(np.float32)
    small = cv2.GaussianBlur(small, (3, 3), 0) - small.mean()
    return (small / max(float(np.linalg.norm(small)), 1e-6)).ravel()


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared)


def assign(
    known: Sequence[tuple[NDArray[np.float64], NDArray[np.float32]]],
    found: Sequence[tuple[NDArray[np.float64], NDArray[np.float32]]],
) -> list[tuple[int, int]]:
    """Pair faces that are known with faces that were found: most overlap and likeness in all.

    Args:
        known: Box (4,) and look of each, where it is expected.
        found: Box (4,) and look of each.

    Returns:
        Indices into both; faces that overlap nowhere stay alone.
    """
    if not known or not found:
        return []
    shared = overlap(np.stack([box for box, _ in known]), np.stack([box for box, _ in found]))
    alike = np.stack([look for _, look in known]) @ np.stack([look for _, look in found]).T
    worth = np.where(shared > _LEAST_OVERLAP, shared + _LOOKS_COUNT * alike + 1, 0)
    pairs = zip(*linear_sum_assignment(-worth), strict=True)
    return [(int(at), int(there)) for at, there in pairs if shared[at, there] > _LEAST_OVERLAP]
