from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.certainty import FEATURES, describe_points, rate_points
from facelm.landmarks.learned import coefficients


def rate(error: float = 0.01, apart: float = 0.005, seen: bool = True, covered: bool = False) -> NDArray[np.float64]:
    """What the shipped coefficients make of 68 points that are all alike."""
    features = describe_points(
        np.full(68, np.log(error)), np.full(68, apart), np.full(68, seen), np.full(68, 0.95), np.full(68, covered)
    )
    assert features.shape == (68, FEATURES)
    return rate_points(features, coefficients())


def test_what_lowers_confidence() -> None:
    plain = rate()
    assert ((plain > 0.5) & (plain < 1)).all()
    assert (rate(error=0.05) < plain).all()
    assert (rate(apart=0.1) < plain).all()
    assert (rate(covered=True) < plain).all()


def test_a_contour_that_is_not_there_does_not_disagree() -> None:
    assert np.array_equal(rate(apart=0.001, seen=False), rate(apart=0.2, seen=False))


def test_probabilities() -> None:
    features = np.eye(3)
    assert np.allclose(rate_points(features, np.array([0, np.log(3), -np.log(3)])), [0.5, 0.75, 0.25])
