from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.landmarks.points import PARTS
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser

# Measured by hand on scikit-image's astronaut, pixels.
MEASURED = {36: (193, 101), 45: (259, 104), 48: (203, 140), 54: (246, 140), 8: (223, 178), 57: (223, 156)}
PUPILS = {"right_pupil": (203.5, 101.0), "left_pupil": (246.7, 103.3)}
INTEROCULAR = 66.0


def without(face: Face, *names: str) -> Face:
    """The face as if the network had seen skin instead of some parts."""
    probabilities = face.probabilities.copy()
    hidden = classes.indices(*names)
    probabilities[classes.INDEX["skin"]] += probabilities[hidden].sum(0)
    probabilities[hidden] = 0
    return replace(face, probabilities=probabilities, rgb=None)


def test_points_lie_where_a_person_puts_them(found: Landmarks) -> None:
    for index, place in MEASURED.items():
        assert np.linalg.norm(found.points[index] - place) < 0.08 * INTEROCULAR, index
    for name, place in PUPILS.items():
        assert np.linalg.norm(np.array(found.centroids[name]) - place) < 4, name


def test_all_points_are_finite_and_in_order(found: Landmarks) -> None:
    x, y = found.points.T
    assert found.points.shape == (68, 2) and np.isfinite(found.points).all()
    assert (np.diff(x[[0, 36, 39, 27, 42, 45, 16]]) > 0).all()
    assert (np.diff(x[17:27]) > 0).all() and (np.diff(x[31:36]) > 0).all() and (np.diff(y[27:31]) > 0).all()
    assert (y[[37, 38]] < y[[41, 40]]).all() and (y[[43, 44]] < y[[47, 46]]).all()
    assert y[8] == pytest.approx(y[:17].max(), abs=1)
    assert (np.diff(x[:17]) > -3).all()


def test_inner_lips_lie_between_the_outer_ones(found: Landmarks) -> None:
    y = found.points[:, 1]
    assert y[51] < y[62] < y[66] < y[57]
    assert y[66] - y[62] > 4, "she smiles with her mouth open"


def test_confidence_and_visibility(found: Landmarks) -> None:
    assert ((found.confidence > 0.5) & (found.confidence <= 1)).all()
    assert found.visible[27:68].all()
    assert found.visible[17:27].sum() >= 9, "a strand of her hair touches the end of a brow"


@pytest.mark.parametrize(
    ("names", "part"), [(("l_eye",), "left_eye"), (("u_lip", "l_lip", "mouth"), "outer_lips"), (("nose",), "nose_base")]
)
def test_hidden_parts_are_completed(face: Face, found: Landmarks, names: tuple[str, ...], part: str) -> None:
    completed = find_landmarks(without(face, *names))
    points = list(PARTS[part])
    assert not completed.visible[points].any()
    assert 1 - completed.confidence[points].mean() > 3 * (1 - found.confidence[points].mean())
    off = np.linalg.norm(completed.points[points] - found.points[points], axis=1)
    assert off.mean() < 0.2 * INTEROCULAR
    others = [i for i in range(17, 68) if i not in points and not 48 <= i < 68 and not 27 <= i < 36]
    assert np.allclose(completed.points[others], found.points[others], atol=0.04 * INTEROCULAR)


def test_a_face_without_any_part_still_gets_points(face: Face) -> None:
    names = [name for name in classes.NAMES if name not in ("background", "skin")]
    empty = find_landmarks(without(face, *names))
    assert np.isfinite(empty.points).all() and not empty.visible[17:].any()


def test_the_two_jaws_differ_where_a_face_is_turned_alone(face: Face, found: Landmarks) -> None:
    bone = find_landmarks(face, "bone")
    assert np.array_equal(bone.points[17:], found.points[17:])
    assert np.linalg.norm(bone.points[:17] - found.points[:17], axis=1).mean() < 0.06 * INTEROCULAR
    assert bone.pose == found.pose


def test_turning_the_picture_turns_the_points(
    parser: FaceParser, astronaut: NDArray[np.uint8], found: Landmarks
) -> None:
    turn = cv2.getRotationMatrix2D((224, 130), -20, 1.0)
    faces = parser.parse(cv2.warpAffine(astronaut, turn, (512, 512)).astype(np.uint8))
    turned = find_landmarks(faces[0])
    wanted = found.points @ turn[:, :2].T + turn[:, 2]
    assert np.linalg.norm(turned.points - wanted, axis=1).mean() < 0.04 * INTEROCULAR
    assert turned.pose.roll - found.pose.roll == pytest.approx(20, abs=4)


def test_mirroring_the_picture_mirrors_yaw_and_roll(
    parser: FaceParser, astronaut: NDArray[np.uint8], found: Landmarks
) -> None:
    mirrored = find_landmarks(parser.parse(np.ascontiguousarray(astronaut[:, ::-1]))[0])
    assert mirrored.pose.yaw == pytest.approx(-found.pose.yaw, abs=4)
    assert mirrored.pose.roll == pytest.approx(-found.pose.roll, abs=2)
    assert abs(found.pose.yaw) < 15 and abs(found.pose.pitch) < 20
