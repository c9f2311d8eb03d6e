from __future__ import annotations

import math

import numpy as np
import pytest
from recorded import face


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    landmarks = np.zeros((68, 2))
    landmarks[30, 1] = bad
    confidence = np.full(68, bad)
    for changes in (
        {"score": bad},
        {"yaw": bad},
        {"box": (0, 0, bad, 1)},
        {"landmarks": landmarks},
        {"confidence": confidence},
    ):
        with pytest.raises(ValueError, match=f"{next(iter(changes))} holds a number that is not finite"):
            face(**changes)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"landmarks has shape \(5, 2\), not \(68, 2\)"):
        face(landmarks=np.zeros((5, 2)))
    with pytest.raises(ValueError, match="box has shape"):
        face(box=(1.0, 2.0))


def test_points_in_space_are_checked() -> None:
    with pytest.raises(ValueError, match="landmarks_3d has shape"):
        face(landmarks_3d=np.zeros((68, 2)))
