from __future__ import annotations

import numpy as np
from drawn_hands import OPEN, SIZE, VICTORY, draw_hand
from numpy.typing import NDArray

from facelm import classes
from facelm.hands.find import Hand
from facelm.hands.masks import fill_hand, paste_hands


def hand(points: NDArray[np.float64]) -> Hand:
    box = (*points.min(0).tolist(), *points.max(0).tolist())
    return Hand(box, 0.9, 0.9, points, np.zeros(21), np.ones(21), np.ones(21, bool))


def test_the_mask_of_a_drawn_hand_is_where_it_was_drawn() -> None:
    for points in (OPEN, VICTORY):
        rgb = draw_hand(points).astype(int)
        drawn = rgb[..., 0] - rgb[..., 2] > 25
        drawn[round(points[0, 1]) :] = False  # the arm is no hand
        mask = paste_hands([hand(points)], SIZE, SIZE) == classes.HAND.index
        mask[round(points[0, 1]) :] = False
        assert (mask & drawn).sum() / (mask | drawn).sum() > 0.85


def test_fingers_taper_and_the_palm_is_whole() -> None:
    mask = paste_hands([hand(OPEN)], SIZE, SIZE) > 0
    column = round(OPEN[10, 0])
    thick, thin = (mask[round(OPEN[point, 1]), column - 16 : column + 16].sum() for point in (10, 12))
    assert 0.5 * thick < thin < 0.9 * thick
    middle = OPEN[[0, 5, 17]].mean(0).astype(int)
    assert mask[middle[1], middle[0]]


def test_no_hand_is_an_empty_mask_and_one_beyond_the_picture_is_cut_off() -> None:
    assert not paste_hands([], 20, 30).any()
    mask = paste_hands([hand(OPEN + 1000)], 40, 50)
    assert mask.shape == (40, 50) and not mask.any()
    assert paste_hands([hand(OPEN - (140, 0))], SIZE, SIZE).any()


def test_a_hand_of_one_point_is_drawn_all_the_same() -> None:
    mask = np.zeros((30, 30), np.uint8)
    fill_hand(mask, np.full((21, 2), 15.0), 1)
    assert mask[15, 15] and mask.sum() < 60
