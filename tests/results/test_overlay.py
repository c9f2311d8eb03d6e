from __future__ import annotations

from dataclasses import replace

import numpy as np

from facelm import classes
from facelm.landmarks.find import Landmarks
from facelm.landmarks.shape import Pose
from facelm.results.overlay import draw_landmarks, draw_mask

PHOTO = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
MASK = np.zeros((200, 200), np.uint8)
MASK[50:100, 50:150] = classes.INDEX["hair"]


def points(visible: bool) -> Landmarks:
    columns, rows = np.arange(68) % 10 * 18 + 12.0, np.arange(68) // 10 * 25 + 15.0
    seen = np.full(68, visible)
    return Landmarks(np.column_stack([columns, rows]), np.zeros(68), np.ones(68), seen, {}, Pose(0, 0, 0))


def test_opacity_goes_from_photo_to_colour() -> None:
    assert np.array_equal(draw_mask(PHOTO, MASK, 0.0), PHOTO)
    full = draw_mask(PHOTO, MASK, 1.0)
    assert (full[60, 60] == classes.CLASSES[classes.INDEX["hair"]].colour).all()
    half = draw_mask(PHOTO, MASK, 0.5)
    assert np.abs(half[60, 60].astype(int) - (PHOTO[60, 60].astype(int) + full[60, 60]) / 2).max() <= 1


def test_background_is_the_photo() -> None:
    drawn = draw_mask(PHOTO, MASK, 0.9)
    assert np.array_equal(drawn[MASK == 0], PHOTO[MASK == 0])


def test_points_are_drawn_where_they_are_and_hidden_ones_look_different() -> None:
    seen, hidden = draw_landmarks(PHOTO, [points(True)]), draw_landmarks(PHOTO, [points(False)])
    x, y = points(True).points[33].astype(int)
    assert seen[y, x, 1] > 180 > seen[y, x, 0]
    assert hidden[y, x, 0] > 200 and hidden[y, x, 2] < 60


def test_a_small_face_is_not_hidden_by_its_points() -> None:
    grey = np.full((60, 60, 3), 90, np.uint8)
    small = replace(points(True), points=points(True).points / 8 + 15)
    drawn = draw_landmarks(grey, [small])
    touched = np.abs(drawn.astype(int) - grey).max(2)
    x0, y0, x1, y1 = *small.points.min(0).astype(int), *small.points.max(0).astype(int) + 1
    assert touched[y0:y1, x0:x1].mean() < 60 and touched[y0:y1, x0:x1].any()
    outside = touched.copy()
    outside[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = 0
    assert not outside.any()
    beyond = replace(small, points=small.points + 100)
    assert np.array_equal(draw_landmarks(grey, [beyond]), grey)


def test_inputs_are_left_alone() -> None:
    before = PHOTO.copy()
    draw_landmarks(PHOTO, [points(True)])
    draw_mask(PHOTO, MASK)
    assert np.array_equal(PHOTO, before)
    assert np.array_equal(draw_landmarks(PHOTO, []), PHOTO)
