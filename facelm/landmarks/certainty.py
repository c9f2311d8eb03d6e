"""How sure a landmark is: the probability that it lies within 5 % of the inter-ocular distance of its true place.

A logistic regression (Platt scaling; Platt 1999) on what contours and landmark network say of a point, fitted by
``recipes/landmark_net.py`` to faces that neither was trained on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.points import PARTS, POINTS

_NOTHING_CLOSER = 1e-3
_FAR = 0.3
_GROUPS = np.zeros((POINTS, len(PARTS)))
for _column, _points in enumerate(PARTS.values()):
    _GROUPS[list(_points), _column] = 1

_JAW = _GROUPS[:, list(PARTS).index("jaw")]

FEATURES = 8 + len(PARTS)
"""Number of features of a point."""


def describe_points(
    log_error: NDArray[np.float64],
    apart: NDArray[np.float64],
    seen: NDArray[np.bool_],
    region: NDArray[np.float64],
    covered: NDArray[np.bool_],
    bone: bool = False,
) -> NDArray[np.float64]:
    """The features of the 68 points of a face.

    Args:
        log_error: (68,) logarithm of the error that the network expects, sides of the crop.
        apart: (68,) distance of network and contour, sides of the crop.
        seen: (68,) whether there is a contour to read the point from.
        region: (68,) mean probability of the region.
        covered: (68,) whether something covers the point, or it lies outside the picture.
        bone: Whether the jaw is the bone: those who place it there place other points a little otherwise too.

    Returns:
        (68, FEATURES).
    """
    disagreement = np.where(seen, np.log(apart.clip(_NOTHING_CLOSER, _FAR)), 0)
    way = np.column_stack([_JAW, np.ones(POINTS), log_error])
    return np.column_stack([log_error, disagreement, seen, np.where(seen, region, 0), covered, _GROUPS, bone * way])


def rate_points(features: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability (68,) from features (68, FEATURES) and coefficients (FEATURES,)."""
    rated: NDArray[np.float64] = 1 / (1 + np.exp(-(features @ coefficients)))
    return rated
