from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
from drawn_hands import OPEN, SIZE, draw_hand
from numpy.typing import NDArray
from PIL import Image

from facelm.hands.find import HandFinder
from facelm.pictures import affine


@pytest.fixture(scope="module")
def finder() -> HandFinder:
    return HandFinder()


def away(points: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(points - true, axis=1).mean() / np.ptp(true, axis=0).max())


@pytest.mark.parametrize("angle", [0, 45, 180])
def test_a_hand_is_found_with_its_points_and_its_side(finder: HandFinder, angle: float) -> None:
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 0.9)
    rgb = cv2.warpAffine(draw_hand(), turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    (hand,) = finder.find(rgb)
    there = affine.apply(turn, OPEN)
    assert hand.side == "right" and hand.score > 0.5 and away(hand.points, there) < 0.1
    np.testing.assert_allclose(hand.box, [*hand.points.min(0), *hand.points.max(0)])
    assert hand.visible.mean() > 0.8 and hand.depth[0] == 0


def test_both_hands_are_found_from_the_left(finder: HandFinder) -> None:
    rgb = draw_hand()
    both = np.concatenate([rgb, rgb[:, ::-1]], 1)
    first, second = finder.find(both)
    assert (first.side, second.side) == ("right", "left")
    assert first.box[2] < SIZE < second.box[0]


def test_faces_and_places_are_no_hands(
    finder: HandFinder, astronaut: NDArray[np.uint8], group: NDArray[np.uint8], no_face: NDArray[np.uint8]
) -> None:
    assert finder.find(astronaut[:260]) == finder.find(no_face) == []
    assert len(finder.find(group)) <= 2
    assert finder.find(np.zeros((40, 50, 3), np.uint8)) == []


def test_pictures_of_pil_are_taken_and_others_refused(finder: HandFinder) -> None:
    rgb = draw_hand()
    (first,), (second,) = finder.find(rgb), finder.find(Image.fromarray(rgb))
    assert np.array_equal(first.points, second.points)
    with pytest.raises(ValueError, match="uint8"):
        finder.find(rgb.astype(float))


def test_a_finder_can_be_sent_to_another_process(finder: HandFinder) -> None:
    again = pickle.loads(pickle.dumps(finder))
    assert len(again.find(draw_hand())) == 1
