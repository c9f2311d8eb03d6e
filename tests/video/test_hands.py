from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import pytest
from drawn_hands import OPEN, SIZE, draw_hand
from numpy.typing import NDArray

from facelm.hands.find import HandFinder
from facelm.pictures import affine
from facelm.video.frames import Frame
from facelm.video.hands import FollowedHand, HandFollower

HAND = draw_hand()
NOBODY = np.full((SIZE, 2 * SIZE, 3), (196, 202, 206), np.uint8)


@pytest.fixture(scope="module")
def finder() -> HandFinder:
    return HandFinder()


def place(x: float, mirrored: bool = False, angle: float = 0.0) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture of the hand so far to the right, and its points there."""
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 0.7)
    turn[0, 2] += x
    if mirrored:
        turn = affine.compose(turn, np.array([[-1.0, 0, SIZE - 1], [0, 1, 0]]))
    rgb = cv2.warpAffine(HAND, turn, (2 * SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return rgb, affine.apply(turn, OPEN)


def follow(finder: HandFinder, pictures: Sequence[NDArray[np.uint8]]) -> list[list[FollowedHand]]:
    follower = HandFollower(finder)
    return [follower.see(Frame(at, Fraction(at, 25), Fraction(1, 25), rgb)) for at, rgb in enumerate(pictures)]


def test_a_hand_that_moves_and_turns_is_one_track(finder: HandFinder) -> None:
    placed = [place(20 * at, angle=6 * at) for at in range(10)]
    for (found,), (_, points) in zip(follow(finder, [rgb for rgb, _ in placed]), placed, strict=True):
        assert (found.track, found.hand.side) == (1, "right")
        assert np.linalg.norm(found.hand.points - points, axis=1).mean() < 0.1 * np.ptp(points, axis=0).max()


def test_two_hands_keep_their_numbers_and_sides(finder: HandFinder) -> None:
    right, _ = place(0)
    left, _ = place(SIZE, mirrored=True)
    both = np.where(np.arange(2 * SIZE)[:, None] < SIZE, right, left)
    for frame in follow(finder, [both] * 4):
        assert [(each.track, each.hand.side) for each in frame] == [(1, "right"), (2, "left")]


def test_a_hand_that_is_hidden_for_a_moment_is_waited_for(finder: HandFinder) -> None:
    shown = [place(x)[0] for x in (100, 104, 104, 104, 108)]
    for rgb in shown:
        rgb[:, 430:] = np.where(np.arange(SIZE) // 50 % 2, 20, 240)[:, None, None]  # a place that stays the same
    for rgb in shown[2:4]:
        rgb[:, 110:400] = NOBODY[0, 0]
    assert [[each.track for each in frame] for frame in follow(finder, shown)] == [[1], [1], [], [], [1]]


def test_nothing_is_followed_where_no_hand_is(finder: HandFinder) -> None:
    assert follow(finder, [NOBODY] * 3) == [[], [], []]
