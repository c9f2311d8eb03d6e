from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.finding.finder import Detection, Finder
from facelm.pictures import affine

# Measured by hand on scikit-image's astronaut, pixels: eyes, tip of the nose, corners of the mouth.
POINTS = np.array([(203.5, 101.0), (246.7, 103.3), (222.0, 128.0), (207.0, 146.0), (243.0, 147.5)])


@pytest.fixture(scope="module")
def finder() -> Finder:
    return Finder()


def away(found: Detection, points: NDArray[np.float64]) -> float:
    """Mean distance of the five points, in distances between the eyes."""
    eyes = np.linalg.norm(points[1] - points[0])
    return float(np.linalg.norm(found.points - points, axis=1).mean() / eyes)


def test_a_portrait_has_one_face_and_its_points(finder: Finder, astronaut: NDArray[np.uint8]) -> None:
    (found,) = finder.find(astronaut)
    assert found.score > 0.9
    assert away(found, POINTS) < 0.12
    x0, y0, x1, y1 = found.box
    assert x0 < POINTS[0, 0] < POINTS[1, 0] < x1 and y0 < POINTS[0, 1] < POINTS[3, 1] < y1


@pytest.mark.parametrize("angle", [-150, -90, -35, 20, 60, 120, 180])
def test_the_points_turn_with_the_face(finder: Finder, astronaut: NDArray[np.uint8], angle: float) -> None:
    turn = cv2.getRotationMatrix2D((224, 130), angle, 1)
    turned = cv2.warpAffine(astronaut, turn, (448, 260), borderMode=cv2.BORDER_REPLICATE)
    (found,) = finder.find(turned)
    assert away(found, affine.apply(turn, POINTS)) < 0.15


@pytest.mark.parametrize("height", [18, 24, 40, 90, 180])
def test_faces_of_many_sizes_are_found(finder: Finder, astronaut: NDArray[np.uint8], height: int) -> None:
    scale = height / 90  # brows to chin
    picture = np.full((460, 480, 3), 110, np.uint8)
    small = cv2.resize(astronaut[:220, 110:340], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = small[:450, :460]
    picture[10 : 10 + small.shape[0], 10 : 10 + small.shape[1]] = small
    (found,) = finder.find(picture)
    assert away(found, (POINTS - (110, 0)) * scale + 10) < 0.2


def test_small_faces_of_a_large_picture_are_found_when_asked_for(finder: Finder, astronaut: NDArray[np.uint8]) -> None:
    picture = np.full((2400, 3200, 3), 110, np.uint8)
    small = cv2.resize(astronaut, (120, 120), interpolation=cv2.INTER_AREA)  # 21 pixels from brows to chin
    places = ((40, 60), (1100, 1530), (2270, 3070))
    for top, left in places:
        picture[top : top + 120, left : left + 120] = small
    found = finder.find(picture, min_face=16)
    assert len(found) == 3
    for top, left in places:
        assert min(away(each, POINTS * 120 / 512 + (left, top)) for each in found) < 0.25


def test_faces_too_small_to_be_told_unasked_are_found_when_asked_for(
    finder: Finder, astronaut: NDArray[np.uint8]
) -> None:
    picture = np.full((300, 300, 3), 110, np.uint8)
    picture[20:95, 40:115] = cv2.resize(astronaut, (75, 75), interpolation=cv2.INTER_AREA)  # 13 pixels
    assert finder.find(picture) == []
    (found,) = finder.find(picture, min_face=10)
    assert away(found, POINTS * 75 / 512 + (40, 20)) < 0.3


def test_nobody_is_found_where_nobody_is(finder: Finder, no_face: NDArray[np.uint8]) -> None:
    assert finder.find(no_face) == []
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    assert finder.find(noise) == []


def test_a_higher_score_asked_for_finds_a_part_of_the_same(finder: Finder, group: NDArray[np.uint8]) -> None:
    many, few = finder.find(group, min_score=0.05), finder.find(group, min_score=0.8)
    scores = [found.score for found in many]
    assert scores == sorted(scores, reverse=True) and scores[-1] >= 0.05
    assert [found.box for found in few] == [found.box for found in many if found.score >= 0.8]


def test_a_box_of_another_detector_is_taken_over(finder: Finder, astronaut: NDArray[np.uint8]) -> None:
    for box in ((180.0, 60.0, 270.0, 180.0), (170.0, 85.0, 280.0, 185.0)):
        assert away(finder.find_in_box(astronaut, box), POINTS) < 0.12
    nobody = finder.find_in_box(astronaut, (20.0, 20.0, 100.0, 120.0))
    assert nobody.score < 0.1
    eyes = nobody.points[:2].mean(0)
    assert 20 < eyes[0] < 100 and 20 < eyes[1] < 120 and nobody.points[0, 0] < nobody.points[1, 0]
