from __future__ import annotations

import numpy as np
import pytest

from facelm import classes
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.landmarks.regions import find_beard, paste_regions
from facelm.parsing.face import Face
from facelm.parsing.masks import paste, paste_instances
from facelm.pictures import affine

INDEX = classes.REGION_INDEX


@pytest.fixture(scope="session")
def divided(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The mask of the astronaut, and the same with regions."""
    mask = paste([face], 512, 512)
    return mask, paste_regions([face], mask, paste_instances([face], 512, 512, mask))


def centre(regions: np.ndarray, name: str) -> np.ndarray:
    rows, columns = np.nonzero(regions == INDEX[name])
    assert len(rows) > 5, name
    return np.array([columns.mean(), rows.mean()])


def test_skin_is_divided_and_nothing_else_changes(divided: tuple[np.ndarray, np.ndarray]) -> None:
    mask, regions = divided
    skin = mask == classes.INDEX["skin"]
    assert not (regions == classes.INDEX["skin"]).any()
    assert (regions[skin] >= len(classes.CLASSES)).all()
    assert np.array_equal(regions[~skin], mask[~skin])


def test_regions_lie_where_their_names_say(divided: tuple[np.ndarray, np.ndarray], found: Landmarks) -> None:
    _, regions = divided
    points = found.points
    brows, eyes, nose, mouth = (points[part].mean(0) for part in (slice(17, 27), slice(36, 48), [30], slice(48, 60)))
    at = {name: centre(regions, name) for name in INDEX if name != "beard"}
    assert at["forehead"][1] < brows[1]
    for side, away in (("r", -1), ("l", 1)):  # the subject's right is on the left of the picture
        assert brows[1] < at[f"{side}_lid"][1] < eyes[1] < at[f"{side}_under_eye"][1] < nose[1]
        assert eyes[1] < at[f"{side}_nose_side"][1] < mouth[1] and at[f"{side}_cheek"][1] < mouth[1] + 10
        beside = [away * (at[f"{side}_{part}"][0] - nose[0]) for part in ("nose_side", "cheek")]
        assert 0 < beside[0] < beside[1]
    assert nose[1] < at["philtrum"][1] < mouth[1] < at["chin"][1]
    assert abs(at["philtrum"][0] - nose[0]) < 5


def test_hair_of_the_chin_is_a_beard(face: Face) -> None:
    size = len(face.inside)
    points = affine.apply(face.to_crop, find_landmarks(face).points)
    below = find_beard(points, size) > 0
    mask = paste([face], 512, 512)
    chin = (paste_regions([face], mask, paste_instances([face], 512, 512, mask)) == INDEX["chin"]) & (mask == 1)
    bearded = mask.copy()
    bearded[chin] = classes.INDEX["hair"]
    regions = paste_regions([face], bearded, paste_instances([face], 512, 512, bearded))
    assert (regions[chin] == INDEX["beard"]).mean() > 0.95
    assert ((regions == INDEX["beard"]) & (mask == classes.INDEX["hair"])).sum() < 50
    assert 0.02 < below.mean() < 0.3


def test_nobody_has_no_regions() -> None:
    mask = np.zeros((40, 60), np.uint8)
    assert not paste_regions([], mask, mask.astype(np.uint16)).any()
