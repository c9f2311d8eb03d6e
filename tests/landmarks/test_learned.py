from __future__ import annotations

import numpy as np

from facelm import classes
from facelm.landmarks.learned import find_points
from facelm.landmarks.points import MIRRORED_POINTS
from facelm.parsing.face import Face
from facelm.pictures import affine

# Measured by hand on scikit-image's astronaut, pixels.
MEASURED = {36: (193, 101), 45: (259, 104), 48: (203, 140), 54: (246, 140), 8: (223, 178), 57: (223, 156)}
INTEROCULAR = 66.0


def test_points_lie_where_a_person_puts_them(face: Face) -> None:
    points = affine.apply(face.to_picture, find_points(face.probabilities).points)
    for index, place in MEASURED.items():
        assert np.linalg.norm(points[index] - place) < 0.08 * INTEROCULAR, index


def test_the_mirror_image_has_the_mirrored_points(face: Face) -> None:
    found = find_points(face.probabilities)
    mirrored = find_points(np.ascontiguousarray(face.probabilities[list(classes.MIRRORED), :, ::-1]))
    side = face.probabilities.shape[1]
    expected = found.points[list(MIRRORED_POINTS)] * (-1, 1) + (side - 1, 0)
    assert np.abs(mirrored.points - expected).max() < 0.01 * side
    assert np.allclose(mirrored.log_error, found.log_error[list(MIRRORED_POINTS)], atol=0.05)


def test_a_face_that_lies_elsewhere_in_the_crop_has_its_points_there(face: Face) -> None:
    side = face.probabilities.shape[1]
    shift = side // 20
    moved = find_points(np.roll(face.probabilities, shift, 2)).points - find_points(face.probabilities).points
    assert np.abs(moved[17:].mean(0) - (shift, 0)).max() < 0.3 * shift


def test_nothing_to_see_is_not_sure(face: Face) -> None:
    nothing = np.zeros_like(face.probabilities)
    nothing[0] = 1
    blind = find_points(nothing)
    assert np.isfinite(blind.points).all()
    assert blind.log_error.mean() > find_points(face.probabilities).log_error.mean() + 1
