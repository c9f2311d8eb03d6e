from __future__ import annotations

import numpy as np
from clips import portrait

from facelm.pictures.crops import FIVE_PLACES
from facelm.video.tracks import assign, bound_points, overlap, take_look

POINTS = 100 * np.array(FIVE_PLACES)


def test_faces_are_paired_by_overlap() -> None:
    boxes = [bound_points(POINTS + np.array([shift, 0])) for shift in (0, 60, 200)]
    look = take_look(portrait(), POINTS)
    known = [(boxes[0], look), (boxes[1], look)]
    found = [(boxes[1] + 4, look), (boxes[2], look), (boxes[0] + 4, look)]
    assert sorted(assign(known, found)) == [(0, 2), (1, 0)]
    assert assign([], found) == [] == assign(known, [])


def test_looks_decide_where_overlap_does_not() -> None:
    box = bound_points(POINTS)
    one, other = np.eye(2, 50, dtype=np.float32)
    assert assign([(box, one), (box, other)], [(box, other), (box, one)]) == [(0, 1), (1, 0)]


def test_overlap_of_boxes() -> None:
    first = np.array([[0.0, 0, 10, 10]])
    np.testing.assert_allclose(
        overlap(first, np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])), [[1, 1 / 3, 0]]
    )
