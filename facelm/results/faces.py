"""Records of parsed faces: their landmarks, as they are written to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.covered import find_covered
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.masks import paste, paste_instances
from facelm.parsing.neighbours import find_own
from facelm.results.records import CONFIDENCE_DECIMALS, FaceRecord

if TYPE_CHECKING:
    from facelm.hands.find import Hand

Encoder = Callable[[NDArray[np.bool_]], Any]
"""Makes of a region (H, W) what a record holds: `encode_region` or `encode_polygons` of `facelm.results.coco`."""


def record_faces(
    faces: Sequence[Face],
    height: int,
    width: int,
    encode: Encoder | None = None,
    solid: bool = False,
    min_confidence: float = 0.0,
    jaw: str = "outline",
    hands: Sequence[Hand] = (),
) -> tuple[FaceRecord, ...]:
    """Faces with their landmarks, as they are written to files.

    Args:
        faces: What ``FaceParser.parse`` found, all of them: the region of each is what it owns.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        encode: Also encode the region of each face, which COCO files hold.
        solid: Also give the landmarks in three dimensions.
        min_confidence: A point whose confidence, as it is written, is below it counts as not visible; nor does one
            outside the picture.
        jaw: Which jaw, see `facelm.find_landmarks`.
        hands: Of the picture: they hide what they are before.
    """
    found = [find_landmarks(face, jaw) for face in faces]
    return describe_faces(faces, found, height, width, encode, solid, min_confidence, hands=hands)


def describe_faces(
    faces: Sequence[Face],
    landmarks: Sequence[Landmarks],
    height: int,
    width: int,
    encode: Encoder | None = None,
    solid: bool = False,
    min_confidence: float = 0.0,
    tracks: Sequence[int] | None = None,
    hands: Sequence[Hand] = (),
) -> tuple[FaceRecord, ...]:
    """Faces whose landmarks are known, as they are written to files; see `record_faces`.

    Args:
        faces: As they were parsed, all of them: the region of each is what it owns.
        landmarks: Of each face.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        encode: Also encode the region of each face, which COCO files hold.
        solid: Also give the landmarks in three dimensions.
        min_confidence: A point whose confidence, as it is written, is below it counts as not visible; nor does one
            outside the picture.
        tracks: Number of each face in its clip.
        hands: Of the picture: they hide what they are before.
    """
    records = []
    if encode:
        mask = paste(faces, height, width)
        owner = paste_instances(faces, height, width, mask) * np.isin(mask, classes.indices(*classes.FACE))
    own = find_own(faces, height, width)
    for at, (face, found) in enumerate(zip(faces, landmarks, strict=True)):
        region = encode(owner == at + 1) if encode else None
        before = None
        if hands:
            from facelm.hands.before import find_before, hide_points

            before = find_before(face, hands)
            found = hide_points(face, found, before)
        covered = find_covered(face, found, own[at], before)
        records.append(
            FaceRecord(
                face.box,
                face.score,
                found.pose.roll,
                found.pose.yaw,
                found.pose.pitch,
                found.points,
                found.confidence,
                _within(found.points, height, width)
                & found.visible
                & (found.confidence.round(CONFIDENCE_DECIMALS) >= min_confidence),
                region,
                np.column_stack([found.points, found.depth]) if solid else None,
                None if tracks is None else tracks[at],
                covered.shares,
                covered.causes,
            )
        )
    return tuple(records)


def _within(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Which points (N, 2), as they are written, lie in the picture."""
    within: NDArray[np.bool_] = ((points.round(2) >= -0.5) & (points.round(2) < (width - 0.5, height - 0.5))).all(1)
    return within
