from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelm.landmarks.points import PARTS
from facelm.landmarks.shape import shape_model
from facelm.measuring.truth import align_landmarks
from facelm.pictures import affine
from facelm.pictures.crops import PLACES, align, cut_crop, to_crop_pixels


@given(st.floats(-3, 3), st.floats(0.01, 50), st.floats(-500, 500), st.floats(-500, 500))
def test_fit_similarity_recovers_a_similarity(angle: float, scale: float, x: float, y: float) -> None:
    source = np.array([[0, 0], [10, 1], [4, 9], [-3, 2]], float)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wanted = np.column_stack([turn, [x, y]])
    found = affine.fit_similarity(source, affine.apply(wanted, source), np.array([1, 2, 0.5, 1]))
    assert np.allclose(found, wanted, atol=1e-6 * (1 + scale))


def test_fit_similarity_follows_the_weights() -> None:
    source = np.array([[0, 0], [1, 0], [0, 1]], float)
    target = np.array([[0, 0], [2, 0], [5, 5]], float)
    found = affine.fit_similarity(source, target, np.array([1, 1, 1e-9]))
    assert np.allclose(affine.apply(found, source[:2]), target[:2], atol=1e-6)


def test_points_in_one_place_have_no_similarity() -> None:
    with pytest.raises(ValueError, match="coincide"):
        affine.fit_similarity(np.ones((3, 2)), np.eye(3, 2), np.ones(3))


def test_align_brings_parts_to_their_places() -> None:
    parts = {name: (300 + 200 * x, 40 + 200 * y) for name, (x, y) in PLACES.items()}
    transform = align(parts)
    for name, place in parts.items():
        assert np.allclose(affine.apply(transform, np.array([place]))[0], PLACES[name])


def test_align_needs_two_parts() -> None:
    with pytest.raises(ValueError, match="two parts"):
        align({"nose": (1.0, 2.0)})


def test_compose_and_invert_undo_each_other() -> None:
    matrix = np.array([[2, -1, 5], [1, 2, -7]], float)
    assert np.allclose(affine.compose(affine.invert(matrix), matrix), np.eye(2, 3))


def test_align_landmarks_brings_a_face_to_its_place_also_when_points_are_not_known() -> None:
    points = 120 * shape_model().mean[:, :2] + (300, 200)
    points[[0, 37, 50]] = np.nan
    moved = affine.apply(align_landmarks(points), points)
    for part, group in (("r_eye", "right_eye"), ("l_eye", "left_eye"), ("lips", "outer_lips")):
        assert np.abs(np.nanmean(moved[list(PARTS[group])], 0) - PLACES[part]).max() < 0.02


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
