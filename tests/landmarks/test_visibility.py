from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.landmarks.points import PARTS
from facelm.landmarks.visibility import find_shown
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine

EYE = [*PARTS["left_eye"]]
MOUTH = [*PARTS["outer_lips"], *PARTS["inner_lips"]]


def cover(rgb: NDArray[np.uint8], points: NDArray[np.float64], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The picture with something of one colour over some points."""
    covered = rgb.copy()
    cv2.fillConvexPoly(covered, cv2.convexHull(np.rint(points).astype(np.int32)), colour)
    return covered


@pytest.mark.parametrize("colour", [(150, 190, 225), (235, 240, 245), (40, 40, 45)])
def test_what_is_under_a_surgical_mask_is_hidden_and_less_sure(
    parser: FaceParser, astronaut: NDArray[np.uint8], found: Landmarks, colour: tuple[int, int, int]
) -> None:
    edge = found.points[[1, 3, 5, 7, 8, 9, 11, 13, 15, 28]]
    masked = find_landmarks(parser.parse(cover(astronaut, edge, colour))[0])
    assert not masked.visible[MOUTH].any()
    assert masked.confidence[MOUTH].mean() < found.confidence[MOUTH].mean() - 0.1
    assert masked.visible[36:48].all()


def test_what_is_under_a_patch_is_hidden_and_less_sure(
    parser: FaceParser, astronaut: NDArray[np.uint8], found: Landmarks
) -> None:
    centre = found.points[EYE].mean(0)
    corners = centre + np.array([(-17, -11), (17, -11), (17, 11), (-17, 11)])
    patched = find_landmarks(parser.parse(cover(astronaut, corners, (70, 110, 90)))[0])
    assert not patched.visible[EYE].any()
    assert 1 - patched.confidence[EYE].mean() > 3 * (1 - found.confidence[EYE].mean())
    assert patched.visible[36:42].all() and patched.visible[MOUTH].all()


@pytest.mark.parametrize("name", ["hair", "hat", "background"])
def test_no_point_is_visible_where_the_mask_says_that_something_else_is(face: Face, name: str) -> None:
    probabilities = face.probabilities.copy()
    size = probabilities.shape[1]
    half = np.s_[:, :, size // 2 :]
    probabilities[half] = 0
    probabilities[classes.INDEX[name]][half[1:]] = 1
    hidden = replace(face, probabilities=probabilities)
    found = find_landmarks(hidden)
    crop = affine.apply(face.to_crop, found.points)
    inner = np.arange(68) >= 17
    assert not found.visible[inner & (crop[:, 0] > size / 2 + 2)].any()
    assert found.visible[36:42].all()


def test_points_outside_of_the_picture_are_not_shown(face: Face, found: Landmarks) -> None:
    points = affine.apply(face.to_crop, found.points)
    assert find_shown(face, points)[27:].all()
    assert not find_shown(replace(face, inside=np.zeros_like(face.inside)), points).any()
    assert not find_shown(face, points + 1000).any()
