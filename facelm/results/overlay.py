"""The overlay: mask, landmarks and hands drawn on the photo, in lines that suit its size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.hands.points import FINGERS, SKELETON, WRIST
from facelm.landmarks.find import Landmarks
from facelm.landmarks.points import CLOSED, PARTS
from facelm.parsing.masks import paste

if TYPE_CHECKING:
    from facelm.hands.find import Hand
    from facelm.parsing.face import Face

_LINE = (255, 255, 255)
_SEEN = (30, 220, 90)
_HIDDEN = (255, 196, 0)
_SUB_PIXEL_BITS = 4
FINGER_COLOURS = ((255, 70, 60), (255, 176, 0), (120, 220, 40), (30, 160, 255), (190, 90, 255))
"""Of the fingers, thumb first."""


def draw_overlay(
    rgb: NDArray[np.uint8],
    faces: Sequence[Face],
    landmarks: Sequence[Landmarks],
    hands: Sequence[Hand] = (),
    opacity: float = 0.5,
) -> NDArray[np.uint8]:
    """Draw who is in a photo: the mask of the faces, their landmarks, and hands.

    Args:
        rgb: (H, W, 3) uint8.
        faces: Of the picture.
        landmarks: Of each face; none where they are not to be drawn.
        hands: Of the picture; points behind them are hidden.
        opacity: Of the mask; 0 draws none.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    drawn = draw_mask(rgb, paste(faces, *rgb.shape[:2]), opacity) if opacity else rgb
    if landmarks and hands:
        from facelm.hands.before import hide_landmarks

        landmarks = hide_landmarks(faces, landmarks, hands)
    return draw_hands(draw_landmarks(drawn, landmarks), hands)


def draw_mask(rgb: NDArray[np.uint8], mask: NDArray[np.uint8], opacity: float = 0.5) -> NDArray[np.uint8]:
    """Lay the colours of a mask over a photo; the background stays as it is.

    Args:
        rgb: (H, W, 3) uint8.
        mask: (H, W) class indices, uint8.
        opacity: 0 shows only the photo, 1 only the colours.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    drawn = rgb.copy()
    x, y, width, height = cv2.boundingRect(mask)
    part = np.s_[y : y + height, x : x + width]
    if width:
        colours = np.take(classes.palette(), mask[part], axis=0)
        cv2.copyTo(cv2.addWeighted(rgb[part], 1 - opacity, colours, opacity, 0), mask[part], drawn[part])
    return drawn


def draw_landmarks(rgb: NDArray[np.uint8], faces: Sequence[Landmarks]) -> NDArray[np.uint8]:
    """Draw the landmarks of all faces: a line along each part, a dot on each point, hidden points in yellow.

    Args:
        rgb: (H, W, 3) uint8.
        faces: In pixels of the picture.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    drawn = rgb.copy()
    for face in faces:
        height = float(np.ptp(face.points[:, 1]))
        thickness = max(1, round(height / 220))
        radius = max(1.0, height / 110)
        fixed = np.rint(face.points * 2**_SUB_PIXEL_BITS).astype(int)
        for part, points in PARTS.items():
            line = fixed[list(points)].reshape(-1, 1, 2).astype(np.int32)
            cv2.polylines(drawn, [line], part in CLOSED, _LINE, thickness, cv2.LINE_AA, _SUB_PIXEL_BITS)
        for (x, y), visible in zip(fixed.tolist(), face.visible, strict=True):
            colour = _SEEN if visible else _HIDDEN
            size = round(radius * 2**_SUB_PIXEL_BITS)
            cv2.circle(drawn, (x, y), size, colour, cv2.FILLED, cv2.LINE_AA, _SUB_PIXEL_BITS)
    return drawn


def draw_hands(rgb: NDArray[np.uint8], hands: Sequence[Hand]) -> NDArray[np.uint8]:
    """Draw the skeletons of all hands: a colour for each finger, a white ring around points that are hidden.

    Args:
        rgb: (H, W, 3) uint8.
        hands: In pixels of the picture.

    Returns:
        A new picture, (H, W, 3) uint8.
    """
    drawn = rgb.copy()
    colours = {WRIST: _LINE} | {
        point: colour for finger, colour in zip(FINGERS.values(), FINGER_COLOURS, strict=True) for point in finger
    }
    for hand in hands:
        size = float(np.ptp(hand.points, axis=0).max())
        thickness, radius = max(1, round(size / 50)), max(1.5, size / 45)
        fixed = np.rint(hand.points * 2**_SUB_PIXEL_BITS).astype(int)
        ends = [tuple(point) for point in fixed.tolist()]
        for first, second in SKELETON:
            cv2.line(drawn, ends[first], ends[second], colours[second], thickness, cv2.LINE_AA, _SUB_PIXEL_BITS)
        for point, visible in enumerate(hand.visible):
            for reach, colour in ((1.0, colours[point] if visible else _LINE), (0.6, colours[point])):
                inner = round(reach * radius * 2**_SUB_PIXEL_BITS)
                cv2.circle(drawn, ends[point], inner, colour, cv2.FILLED, cv2.LINE_AA, _SUB_PIXEL_BITS)
    return drawn
