"""Affine transforms of the plane, (2, 3) matrices: fitted, turned back, joined, applied to points."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def fit_similarity(
    source: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted least-squares similarity transform (Umeyama, PAMI 1991), without reflection.

    Args:
        source: (N, 2) points, N at least 2.
        target: (N, 2) points that they are to meet.
        weights: (N,), not negative.

    Returns:
        (2, 3) matrix: target = matrix[:, :2] @ source + matrix[:, 2].

    Raises:
        ValueError: The source points coincide.
    """
    share = weights / weights.sum()
    centre, goal = share @ source, share @ target
    a = (source - centre) @ (1, 1j)
    b = (target - goal) @ (1, 1j)
    spread = float(share @ abs(a) ** 2)
    if spread < 1e-12:
        raise ValueError("points that coincide have no similarity transform")
    turn = (share * np.conj(a) * b).sum() / spread
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([matrix, goal - matrix @ centre])


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a (2, 3) affine transform."""
    return cv2.invertAffineTransform(matrix).astype(float, copy=False)


def scaling(scale: tuple[float, float]) -> NDArray[np.float64]:
    """The (2, 3) transform from pixels of a picture to those of the picture reduced by ``scale`` in x and y.

    Pixel centres are at whole numbers in both.
    """
    factors = 1 / np.array(scale)
    return np.column_stack([np.diag(factors), 0.5 * factors - 0.5])


def compose(second: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (2, 3) affine transform that does ``first``, then ``second``."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def apply(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform points (N, 2) by a (2, 3) affine matrix."""
    moved: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return moved
