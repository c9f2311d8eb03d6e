"""Drawn hands: limbs that are lit from one side, for tests that need a picture of a hand."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.hands.points import FINGERS

SIZE = 300

OPEN = SIZE * np.array(
    [
        (0.50, 0.88),
        (0.63, 0.80), (0.73, 0.70), (0.80, 0.61), (0.86, 0.54),
        (0.60, 0.52), (0.63, 0.38), (0.645, 0.29), (0.655, 0.21),
        (0.505, 0.49), (0.51, 0.33), (0.51, 0.23), (0.51, 0.15),
        (0.415, 0.51), (0.385, 0.37), (0.37, 0.28), (0.36, 0.20),
        (0.335, 0.56), (0.28, 0.46), (0.25, 0.39), (0.225, 0.33),
    ]
)  # fmt: skip
"""The points of a right hand with its palm to the camera and its fingers up: (21, 2), pixels."""

VICTORY = OPEN.copy()
VICTORY[3:5] = SIZE * np.array([(0.66, 0.62), (0.57, 0.61)])
VICTORY[13:] = SIZE * np.array(
    [(0.415, 0.51), (0.40, 0.43), (0.42, 0.52), (0.43, 0.58), (0.335, 0.56), (0.32, 0.49), (0.35, 0.57), (0.37, 0.62)]
)
"""The same with forefinger and middle finger up, the others bent."""

_SKIN = np.array([222.0, 172.0, 142.0])
_BEHIND = np.array([196.0, 202.0, 206.0])


def draw_hand(points: NDArray[np.float64] = OPEN, size: int = SIZE) -> NDArray[np.uint8]:
    """A picture of a hand with these points (21, 2), on grey: (size, size, 3) uint8."""
    shade = 1 - 0.12 * np.arange(size) / size
    rgb = _BEHIND * shade[:, None] + np.random.default_rng(0).normal(0, 2, (size, size, 1))
    unit = float(np.linalg.norm(points[9] - points[0]))
    wrist, middle = points[0], points[9]
    down = (wrist - middle) / unit
    _limb(rgb, wrist + 0.05 * unit * down, wrist + 1.5 * unit * down, 0.25 * unit, 0.27 * unit)
    heel = wrist - 0.12 * unit * down
    for root, radius in ((5, 0.17), (9, 0.18), (13, 0.18), (17, 0.17)):
        _limb(rgb, heel + 0.35 * (points[root] - middle), points[root], 0.28 * unit, radius * unit, edge=0.0)
    _limb(rgb, points[1], points[2], 0.24 * unit, 0.15 * unit, edge=0.2)
    for name in ("pinky_finger", "ring_finger", "middle_finger", "forefinger", "thumb"):
        finger = list(FINGERS[name])
        radii = np.array([0.13, 0.12, 0.11, 0.095] if name != "thumb" else [0.16, 0.15, 0.13, 0.11]) * unit
        for at, (first, second) in enumerate(pairwise(finger)):
            _limb(rgb, points[first], points[second], radii[at], radii[at + 1])
        for joint in finger[1:3]:
            _crease(rgb, points[joint], points[joint + 1] - points[joint], 0.09 * unit)
    return cv2.GaussianBlur(rgb, (0, 0), size / 300).clip(0, 255).astype(np.uint8)


def _limb(
    rgb: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    thick: float,
    thin: float,
    edge: float = 0.35,
) -> None:
    """A limb with round ends: lit in its middle, dark at its edges."""
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    along = end - start
    share = (((columns - start[0]) * along[0] + (rows - start[1]) * along[1]) / max(along @ along, 1e-6)).clip(0, 1)
    away = np.hypot(columns - start[0] - share * along[0], rows - start[1] - share * along[1])
    reach = thick + share * (thin - thick)
    there = away < reach
    light = 1 - edge * (away / reach)[there] ** 4
    rgb[there] = _SKIN * light[:, None]


def _crease(rgb: NDArray[np.float64], at: NDArray[np.float64], along: NDArray[np.float64], half: float) -> None:
    across = half * np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    first, second = (np.rint(at + sign * across).astype(int).tolist() for sign in (1, -1))
    cv2.line(rgb, tuple(first), tuple(second), (_SKIN * 0.8).tolist(), 1, cv2.LINE_AA)
