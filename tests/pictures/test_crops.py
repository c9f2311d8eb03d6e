from __future__ import annotations

import numpy as np
import pytest

from facelm.pictures import affine
from facelm.pictures.crops import FIVE_PLACES, PLACES, align, align_points, cut_crop, to_crop_pixels


def test_align_brings_parts_to_their_places() -> None:
    parts = {name: (300 + 200 * x, 40 + 200 * y) for name, (x, y) in PLACES.items()}
    transform = align(parts)
    for name, place in parts.items():
        assert np.allclose(affine.apply(transform, np.array([place]))[0], PLACES[name])


def test_align_needs_two_parts() -> None:
    with pytest.raises(ValueError, match="two parts"):
        align({"nose": (1.0, 2.0)})


@pytest.mark.parametrize("angle", [0, 35, 180])
def test_five_points_of_a_face_that_is_turned_come_to_their_places(angle: float) -> None:
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    points = 90 * np.array(FIVE_PLACES) @ np.array([[cos, -sin], [sin, cos]]).T + (300, 40)
    assert np.allclose(affine.apply(align_points(points), points), FIVE_PLACES)


@pytest.mark.parametrize("side", [60, 150, 1500])
def test_cut_crop_lands_a_mark_where_the_transform_says(side: int) -> None:
    rgb = np.zeros((2000, 1800, 3), np.uint8)
    x, y = 900.0, 1000.0
    radius = max(3, side // 20)
    rows, columns = np.mgrid[:2000, :1800]
    rgb[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 255
    transform = np.array([[1 / side, 0, 0.3 - x / side], [0, 1 / side, 0.6 - y / side]])
    crop = cut_crop(rgb, transform, 200)[..., 0].astype(float)
    ys, xs = np.mgrid[:200, :200]
    centre = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
    wanted = affine.apply(to_crop_pixels(transform, 200), np.array([[x, y]]))[0]
    assert np.abs(centre - wanted).max() < 0.3


def test_cut_crop_is_black_where_the_picture_ends() -> None:
    rgb = np.full((50, 50, 3), 200, np.uint8)
    crop = cut_crop(rgb, np.array([[0.01, 0, 0.5], [0, 0.01, 0.5]]), 100)
    assert crop[:45].max() == 0 and crop[60, 60].min() == 200
