from __future__ import annotations

import numpy as np
import pytest
from drawn_hands import OPEN
from numpy.typing import NDArray

from facelm.hands.before import find_before, hide_landmarks
from facelm.hands.find import Hand
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser


@pytest.fixture(scope="module")
def face(parser: FaceParser, astronaut: NDArray[np.uint8]) -> Face:
    return parser.parse(astronaut)[0]


def hand_at(x: float, y: float, height: float) -> Hand:
    """An open hand with its palm at a place."""
    scale = height / np.ptp(OPEN[:, 1])
    points = (OPEN - OPEN[[0, 5, 9, 13, 17]].mean(0)) * scale + (x, y)
    box = (*points.min(0).tolist(), *points.max(0).tolist())
    return Hand(box, 0.9, 0.9, points, np.zeros(21), np.ones(21), np.ones(21, bool))


def test_what_is_behind_a_hand_is_not_visible_and_less_sure(face: Face) -> None:
    found: Landmarks = find_landmarks(face)
    x, y = found.points[48:].mean(0)
    hand = hand_at(x, y, 110)
    (hidden,) = hide_landmarks([face], [found], [hand])
    mouth = slice(48, 68)
    assert not hidden.visible[mouth].any() and (hidden.confidence[mouth] < found.confidence[mouth]).all()
    eyes = [36, 37]
    assert np.array_equal(hidden.visible[eyes], found.visible[eyes])
    assert np.array_equal(hidden.confidence[eyes], found.confidence[eyes])
    assert np.array_equal(hidden.points, found.points)


def test_a_hand_elsewhere_hides_nothing(face: Face) -> None:
    found = find_landmarks(face)
    far = hand_at(450, 430, 60)
    assert not find_before(face, [far]).all()
    (same,) = hide_landmarks([face], [found], [far])
    assert np.array_equal(same.visible, found.visible) and np.array_equal(same.confidence, found.confidence)
    assert not find_before(face, []).any()
