"""The 68 iBUG landmarks of a face, from its photograph and its regions.

They come in two ways, both in the canonical crop, where the face is upright. The landmark network sees photograph and
regions at once, coarsely, and knows where annotators put their points. Contours, the iso-lines of the class
probabilities at one half, have sub-pixel precision. Where both agree the contour refines the network; elsewhere the
network holds. Contours alone are completed by the shape model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.certainty import describe_points, rate_points
from facelm.landmarks.learned import LearnedPoints, begin, coefficients
from facelm.landmarks.points import PARTS, POINTS
from facelm.landmarks.reader import TURNED, ContourReader
from facelm.landmarks.shape import Pose, ShapeFit, fit_shape, shape_model
from facelm.landmarks.visibility import find_shown
from facelm.parsing.face import Face
from facelm.pictures import affine
from facelm.pictures.crops import PLACES

_COMPLETED = 0.25
_PRIOR = 0.002
_JAW_HIDDEN = 20.0
_FAR_JAW = {True: slice(9, 17), False: slice(0, 8)}
# How far a contour moves a learned point that is close by: chosen on validation faces.
_SHARES = {"jaw": 0.2, "brow": 0.1, "nose_bridge": 0.0, "nose_base": 0.0, "eye": 0.3, "lips": 0.2}
_CONTOUR_SHARE = np.zeros(POINTS)
for _part, _points in PARTS.items():
    _CONTOUR_SHARE[list(_points)] = next(share for name, share in _SHARES.items() if _part.endswith(name))
_CLOSE = 0.02  # of the side of the crop
_JAW_WEIGHT = 0.3  # the outline of a turned face is not where the jaw bone is
_BONE_WEIGHT = 0.5
_COVERED = 0.5


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The landmarks of one face.

    Attributes:
        points: (68, 2) x, y in the picture, pixels, float64, in iBUG order.
        depth: (68,) z, float64, in pixels of the picture: 0 at the middle of the landmarks, growing away from the
            camera; of the shape model as it fits the face.
        confidence: (68,) 0 to 1: probability that the point lies within 5 % of the inter-ocular distance of its
            true place.
        visible: (68,) bool: False for a point whose region is not seen, that is covered by hair or a hat, or lies
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


def find_landmarks(face: Face, jaw: str = "outline", learned: bool = True) -> Landmarks:
    """Find the landmarks of a parsed face.

    Args:
        face: The face.
        jaw: Along the visible outline of the face, as in 300-W, or along its bone, behind the cheek if need be, as in
            AFLW2000-3D.
        learned: Bring the points that are read off the contours together with those that the landmark network sees.
            Without it, contours and shape model stand alone, and the confidence is the mean probability of the
            region.

    Raises:
        ValueError: There is no such jaw.
    """
    begun = begin(face, jaw) if learned else None
    reader = ContourReader(face)
    reader.read()
    if begun:
        found = begun()
        points = merge(reader, found)
        confidence = sure = rate_points(describe(reader, found, False), coefficients())
        if jaw == "bone":
            confidence = rate_points(describe(reader, found, True), coefficients())
        # The jaw of the shape model is the bone, and the pose is the same, whichever jaw is told.
        weights = np.concatenate([np.full(17, _BONE_WEIGHT), sure[17:].clip(min=_PRIOR)])
        fit = fit_shape(np.concatenate([found.bone, points[17:]]), weights)
        visible = find_shown(face, points) & (found.covered < _COVERED)
    else:
        completed = complete(reader)
        points, confidence, fit = completed.points, completed.confidence, completed.fit
        visible = find_shown(face, points) & completed.seen
    if jaw == "bone" and abs(fit.pose.yaw) > _JAW_HIDDEN:
        visible[_FAR_JAW[fit.pose.yaw > 0]] = False
    depth = fit.points[:, 2] * np.sqrt(abs(np.linalg.det(face.to_picture[:, :2])))
    angle = np.degrees(np.arctan2(face.to_picture[1, 0], face.to_picture[0, 0]))
    roll = (fit.pose.roll + angle + 180) % 360 - 180
    centroids = {
        name: tuple(affine.apply(face.to_picture, centre[None])[0].tolist())
        for name, centre in reader.centroids.items()
    }
    pose = Pose(fit.pose.yaw, fit.pose.pitch, float(roll))
    return Landmarks(affine.apply(face.to_picture, points), depth, confidence, visible, centroids, pose)


@dataclass(frozen=True, eq=False)
class Completed:
    """The points of the contours, completed by the shape model, in pixels of the crop.

    Attributes:
        points: (68, 2), of the shape model where they cannot be read.
        seen: (68,) bool: which were read.
        confidence: (68,) mean probability of the region.
        fit: The shape model as it fits the points that were read.
    """

    points: NDArray[np.float64]
    seen: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    fit: ShapeFit


def complete(reader: ContourReader) -> Completed:
    """Complete the points that were read off the contours of a face by the shape model."""
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
            fit = fit_shape(positions, weights, fit.state)
    if abs(fit.pose.yaw) > _JAW_HIDDEN:
        seen[_FAR_JAW[fit.pose.yaw > 0]] = False
    points = np.where(seen[:, None], reader.points, fit.points[:, :2])
    confidence = np.where(seen, reader.confidence, _COMPLETED * (reader.confidence[seen].mean() if seen.any() else 0))
    return Completed(points, seen, confidence.clip(0, 1), fit)


def merge(reader: ContourReader, found: LearnedPoints) -> NDArray[np.float64]:
    """Learned points (68, 2), drawn towards the contour where there is one close by: it has the finer resolution."""
    apart = np.nan_to_num(reader.points - found.points)
    share = _CONTOUR_SHARE * np.exp(-((np.linalg.norm(apart, axis=1) / (_CLOSE * reader.size)) ** 2))
    merged: NDArray[np.float64] = found.points + share[:, None] * apart
    return merged


def describe(reader: ContourReader, found: LearnedPoints, bone: bool) -> NDArray[np.float64]:
    """The features (68, FEATURES) that tell how sure the points are, see `facelm.landmarks.certainty`."""
    seen = np.isfinite(reader.points[:, 0])
    apart = np.linalg.norm(np.nan_to_num(reader.points - found.points), axis=1) / reader.size
    covered = ~find_shown(reader.face, found.points) | (found.covered > _COVERED)
    return describe_points(found.log_error, apart, seen, np.nan_to_num(reader.confidence), covered, bone)


@cache
def _canonical_points() -> NDArray[np.float64]:
    """The mean shape where it lies in the canonical crop: (68, 2), fractions of the side."""
    flat = shape_model().mean[:, :2]
    groups = {"r_eye": PARTS["right_eye"], "l_eye": PARTS["left_eye"], "lips": PARTS["outer_lips"]}
    centres = np.array([flat[list(points)].mean(0) for points in groups.values()])
    places = np.array([PLACES[part] for part in groups])
    return affine.apply(affine.fit_similarity(centres, places, np.ones(3)), flat)
