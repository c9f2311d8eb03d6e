"""Masks of hands, drawn from their points: the palm a polygon, the fingers limbs that taper to their tips."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.hands.find import Hand
from facelm.hands.points import FINGERS, PALM, WRIST

_SUB_PIXEL_BITS = 4
# Radii of the fingers at their four points, root to tip, in sizes of the palm: of hands as they are built.
_RADII = (0.145, 0.125, 0.11, 0.085)
_THUMB_RADII = (0.17, 0.15, 0.13, 0.1)
_WRIST = 0.36  # half of its width, in sizes of the palm seen across
_EDGE = 0.1  # how far the palm reaches beyond its points, in sizes of the palm


def paste_hands(hands: Sequence[Hand], height: int, width: int) -> NDArray[np.uint8]:
    """The mask of the hands of a picture.

    Args:
        hands: What ``HandFinder.find`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Returns:
        (height, width) uint8: the index of `facelm.classes.HAND` where a hand is, else 0.
    """
    mask = np.zeros((height, width), np.uint8)
    for hand in hands:
        fill_hand(mask, hand.points, classes.HAND.index)
    return mask


def fill_hand(mask: NDArray[np.uint8], points: NDArray[np.float64], value: int) -> None:
    """Fill the pixels of a hand.

    Args:
        mask: (H, W), is drawn on.
        points: (21, 2) of the hand, pixels of the mask.
        value: What its pixels become.
    """
    along = points[list(PALM[1:])].mean(0) - points[WRIST]
    across = points[PALM[-1]] - points[PALM[1]]
    # A palm seen from its edge is long still, one that points at the camera still wide.
    size = max(float(np.linalg.norm(along)), float(np.linalg.norm(across)), 1e-6)
    beside = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    half = max(_WRIST * float(np.linalg.norm(across)), _RADII[0] * size)
    palm = np.array([points[WRIST] + half * beside, points[WRIST] - half * beside, points[1], *points[list(PALM[1:])]])
    corners = cv2.convexHull(palm.astype(np.float32))
    cv2.fillPoly(mask, [_fix(corners)], value, cv2.LINE_8, _SUB_PIXEL_BITS)
    edge = max(1, round(2 * _EDGE * size))
    cv2.polylines(mask, [_fix(corners)], True, value, edge, cv2.LINE_8, _SUB_PIXEL_BITS)
    for name, finger in FINGERS.items():
        radii = _THUMB_RADII if name == "thumb" else _RADII
        limbs = zip(finger, (size * radius for radius in radii), strict=True)
        for (first, thick), (second, thin) in pairwise(limbs):
            _fill_limb(mask, points[first], points[second], thick, thin, value)


def _fill_limb(
    mask: NDArray[np.uint8],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    thick: float,
    thin: float,
    value: int,
) -> None:
    """Fill what lies around a line, with one radius at its start and another at its end, pixels."""
    x, y = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    beside = np.array([-y, x])
    sides = [start + thick * beside, start - thick * beside, end - thin * beside, end + thin * beside]
    cv2.fillPoly(mask, [_fix(np.array(sides))], value, cv2.LINE_8, _SUB_PIXEL_BITS)
    for middle, radius in ((start, thick), (end, thin)):
        at, reach = _fix(middle), round(radius * 2**_SUB_PIXEL_BITS)
        cv2.circle(mask, (int(at[0]), int(at[1])), max(1, reach), value, cv2.FILLED, cv2.LINE_8, _SUB_PIXEL_BITS)


def _fix(points: NDArray[Any]) -> NDArray[np.int32]:
    """Points as OpenCV draws them with a part of a pixel."""
    return np.rint(np.asarray(points).clip(-1e6, 1e6) * 2**_SUB_PIXEL_BITS).astype(np.int32)
