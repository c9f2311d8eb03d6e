from __future__ import annotations

from dataclasses import replace

import numpy as np

from facelm import classes
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.landmarks.reader import _cupids_bow
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


def test_lips_whose_outline_runs_back_have_no_bow() -> None:
    x = np.array([0, 0.52, 0.55, 0.6, 0.65, 0.6, 0.52, 0.45, 0.4, 0.35, 0.4, 0.45, 0.55, 1])
    y = np.array([0, 1, 3, 4, 3, 2, 2, 3, 4, 5, 3, 2, 1, 0])
    expected = np.array([[0.4, -2], [0.5, -1.5], [0.6, -2]])
    np.testing.assert_array_equal(_cupids_bow(np.column_stack([x, -y]), expected), expected)
