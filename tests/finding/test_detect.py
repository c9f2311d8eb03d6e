from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facelm import classes
from facelm.finding.constellation import PROFILE
from facelm.finding.detect import detect, detect_middle
from facelm.pictures import affine, crops

SIZES = {"r_brow": (0.07, 0.018), "l_brow": (0.07, 0.018), "r_eye": (0.035, 0.02), "l_eye": (0.035, 0.02)}
SIZES |= {"nose": (0.055, 0.11), "u_lip": (0.08, 0.03)}
PLACES = {name: crops.PLACES["lips" if name == "u_lip" else name] for name in SIZES}


def draw(faces: list[tuple[float, float, float, float]], size: int = 400) -> NDArray[np.float32]:
    """Probabilities of drawn faces: x, y of the middle, side of the crop, rotation in degrees."""
    labels = np.zeros((size, size), np.uint8)
    for x, y, side, angle in faces:
        cv2.ellipse(labels, ((x, y), (0.45 * side, 0.6 * side), angle), classes.INDEX["skin"], cv2.FILLED)
        turn = np.radians(angle)
        for name, (a, b) in SIZES.items():
            dx, dy = (np.array(PLACES[name]) - (0.5, 0.58)) * side
            place = (x + dx * np.cos(turn) - dy * np.sin(turn), y + dx * np.sin(turn) + dy * np.cos(turn))
            cv2.ellipse(labels, (place, (2 * a * side, 2 * b * side), angle), classes.INDEX[name], cv2.FILLED)
    return np.eye(len(classes.CLASSES), dtype=np.float32)[labels].transpose(2, 0, 1)


@pytest.mark.parametrize("angle", [0, 35, 90, 180, -120])
@pytest.mark.parametrize("side", [70, 160, 330])
def test_one_face_at_any_size_and_rotation(side: float, angle: float) -> None:
    found = detect(draw([(200, 190, side, angle)]))
    assert len(found) == 1
    assert np.abs(found[0].centre - (200, 190)).max() < 0.05 * side
    assert found[0].side == pytest.approx(side, rel=0.1)
    roll = np.degrees(np.arctan2(*-found[0].transform[::-1, 0] * (1, -1)))
    assert abs((roll - angle + 180) % 360 - 180) < 5
    assert 0.5 < found[0].score <= 1


@pytest.mark.parametrize("left", [True, False])
def test_a_profile(left: bool) -> None:
    labels = np.zeros((400, 400), np.uint8)
    corner, side = np.array([40, 50]), 300
    cv2.ellipse(labels, ((160, 200), (200, 260), 0), classes.INDEX["skin"], cv2.FILLED)
    sizes = {"r_brow": (0.06, 0.015), "r_eye": (0.04, 0.02), "nose": (0.09, 0.12), "u_lip": (0.07, 0.03)}
    for name, (width, height) in (sizes | {"r_ear": (0.06, 0.12)}).items():
        place = corner + side * np.array(PROFILE["lips" if name == "u_lip" else name])
        cv2.ellipse(labels, (place, (side * width, side * height), 0), classes.INDEX[name], cv2.FILLED)
    probabilities = np.eye(19, dtype=np.float32)[labels].transpose(2, 0, 1)
    if not left:
        probabilities = probabilities[list(classes.MIRRORED), :, ::-1]
    (found,) = detect(probabilities)
    expected = np.array([[0.0, 0], [1, 0], [0, 1]]) * side + corner
    if not left:
        expected = np.array([399, 0]) - np.array([[1.0, 0], [0, 0], [1, 1]]) * (side, -side) + (-corner[0], corner[1])
    corners = affine.apply(affine.invert(found.transform), np.array([[0.0, 0], [1, 0], [0, 1]]))
    assert np.abs(corners - expected).max() < 0.05 * side


def test_touching_faces_are_two() -> None:
    found = detect(draw([(130, 200, 200, 0), (225, 200, 200, 0)]))
    assert len(found) == 2
    assert {face.centre[0] < 180 for face in found} == {True, False}


def test_nobody() -> None:
    assert detect(draw([])) == []


def test_a_lone_nose_is_no_face() -> None:
    labels = np.zeros((200, 200), np.uint8)
    cv2.ellipse(labels, ((100, 100), (20, 40), 0), classes.INDEX["nose"], cv2.FILLED)
    assert detect(np.eye(19, dtype=np.float32)[labels].transpose(2, 0, 1)) == []


def test_parts_without_skin_are_no_face() -> None:
    probabilities = draw([(200, 190, 200, 0)])
    skin = classes.INDEX["skin"]
    probabilities[0] += probabilities[skin]
    probabilities[skin] = 0
    assert detect(probabilities) == []


@pytest.mark.parametrize("angle", [0, 3, -40, 180])
def test_the_face_in_the_middle_of_a_crop_is_found_as_a_search_finds_it(angle: float) -> None:
    crop = draw([(165, 180, 300, angle)], 320)
    (found,) = detect_middle(crop, crop.argmax(0).astype(np.uint8))
    (searched,) = detect(crop)
    np.testing.assert_allclose(found.transform, searched.transform)
    assert found.score == pytest.approx(searched.score)


def test_faces_beside_the_middle_of_a_crop_are_left_out() -> None:
    crop = draw([(70, 80, 110, 0), (250, 90, 110, 0)], 320)
    assert len(detect(crop)) == 2
    assert detect_middle(crop, crop.argmax(0).astype(np.uint8)) == []


def test_a_crop_without_a_face() -> None:
    crop = draw([], 320)
    assert detect_middle(crop, crop.argmax(0).astype(np.uint8)) == []
