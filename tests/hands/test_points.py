from __future__ import annotations

from facelm.hands.points import FINGERS, NAMES, PALM, POINTS, SKELETON, WRIST


def test_every_point_belongs_to_the_wrist_or_to_one_finger() -> None:
    assert sorted([WRIST, *(point for finger in FINGERS.values() for point in finger)]) == list(range(POINTS))
    assert set(PALM) == {WRIST, *(finger[0] for name, finger in FINGERS.items() if name != "thumb")}


def test_names_are_those_of_coco_wholebody() -> None:
    assert len(set(NAMES)) == POINTS
    assert (NAMES[0], NAMES[4], NAMES[8], NAMES[20]) == ("hand_root", "thumb4", "forefinger4", "pinky_finger4")


def test_the_skeleton_is_a_tree_from_the_wrist() -> None:
    assert len(SKELETON) == POINTS - 1
    reached = {WRIST}
    for first, second in SKELETON:
        assert first in reached and second not in reached
        reached.add(second)
