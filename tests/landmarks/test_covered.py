from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from common import cheek_to_cheek

from facelm import classes
from facelm.landmarks.covered import Covered, find_covered
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.neighbours import find_own
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine


def lay_over(face: Face, found: Landmarks, points: range, name: str) -> Face:
    """The face with something over the box of some landmarks."""
    corners = affine.apply(face.to_crop, found.points[list(points)])
    (left, top), (right, bottom) = corners.min(0).astype(int) - 3, corners.max(0).astype(int) + 4
    probabilities = face.probabilities.copy()
    probabilities[:, top:bottom, left:right] = 0
    probabilities[classes.INDEX[name], top:bottom, left:right] = 1
    return replace(face, probabilities=probabilities)


def test_a_bare_face_is_not_covered(face: Face, found: Landmarks) -> None:
    covered = find_covered(face, found)
    assert list(covered.shares) == [
        "forehead", "right_brow", "left_brow", "right_eye", "left_eye", "nose", "mouth", "right_cheek", "left_cheek",
        "chin",
    ]  # fmt: skip
    assert max(share for part, share in covered.shares.items() if share is not None and part != "forehead") < 0.1
    assert covered.causes.keys() <= {"forehead"}


@pytest.mark.parametrize(
    ("points", "name", "part", "cause"),
    [
        (range(48, 60), "cloth", "mouth", "cloth"),
        (range(42, 48), "eye_g", "left_eye", "glasses"),
        (range(17, 22), "hair", "right_brow", "hair"),
        (range(31, 36), "background", "nose", "unknown"),
    ],
)
def test_what_lies_on_a_part_covers_it(
    face: Face, found: Landmarks, points: range, name: str, part: str, cause: str
) -> None:
    covered = find_covered(lay_over(face, found, points, name), found)
    share = covered.shares[part]
    assert share is not None and share > (0.8 if part == "mouth" else 0.2)
    assert covered.causes[part] == cause
    others = [each for name, each in covered.shares.items() if name.split("_")[-1] in ("chin",) and each is not None]
    assert max(others) < 0.25


def test_a_part_that_is_turned_away_or_cut_off_is_not_told(face: Face, found: Landmarks) -> None:
    turned = find_covered(face, replace(found, pose=replace(found.pose, yaw=45.0)))
    assert turned.shares["left_cheek"] is None and turned.shares["right_cheek"] is not None
    profile = find_covered(face, replace(found, pose=replace(found.pose, yaw=-80.0)))
    assert profile.shares["right_eye"] is profile.shares["right_brow"] is None
    inside = face.inside.copy()
    inside[round(0.7 * len(inside)) :] = False
    assert find_covered(replace(face, inside=inside), found).shares["chin"] is None


def test_another_face_covers(parser: FaceParser, face: Face, found: Landmarks, astronaut: np.ndarray) -> None:
    own = np.ones_like(face.inside)
    own[:, : own.shape[1] // 2] = False
    covered: Covered = find_covered(face, found, own)
    assert covered.causes["right_eye"] == "face" and "left_eye" not in covered.causes
    rgb = cheek_to_cheek(astronaut)
    pair = parser.parse(rgb)
    assert all(mask is not None and not mask.all() for mask in find_own(pair, *rgb.shape[:2]))
    masks = find_own(pair, *rgb.shape[:2])
    for each, mask, near, far in zip(pair, masks, ("left", "right"), ("right", "left"), strict=True):
        seen = find_covered(each, find_landmarks(each), mask)
        assert seen.causes[f"{near}_cheek"] == "face"
        assert all(seen.shares[part] == pytest.approx(0, abs=0.1) for part in ("nose", "mouth", f"{far}_eye"))
    assert find_own(pair[:1], *rgb.shape[:2]) == [None]
