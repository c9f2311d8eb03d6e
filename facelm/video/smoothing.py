"""The points, the box and the pose of one followed face, filtered in the face's own unit by true time; and hands.

Where the head is (its middle, size and turn in the picture) and how the points lie on it are filtered apart, so that a
head may move fast while the points on it stand still. Lids and lips, which move within a frame, answer sooner.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facelm.hands import points as hand_points
from facelm.landmarks.find import Landmarks
from facelm.landmarks.points import PARTS
from facelm.landmarks.shape import Pose, shape_model
from facelm.pictures import affine
from facelm.video.filters import OneEuroFilter, Response

if TYPE_CHECKING:
    from facelm.hands.find import Hand

Box = tuple[float, float, float, float]

HEAD = Response(rest=0.05, gain=100.0, calm=0.15, agility=8.0)
"""Of the head in the picture, in inter-ocular distances."""

FIRM = Response(rest=0.05, gain=60.0, calm=0.2, agility=5.0)
"""Of points that move little on a head."""

LIPS = Response(rest=0.05, gain=120.0, calm=0.15, agility=15.0)
"""Of lips, which move within a frame."""

LIDS = Response(rest=0.05, gain=200.0, calm=0.06, agility=30.0)
"""Of lids, which move as fast and less far."""

EDGES = Response(rest=0.05, gain=30.0, calm=0.6, agility=5.0)
"""Of the box about the head, which is told to whole pixels of the crop."""

TURN = Response(rest=0.05, gain=4.0, calm=8.0, agility=6.0)
"""Of the pose, in degrees."""

PALM = Response(rest=0.1, gain=60.0, calm=0.3, agility=6.0)
"""Of a hand in the picture, in lengths of its palm."""

FINGERS = Response(rest=0.1, gain=30.0, calm=0.5, agility=6.0)
"""Of the points of a finger about the palm, in the same unit."""

_GROUPS = {
    "jaw": FIRM,
    "right_brow": FIRM,
    "left_brow": FIRM,
    "nose_bridge": FIRM,
    "nose_base": FIRM,
    "right_eye": LIDS,
    "left_eye": LIDS,
    "lips": LIPS,
}
_POINTS = {**{name: list(PARTS[name]) for name in _GROUPS if name != "lips"}, "lips": list(range(48, 68))}
_MARKS = np.array([[-0.5, 0.0], [0.5, 0.0]])
_HAND_GROUPS = [list(hand_points.PALM), *([*finger][name != "thumb" :] for name, finger in hand_points.FINGERS.items())]
"""The points of a hand that move together: the palm, and what is left of each finger."""

_STEADY = np.zeros(68)
_STEADY[:17], _STEADY[17:27], _STEADY[27:36], _STEADY[[36, 39, 42, 45]] = 0.3, 0.3, 1, 1
"""How much each point counts for where the head is: brows and outline move more than nose and corners of the eyes."""


class FaceSmoother:
    """Filters landmarks and box of one face, frame after frame."""

    def __init__(self) -> None:
        self._head = OneEuroFilter(HEAD)
        self._groups = {name: OneEuroFilter(response) for name, response in _GROUPS.items()}
        self._box = OneEuroFilter(EDGES)
        self._pose = OneEuroFilter(TURN)
        self._angle = 0.0

    def __call__(self, found: Landmarks, box: Box, time: float) -> tuple[Landmarks, Box]:
        """The landmarks and the box of the next frame, filtered; what is neither points nor pose stays as it is.

        Args:
            found: In pixels of the picture.
            box: x0, y0, x1, y1 in the picture, pixels.
            time: Seconds; later than that of the frame before.
        """
        unit, to_face = _place(found.points)
        on_face = affine.apply(to_face, found.points)
        # Two points of the head, an inter-ocular distance apart, tell its middle, size and turn.
        seen = affine.apply(affine.invert(to_face), _MARKS)
        marks = self._head(seen, time, unit)
        smooth = np.empty_like(on_face)
        for name, points in _POINTS.items():
            smooth[points] = self._groups[name](on_face[points], time)
        head = affine.fit_similarity(_MARKS, marks, np.ones(2))
        corners = np.reshape(box, (2, 2))
        edges = self._box((corners - seen.mean(0)) / unit, time) * float(np.linalg.norm(marks[1] - marks[0]))
        x0, y0, x1, y1 = (edges + marks.mean(0)).ravel().tolist()
        smoothed = replace(found, points=affine.apply(head, smooth), pose=self._turn(found.pose, time))
        return smoothed, (x0, y0, x1, y1)

    def _turn(self, pose: Pose, time: float) -> Pose:
        """The pose, filtered; roll runs on beyond half a turn while it is filtered."""
        self._angle += (pose.roll - self._angle + 180) % 360 - 180
        yaw, pitch, roll = self._pose(np.array([[pose.yaw, pose.pitch, self._angle]]), time)[0].tolist()
        return Pose(yaw, pitch, (roll + 180) % 360 - 180)


class HandSmoother:
    """Filters the points of one hand, frame after frame: where the hand is, and how each finger lies about it."""

    def __init__(self) -> None:
        self._palm = OneEuroFilter(PALM)
        self._groups = [OneEuroFilter(FINGERS) for _ in _HAND_GROUPS]

    def __call__(self, hand: Hand, time: float) -> Hand:
        """The hand of the next frame with its points and its box filtered.

        Args:
            hand: In pixels of the picture.
            time: Seconds; later than that of the frame before.
        """
        points = np.column_stack([hand.points, hand.depth])
        unit = max(float(np.linalg.norm(points[9] - points[0])), float(np.linalg.norm(points[17] - points[5])), 1e-6)
        middle = points[_HAND_GROUPS[0]].mean(0, keepdims=True)
        steady = self._palm(middle, time, unit)
        smooth = np.empty_like(points)
        for group, smoother in zip(_HAND_GROUPS, self._groups, strict=True):
            smooth[group] = steady + smoother(points[group] - middle, time, unit)
        (x0, y0), (x1, y1) = smooth[:, :2].min(0).tolist(), smooth[:, :2].max(0).tolist()
        return replace(hand, points=smooth[:, :2], depth=smooth[:, 2] - smooth[0, 2], box=(x0, y0, x1, y1))


def _place(points: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """The inter-ocular distance, pixels, and the transform from the picture to the face, whose unit it is."""
    mean = shape_model().mean[:, :2]
    mean = (mean - mean[[36, 45]].mean(0)) / np.linalg.norm(mean[45] - mean[36])
    to_face = affine.fit_similarity(points, mean, _STEADY)
    return 1 / float(np.sqrt(abs(np.linalg.det(to_face[:, :2])))), to_face
