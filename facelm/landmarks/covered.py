"""How much of each part of a face is covered, and by what: the shape says where it is, the mask what is seen there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import label
from facelm.landmarks.find import Landmarks
from facelm.parsing.face import Face
from facelm.pictures import affine

_CAUSES = ("", "unknown", "face", "hand", "glasses", "hair", "hat", "cloth", "neck")
_BARE_SKIN, _UNKNOWN, _OTHER_FACE, _HAND = 0, 1, 2, 3
_CAUSE_OF = dict(zip(("eye_g", "hair", "hat", "cloth", "neck"), range(4, len(_CAUSES)), strict=True))

_OUTLINES: dict[str, tuple[int, ...]] = {
    "right_brow": (17, 18, 19, 20, 21),
    "left_brow": (22, 23, 24, 25, 26),
    "right_eye": (36, 37, 38, 39, 40, 41),
    "left_eye": (42, 43, 44, 45, 46, 47),
    "nose": (27, 31, 32, 33, 34, 35),
    "mouth": tuple(range(48, 60)),
    "right_cheek": (2, 3, 4, 48, 31, 40, 41, 36),
    "left_cheek": (14, 13, 12, 54, 35, 47, 46, 45),
    "chin": (5, 6, 7, 8, 9, 10, 11, 55, 56, 57, 58, 59),
}
_BRIM = {"right_brow": 0.1, "left_brow": 0.1, "right_eye": 0.25, "left_eye": 0.25}
"""How far thin parts reach beyond their points, in their own lengths: an eye that is shut has no area."""

_FOREHEAD = 0.4  # height above the brows, in lengths of the nose, which no hair line comes below
_TURNED = {"cheek": 35.0, "eye": 60.0, "brow": 60.0}
"""Degrees of yaw from which on a part of the far side is turned away."""

_LEAST_AREA = 0.3
_LEAST_TOLD = 0.1


@dataclass(frozen=True)
class Covered:
    """What covers a face.

    Attributes:
        shares: Of each part how much is covered, 0 to 1; None where it is turned away or outside of the picture.
        causes: Of each part of which a tenth or more is covered, what covers most of that: glasses, hair, hat, cloth,
            neck, hand, face (another one), or unknown.
    """

    shares: Mapping[str, float | None]
    causes: Mapping[str, str]


def find_covered(
    face: Face, found: Landmarks, own: NDArray[np.bool_] | None = None, hands: NDArray[np.bool_] | None = None
) -> Covered:
    """Find what covers a face.

    Args:
        face: The face.
        found: Its landmarks.
        own: (S, S) pixels of its crop that no other face owns, from `facelm.parsing.neighbours.find_own`; None is all.
        hands: (S, S) pixels of its crop that hands cover, as far as that is known.
    """
    table = np.full(len(classes.NAMES), _UNKNOWN, np.uint8)
    table[classes.indices(*classes.CORE)] = _BARE_SKIN
    table[classes.indices(*_CAUSE_OF)] = list(_CAUSE_OF.values())
    seen = table[label(face.probabilities)]
    if own is not None:
        seen[~own] = _OTHER_FACE
    if hands is not None:
        seen[hands] = _HAND
    points = affine.apply(face.to_crop, found.points)
    shares: dict[str, float | None] = {}
    causes: dict[str, str] = {}
    for part, corners in _outline(points).items():
        area = _fill(corners, _BRIM.get(part, 0.0), len(seen))
        there = area & face.inside
        if _is_turned_away(part, found.pose.yaw) or there.sum() <= _LEAST_AREA * max(1, area.sum()):
            shares[part] = None
            continue
        counts = np.bincount(seen[there], minlength=len(_CAUSES))
        covering = counts[_UNKNOWN:]
        share = float(covering.sum() / counts.sum())
        shares[part] = share
        if share >= _LEAST_TOLD:
            causes[part] = _CAUSES[_UNKNOWN + int(covering.argmax())]
    return Covered(shares, causes)


def _outline(points: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The corners (N, 2) of each part, in the crop, from the landmarks there."""
    outlines = {part: points[list(indices)] for part, indices in _OUTLINES.items()}
    brows = points[18:26]
    up = _FOREHEAD * (points[27] - points[33])
    return {"forehead": np.concatenate([brows, brows[::-1] + up]), **outlines}


def _fill(corners: NDArray[np.float64], brim: float, size: int) -> NDArray[np.bool_]:
    """The pixels (S, S) within corners, or as close to them as a brim."""
    filled = np.zeros((size, size), np.uint8)
    fixed = np.rint(corners).astype(np.int32)
    if brim:
        length = float(np.linalg.norm(np.ptp(corners, axis=0)))
        cv2.polylines(filled, [fixed], False, 1, max(1, round(2 * brim * length)))
    cv2.fillPoly(filled, [fixed], 1)
    return filled.view(np.bool_)


def _is_turned_away(part: str, yaw: float) -> bool:
    side, _, kind = part.partition("_")
    far = "left" if yaw > 0 else "right"
    return side == far and abs(yaw) > _TURNED[kind]
