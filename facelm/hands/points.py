"""The table of the 21 points of a hand, in the order that MediaPipe, FreiHAND and COCO-WholeBody share."""

from __future__ import annotations

from itertools import pairwise

FINGERS: dict[str, range] = {
    "thumb": range(1, 5),
    "forefinger": range(5, 9),
    "middle_finger": range(9, 13),
    "ring_finger": range(13, 17),
    "pinky_finger": range(17, 21),
}
"""The points of each finger, root to tip, under the names of COCO-WholeBody."""

WRIST = 0
POINTS = 21

NAMES: tuple[str, ...] = ("hand_root", *(f"{name}{at}" for name in FINGERS for at in range(1, 5)))
"""The points' names in COCO-WholeBody, after ``left_`` or ``right_``."""

PALM: tuple[int, ...] = (0, 5, 9, 13, 17)
"""The five points that the finder sees: the wrist and the roots of the four fingers."""

SKELETON: tuple[tuple[int, int], ...] = tuple(
    pair for finger in FINGERS.values() for pair in ((WRIST, finger[0]), *pairwise(finger))
)
"""Which points a drawing joins."""
