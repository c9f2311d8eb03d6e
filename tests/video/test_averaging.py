from __future__ import annotations

import numpy as np
import pytest

from facelm import classes
from facelm.parsing.face import Face
from facelm.video.averaging import MaskAverager

SIDE = 64
STEP = 1 / 30
POINTS = np.random.default_rng(0).uniform(0.3, 0.8, (68, 2))


def face(probabilities: np.ndarray, context: np.ndarray | None = None) -> Face:
    return Face((0, 0, 1, 1), 1.0, np.eye(2, 3), probabilities, np.ones((SIDE, SIDE), bool), context)


def layers(skin: np.ndarray) -> np.ndarray:
    """Skin, else background."""
    stack = np.zeros((len(classes.CLASSES), *skin.shape), np.float32)
    stack[1], stack[0] = skin, 1 - skin
    return stack


def test_a_border_that_flickers_becomes_steady() -> None:
    average, rng, seen = MaskAverager(), np.random.default_rng(0), []
    for number in range(40):
        skin = np.zeros((SIDE, SIDE), np.float32)
        skin[20:] = 1
        skin[20] = rng.uniform(0, 1, SIDE)
        averaged = average(face(layers(skin), layers(skin)), POINTS, number * STEP)
        assert averaged.probabilities.sum(0) == pytest.approx(1, abs=1e-5)
        seen.append(averaged.probabilities[1, 20])
        assert averaged.context is not None
    assert np.std(seen[10:], 0).mean() < 0.4 * np.sqrt(1 / 12)


def test_what_covers_much_is_there_at_once() -> None:
    average = MaskAverager()
    for number in range(10):
        average(face(layers(np.ones((SIDE, SIDE), np.float32))), POINTS, number * STEP)
    covered = np.ones((SIDE, SIDE), np.float32)
    covered[:32] = 0
    seen = average(face(layers(covered)), POINTS, 10 * STEP).probabilities[1]
    assert seen[:28].max() < 0.05 and seen[36:].min() > 0.95


def test_near_points_that_move_little_is_averaged() -> None:
    average = MaskAverager()
    before, after = np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    before[21, 20:22] = before[41, 40:42] = 1  # too small to count as a change
    after[41, 40:42] = 1
    points = np.tile([[22 / SIDE, 22 / SIDE], [42 / SIDE, 42 / SIDE]], (34, 1))
    for number in range(10):
        average(face(layers(before)), points, number * STEP)
    moved = points + [[0, 0.03], [0, 0]] * 34
    seen = average(face(layers(after)), moved, 10 * STEP).probabilities[1]
    assert seen[21, 20:22].max() < 0.35 and seen[41, 40:42].min() > 0.95
    still = MaskAverager()
    for number in range(10):
        still(face(layers(before)), points, number * STEP)
    assert still(face(layers(after)), points, 10 * STEP).probabilities[1, 21, 20:22].min() > 0.5


def test_a_crop_of_another_size_begins_anew() -> None:
    average = MaskAverager()
    average(face(layers(np.ones((SIDE, SIDE), np.float32))), POINTS, 0.0)
    small = layers(np.zeros((32, 32), np.float32))
    assert np.array_equal(average(face(small), POINTS, STEP).probabilities, small)
