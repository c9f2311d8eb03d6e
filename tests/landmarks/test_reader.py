from __future__ import annotations

from dataclasses import replace

import numpy as np

from facelm import classes
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face

INTEROCULAR = 66.0


def test_a_closed_mouth_has_inner_lips_that_meet(face: Face, found: Landmarks) -> None:
    probabilities = face.probabilities.copy()
    upper, mouth = classes.INDEX["u_lip"], classes.INDEX["mouth"]
    probabilities[upper] += probabilities[mouth]
    probabilities[mouth] = 0
    points = find_landmarks(replace(face, probabilities=probabilities)).points
    closed, smiling = (
        np.linalg.norm(each[[61, 62, 63]] - each[[67, 66, 65]], axis=1) for each in (points, found.points)
    )
    assert closed.max() < 0.05 * INTEROCULAR
    assert closed.max() < smiling.min() / 2
    assert points[51, 1] < points[62, 1] < points[57, 1]


def test_hair_over_the_jaw_hides_it(face: Face, found: Landmarks) -> None:
    probabilities = face.probabilities.copy()
    size = probabilities.shape[1]
    probabilities[:, size // 2 :, : round(0.36 * size)] = 0
    probabilities[classes.INDEX["hair"], size // 2 :, : round(0.36 * size)] = 1
    covered = find_landmarks(replace(face, probabilities=probabilities))
    assert found.visible[2:6].all() and not covered.visible[2:6].any()
    assert covered.visible[10:14].all()
