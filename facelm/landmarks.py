"""The 68 iBUG landmarks of a face, read off the contours of its regions.

All geometry is done in the canonical crop, where the face is upright, on the iso-lines of the class
probabilities at one half, which have sub-pixel precision. Points of regions that cannot be seen are completed
from the mean shape as it fits the others, and marked not visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from facelm import align, classes
from facelm.coco import encode_region
from facelm.masks import paste
from facelm.parse import Face
from facelm.reader import TURNED, ContourReader
from facelm.records import PARTS, FaceRecord
from facelm.shape import Pose, fit_shape, shape_model

_COMPLETED = 0.25
_PRIOR = 0.002
_JAW_HIDDEN = 20.0
_FAR_JAW = {True: slice(9, 17), False: slice(0, 8)}
_JAW_WEIGHT = 0.3  # the outline of a turned face is not where the jaw bone is


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The landmarks of one face.

    Attributes:
        points: (68, 2) x, y in the picture, pixels, float64, in iBUG order.
        depth: (68,) z, float64, in pixels of the picture: 0 at the middle of the landmarks, growing away from the
            camera; of the shape model as it fits the face.
        confidence: (68,) 0 to 1: the mean probability of the region that a point is read from.
        visible: (68,) bool: False for a point that was completed, is covered by hair, hat or glasses, or lies
            outside the picture.
        centroids: x, y in the picture of ``right_pupil``, ``left_pupil``, ``nose`` and ``mouth``, as far as
            their regions are there.
        pose: Head pose.
    """

    points: NDArray[np.float64]
    depth: NDArray[np.float64]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    centroids: Mapping[str, tuple[float, float]]
    pose: Pose


def find_landmarks(face: Face) -> Landmarks:
    """Read the landmarks of a parsed face off its contours."""
    reader = ContourReader(face)
    reader.read_eyes()
    reader.read_brows()
    reader.read_nose()
    reader.read_lips()
    reader.read_jaw()
    seen = np.isfinite(reader.points[:, 0])
    weights = np.where(seen, np.nan_to_num(reader.confidence), _PRIOR)
    weights[:17] *= _JAW_WEIGHT
    prior = _canonical_points() * reader.size - 0.5
    positions = np.where(seen[:, None], reader.points, prior)
    fit = fit_shape(positions, weights)
    if abs(fit.pose.yaw) > TURNED:
        # The far outline of a turned face is its profile, not its jaw, and the ridge of the nose is its far edge.
        weights[_FAR_JAW[fit.pose.yaw > 0]] = 0
        for _ in range(2):
            reader.turn_nose(fit.pose.yaw)
            positions[27:31] = np.where(seen[27:31, None], reader.points[27:31], prior[27:31])
            fit = fit_shape(positions, weights)
    if abs(fit.pose.yaw) > _JAW_HIDDEN:
        seen[_FAR_JAW[fit.pose.yaw > 0]] = False
    points = np.where(seen[:, None], reader.points, fit.points[:, :2])
    confidence = np.where(seen, reader.confidence, _COMPLETED * (reader.confidence[seen].mean() if seen.any() else 0))
    visible = seen & ~reader.covered(points)
    moved = align.apply(face.to_picture, points)
    depth = fit.points[:, 2] * np.sqrt(abs(np.linalg.det(face.to_picture[:, :2])))
    angle = np.degrees(np.arctan2(face.to_picture[1, 0], face.to_picture[0, 0]))
    roll = (fit.pose.roll + angle + 180) % 360 - 180
    centroids = {
        name: tuple(align.apply(face.to_picture, centre[None])[0].tolist()) for name, centre in reader.centroids.items()
    }
    pose = Pose(fit.pose.yaw, fit.pose.pitch, float(roll))
    return Landmarks(moved, depth, confidence.clip(0, 1), visible, centroids, pose)


def record_faces(
    faces: Sequence[Face],
    height: int,
    width: int,
    regions: bool = False,
    solid: bool = False,
    min_confidence: float = 0.0,
) -> tuple[FaceRecord, ...]:
    """Faces with their landmarks, as they are written to files.

    Args:
        faces: What ``FaceParser.parse`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        regions: Also encode the region of each face, which COCO files hold.
        solid: Also give the landmarks in three dimensions.
        min_confidence: A point below it counts as not visible.
    """
    records = []
    for face in faces:
        found = find_landmarks(face)
        region = None
        if regions:
            region = encode_region(np.isin(paste([face], height, width), classes.indices(*classes.FACE)))
        records.append(
            FaceRecord(
                face.box,
                face.score,
                found.pose.roll,
                found.pose.yaw,
                found.pose.pitch,
                found.points,
                found.confidence,
                found.visible & (found.confidence >= min_confidence),
                region,
                np.column_stack([found.points, found.depth]) if solid else None,
            )
        )
    return tuple(records)


@cache
def _canonical_points() -> NDArray[np.float64]:
    """The mean shape where it lies in the canonical crop: (68, 2), fractions of the side."""
    flat = shape_model().mean[:, :2]
    groups = {"r_eye": PARTS["right_eye"], "l_eye": PARTS["left_eye"], "lips": PARTS["outer_lips"]}
    centres = np.array([flat[list(points)].mean(0) for points in groups.values()])
    places = np.array([align.PARTS[part] for part in groups])
    return align.apply(align.fit_similarity(centres, places, np.ones(3)), flat)
