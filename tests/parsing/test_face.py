from __future__ import annotations

import numpy as np
import pytest

from facelm import classes
from facelm.parsing.face import Face, bound, bound_face
from facelm.pictures import affine

SIZE = 100
AS_IT_IS = np.array([[1 / SIZE, 0, 0.5 / SIZE], [0, 1 / SIZE, 0.5 / SIZE]])
INSIDE = np.ones((SIZE, SIZE), bool)


def draw(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Labels of skin in boxes, with brows at the usual height."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    for x0, y0, x1, y1 in boxes:
        labels[y0:y1, x0:x1] = classes.INDEX["skin"]
    labels[38:41, 35:65] = classes.INDEX["l_brow"]
    return labels


def test_the_box_of_a_face_goes_from_its_brows_to_its_chin() -> None:
    assert bound_face(draw((30, 10, 70, 85)), INSIDE, AS_IT_IS) == pytest.approx((30, 38, 69, 84))


def test_a_face_that_touches_another_has_its_own_box() -> None:
    labels = draw((30, 10, 70, 85), (70, 50, 74, 53), (74, 10, 98, 85))
    assert bound_face(labels, INSIDE, AS_IT_IS)[2] < 74


def test_nothing_seen_has_the_usual_box() -> None:
    assert bound_face(np.zeros((SIZE, SIZE), np.uint8), INSIDE, AS_IT_IS) == pytest.approx((25, 39, 75, 85))


def test_a_face_knows_the_way_to_its_crop_and_back() -> None:
    transform = np.array([[0.006, 0, -0.3], [0, 0.006, -0.9]])
    face = Face((100, 200, 180, 300), 1.0, transform, np.zeros((19, 64, 64), np.float32), INSIDE, None)
    assert affine.compose(face.to_crop, face.to_picture) == pytest.approx(np.eye(2, 3), abs=1e-9)
    assert affine.apply(face.to_crop, np.array([[140.0, 250.0]]))[0] == pytest.approx((0.54 * 64 - 0.5, 0.6 * 64 - 0.5))


def test_bound() -> None:
    assert bound(np.array([[3.0, 9.0], [1.0, 10.0], [2.0, 7.0]])) == (1, 7, 3, 10)
