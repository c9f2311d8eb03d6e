from __future__ import annotations

from dataclasses import replace

import numpy as np
from drawn_hands import OPEN

from facelm.hands.find import Hand
from facelm.landmarks.find import Landmarks
from facelm.landmarks.shape import Pose, shape_model
from facelm.video.smoothing import FaceSmoother, HandSmoother

SIDE = 80.0  # inter-ocular distance, pixels
RATE = 30
FACE = SIDE * shape_model().mean[:, :2] / np.linalg.norm(shape_model().mean[45] - shape_model().mean[36]) + 150

BOX = (100.0, 120.0, 200.0, 240.0)


def landmarks(points: np.ndarray, roll: float = 0.0) -> Landmarks:
    return Landmarks(points, np.zeros(68), np.ones(68), np.ones(68, bool), {}, Pose(0, 0, roll))


def smooth(frames: np.ndarray) -> np.ndarray:
    smoother = FaceSmoother()
    return np.stack([smoother(landmarks(points), BOX, number / RATE)[0].points for number, points in enumerate(frames)])


def test_a_still_face_does_not_tremble() -> None:
    frames = FACE + np.random.default_rng(0).normal(0, 0.003 * SIDE, (90, 68, 2))
    assert smooth(frames)[30:].std(0).mean() < 0.3 * frames[30:].std(0).mean()


def test_a_head_that_moves_is_followed_within_a_frame() -> None:
    way = 0.05 * SIDE  # in each frame
    frames = np.stack([FACE + np.array([way * max(0, number - 20), 0]) for number in range(60)])
    assert abs(smooth(frames) - frames)[25:].max() < way


def test_a_blink_keeps_its_depth() -> None:
    gap = (FACE[[40, 41]] - FACE[[38, 37]])[:, 1].mean()
    closed = np.concatenate([np.zeros(20), [0.5, 1, 1, 0.5], np.zeros(20)])
    frames = np.stack([FACE] * len(closed))
    frames[:, [37, 38], 1] += closed[:, None] * gap
    gaps = (smooth(frames)[:, [40, 41]] - smooth(frames)[:, [38, 37]])[..., 1].mean(1)
    assert gap - gaps.min() > 0.9 * gap


def test_roll_goes_on_beyond_half_a_turn() -> None:
    smoother = FaceSmoother()
    found = landmarks(FACE)
    for number in range(40):
        turned = smoother(replace(found, pose=Pose(0, 0, 179 if number % 2 else -179)), BOX, number / RATE)[0]
    assert abs(turned.pose.roll) > 178


def test_the_box_goes_with_the_head_and_does_not_tremble() -> None:
    rng = np.random.default_rng(0)
    smoother, boxes = FaceSmoother(), []
    for number in range(90):
        way = 3.0 * max(0, number - 60)
        box = np.array(BOX) + rng.normal(0, 0.5, 4) + [way, 0, way, 0]
        x0, y0, x1, y1 = box.tolist()
        boxes.append(smoother(landmarks(FACE + np.array([way, 0])), (x0, y0, x1, y1), number / RATE)[1])
    assert np.std(boxes[20:60], 0).max() < 0.15
    assert abs(boxes[-1] - np.array(BOX) - [87, 0, 87, 0]).max() < 2


def smooth_hands(frames: np.ndarray) -> np.ndarray:
    smoother = HandSmoother()
    hands = (Hand(BOX, 0.9, 0.9, points, np.zeros(21), np.ones(21), np.ones(21, bool)) for points in frames)
    return np.stack([smoother(hand, number / RATE).points for number, hand in enumerate(hands)])


def test_a_still_hand_does_not_tremble_and_one_that_moves_is_followed() -> None:
    size = float(np.ptp(OPEN, axis=0).max())
    frames = OPEN + np.random.default_rng(0).normal(0, 0.006 * size, (90, 21, 2))
    assert smooth_hands(frames)[30:].std(0).mean() < 0.3 * frames[30:].std(0).mean()
    way = 0.05 * size  # in each frame
    moving = np.stack([OPEN + np.array([way * max(0, number - 20), 0]) for number in range(60)])
    assert abs(smooth_hands(moving) - moving)[25:].max() < way


def test_a_finger_that_bends_is_followed() -> None:
    bent = OPEN.copy()
    bent[6:9] = OPEN[5] + (OPEN[6:9] - OPEN[5]) * 0.3
    share = np.clip((np.arange(60) - 20) / 8, 0, 1)[:, None, None]
    frames = OPEN + share * (bent - OPEN)
    smoothed = smooth_hands(frames)
    assert abs(smoothed - frames)[20:28].max() < 0.5 * np.linalg.norm(bent[8] - OPEN[8])
    np.testing.assert_allclose(smoothed[45], bent, atol=3)
