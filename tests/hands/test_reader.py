from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_hands import OPEN, SIZE, VICTORY, draw_hand
from numpy.typing import NDArray

from facelm.hands.points import FINGERS, PALM
from facelm.hands.reader import ReadHand, align_hand, align_palm, read_hands
from facelm.pictures import affine


def away(found: ReadHand, points: NDArray[np.float64]) -> float:
    """Mean distance of the points, in longer sides of the hand."""
    return float(np.linalg.norm(found.points - points, axis=1).mean() / np.ptp(points, axis=0).max())


@pytest.mark.parametrize("points", [OPEN, VICTORY], ids=["open", "victory"])
@pytest.mark.parametrize("angle", [0, 50, 180])
def test_points_lie_where_the_hand_was_drawn_however_it_is_turned(points: NDArray[np.float64], angle: float) -> None:
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 0.9)
    rgb = cv2.warpAffine(draw_hand(points), turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    there = affine.apply(turn, points)
    (found,) = read_hands(rgb, [align_hand(there)])
    assert found.score > 0.9 and away(found, there) < 0.1
    assert found.right > 0.5
    assert found.confidence.mean() > 0.7


def test_a_mirrored_hand_is_of_the_other_side() -> None:
    mirrored = np.ascontiguousarray(draw_hand()[:, ::-1])
    points = OPEN * (-1, 1) + (SIZE - 1, 0)
    (found,) = read_hands(mirrored, [align_hand(points)])
    assert found.right < 0.5 and away(found, points) < 0.08


def test_what_is_no_hand_has_a_low_score(astronaut: NDArray[np.uint8], no_face: NDArray[np.uint8]) -> None:
    squares = [
        np.array([[1 / side, 0, -left / side], [0, 1 / side, -top / side]])
        for side, left, top in ((200, 150, 50), (120, 165, 60), (150, 20, 200), (300, 60, 60), (90, 300, 150))
    ]
    for rgb in (astronaut, no_face):
        assert np.median([hand.score for hand in read_hands(rgb, squares)]) < 0.3
    assert read_hands(astronaut, []) == []


def test_several_hands_are_what_each_is_alone() -> None:
    rgb = draw_hand()
    transforms = [align_hand(OPEN), align_hand(OPEN + 12)]
    for both, transform in zip(read_hands(rgb, transforms), transforms, strict=True):
        (alone,) = read_hands(rgb, [transform])
        np.testing.assert_allclose(both.points, alone.points, atol=0.1)
        np.testing.assert_allclose(both.confidence, alone.confidence, atol=0.01)


def test_in_the_crop_fingers_point_up_and_the_hand_fills_it() -> None:
    turned = (OPEN - 150) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 150
    for points in (OPEN, turned):
        crop = affine.apply(align_hand(points), points)
        roots = crop[[finger[0] for name, finger in FINGERS.items() if name != "thumb"]]
        assert (roots[:, 1] < crop[0, 1]).all()
        assert crop.min() > 0.1 and crop.max() < 0.9
        box = np.concatenate([points.min(0), points.max(0)])
        by_palm = affine.apply(align_palm(points[list(PALM)], box), points)
        assert np.linalg.norm(by_palm - crop, axis=1).max() < 0.1


def test_points_that_are_one_make_no_transform_that_is_none() -> None:
    assert np.isfinite(align_hand(np.full((21, 2), 7.0))).all()
