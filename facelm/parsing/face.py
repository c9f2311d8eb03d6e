"""A parsed face, and how it lies in its picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import select
from facelm.pictures import affine
from facelm.pictures.crops import to_crop_pixels

_FACE = classes.indices(*classes.FACE)
_BROWS = classes.indices("l_brow", "r_brow")
_WAIST = 0.25


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    Attributes:
        box: x0, y0, x1, y1 from brows to chin in the picture, pixels; (0, 0) is the centre of the first pixel.
        score: How sure it is that this is a face, 0 to 1.
        transform: (2, 3) float64, from picture pixels to fractions of the canonical crop (see `facelm.pictures.crops`).
        probabilities: (19, S, S) float32 of the canonical crop; they add up to 1 in each pixel.
        inside: (S, S) bool, False where the crop reaches beyond the picture.
        context: (19, C, C) float32 of a square twice as wide around the crop: hair and clothes that the crop cuts
            off; None where it cuts off nothing.
        rgb: (S, S, 3) uint8, the canonical crop as the parser saw it; None where only its regions are known.
    """

    box: tuple[float, float, float, float]
    score: float
    transform: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    inside: NDArray[np.bool_]
    context: NDArray[np.float32] | None
    rgb: NDArray[np.uint8] | None = None

    @property
    def to_crop(self) -> NDArray[np.float64]:
        """(2, 3) transform from picture pixels to pixels of ``probabilities``."""
        return to_crop_pixels(self.transform, self.probabilities.shape[1])

    @property
    def to_picture(self) -> NDArray[np.float64]:
        """(2, 3) transform from pixels of ``probabilities`` to picture pixels."""
        return affine.invert(self.to_crop)


def bound_face(
    labels: NDArray[np.uint8], inside: NDArray[np.bool_], transform: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Box in the picture of the face below the upper edge of its brows, from the labels (S, S) of its crop."""
    size = len(labels)
    face = select(labels, _FACE) & inside
    brow_rows = np.flatnonzero(select(labels, _BROWS).any(1))
    expected = round(0.39 * size)
    face[: brow_rows[0] if brow_rows.size and abs(brow_rows[0] - expected) < 0.12 * size else expected] = 0
    _part_from_neighbours(face)
    outlines, _ = cv2.findContours(face, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = np.array([[0.25 * size, expected], [0.75 * size, 0.85 * size]]).round()
    if outlines:
        points = max(outlines, key=cv2.contourArea)[:, 0].astype(float)
    return bound(affine.apply(affine.invert(to_crop_pixels(transform, size)), points))


def _part_from_neighbours(face: NDArray[np.uint8]) -> None:
    """Clear of a mask (S, S), in place, what begins at a waist: another face that touches this one."""
    heights = face.sum(0, dtype=int)
    third = len(heights) // 3
    middle = third + int(heights[third : 2 * third].argmax())
    face[:, : middle - _find_waist(heights[middle::-1])] = 0
    face[:, middle + _find_waist(heights[middle:]) + 1 :] = 0


def _find_waist(heights: NDArray[np.int_]) -> int:
    """Where a face, whose height starts at its greatest, has become narrow before it grows again; else its end."""
    lowest = np.minimum.accumulate(heights)
    least = _WAIST * heights[0]
    grown = np.flatnonzero((heights[0] - lowest > least) & (heights - lowest > least))
    return int(heights[: grown[0]].argmin()) if grown.size else len(heights) - 1


def bound(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """The box around points (N, 2)."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)
