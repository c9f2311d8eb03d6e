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
_FINER_BELOW, _MOST_FINER = 80.0, 8  # height of a face in pixels, and how many times larger at the most
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
        # A small face is drawn on a larger picture, else lines of a pixel would hide it.
        height = max(1.0, float(np.ptp(face.points[:, 1])))
        finer = min(max(1, round(_FINER_BELOW / height)), _MOST_FINER)
        margin = 2 + height / 50  # for lines and dots
        low = np.floor(face.points.min(0) - margin).astype(int).clip(0, drawn.shape[1::-1])
        high = np.ceil(face.points.max(0) + margin).astype(int).clip(0, drawn.shape[1::-1])
        part = drawn[low[1] : high[1], low[0] : high[0]]
        if part.size:
            large = part.repeat(finer, 0).repeat(finer, 1)
            _draw_face(large, (face.points - low + 0.5) * finer - 0.5, face.visible)
            part[:] = cv2.resize(large, part.shape[1::-1], interpolation=cv2.INTER_AREA)
    return drawn


def _draw_face(drawn: NDArray[np.uint8], points: NDArray[np.float64], seen: NDArray[np.bool_]) -> None:
    height = float(np.ptp(points[:, 1]))
    thickness = max(1, round(height / 220))
    size = round(max(1.0, height / 110) * 2**_SUB_PIXEL_BITS)
    fixed = np.rint(points * 2**_SUB_PIXEL_BITS).astype(int)
    for part, some in PARTS.items():
        line = fixed[list(some)].reshape(-1, 1, 2).astype(np.int32)
        cv2.polylines(drawn, [line], part in CLOSED, _LINE, thickness, cv2.LINE_AA, _SUB_PIXEL_BITS)
    for (x, y), visible in zip(fixed.tolist(), seen, strict=True):
        cv2.circle(drawn, (x, y), size, _SEEN if visible else _HIDDEN, cv2.FILLED, cv2.LINE_AA, _SUB_PIXEL_BITS)


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
