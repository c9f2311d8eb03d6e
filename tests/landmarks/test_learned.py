from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facelm import classes
from facelm.landmarks.learned import REGION_VIEW, VIEW, find_points, see
from facelm.landmarks.points import MIRRORED_POINTS
from facelm.parsing.face import Face
from facelm.pictures import affine

# Measured by hand on scikit-image's astronaut, pixels.
MEASURED = {36: (193, 101), 45: (259, 104), 48: (203, 140), 54: (246, 140), 8: (223, 178), 57: (223, 156)}
INTEROCULAR = 66.0


def unseen(face: Face) -> Face:
    """Nothing but background, and no photograph."""
    nothing = np.zeros_like(face.probabilities)
    nothing[0] = 1
    return replace(face, probabilities=nothing, rgb=None)


@pytest.mark.parametrize("known", ["both", "regions", "photograph"])
def test_points_lie_where_a_person_puts_them_by_either(face: Face, known: str) -> None:
    alone = {
        "both": face,
        "regions": replace(face, rgb=None),
        "photograph": replace(face, probabilities=np.zeros_like(face.probabilities)),
    }[known]
    points = affine.apply(face.to_picture, find_points(alone).points)
    for index, place in MEASURED.items():
        assert np.linalg.norm(points[index] - place) < 0.08 * INTEROCULAR, index


def test_the_mirror_image_has_the_mirrored_points(face: Face) -> None:
    assert face.rgb is not None
    found = find_points(face)
    mirrored = find_points(
        replace(
            face,
            probabilities=np.ascontiguousarray(face.probabilities[list(classes.MIRRORED), :, ::-1]),
            rgb=np.ascontiguousarray(face.rgb[:, ::-1]),
        )
    )
    side = face.probabilities.shape[1]
    expected = found.points[list(MIRRORED_POINTS)] * (-1, 1) + (side - 1, 0)
    assert np.linalg.norm(mirrored.points - expected, axis=1).mean() < 0.01 * side


def test_a_frontal_face_has_one_jaw(face: Face) -> None:
    outline, bone = find_points(face, "outline"), find_points(face, "bone")
    side = face.probabilities.shape[1]
    assert np.linalg.norm(outline.points[:17] - bone.points[:17], axis=1).mean() < 0.02 * side
    assert np.array_equal(outline.points[17:], bone.points[17:])
    assert np.array_equal(bone.points[:17], outline.bone)
    with pytest.raises(ValueError, match="outline, bone"):
        find_points(face, "cheek")


def test_what_is_seen_is_the_lower_part_of_the_crop(face: Face) -> None:
    assert face.rgb is not None
    rgb, regions = see(face)
    assert rgb.shape == (1, *VIEW[::-1], 3) and regions.shape == (1, 19, *REGION_VIEW[::-1])
    top = len(face.rgb) // 4
    assert np.allclose(rgb[0].mean((0, 1)), face.rgb[top:].mean((0, 1)), atol=1)
    assert np.allclose(regions[0].mean((1, 2)), face.probabilities[:, top:].mean((1, 2)), atol=1e-3)
    assert not see(replace(face, rgb=None))[0].any()


def test_nothing_to_see_is_not_sure(face: Face) -> None:
    blind = find_points(unseen(face))
    assert np.isfinite(blind.points).all()
    assert blind.log_error.mean() > find_points(face).log_error.mean() + 1
