"""The 68 iBUG landmarks of a face, from its regions.

They come in two ways, both in the canonical crop, where the face is upright. Contours, the iso-lines of the class
probabilities at one half, have sub-pixel precision; points of regions that cannot be seen are completed from the
shape model as it fits the others. The landmark network sees all regions at once, coarsely, and knows where annotators
put the points that no contour shows. Where both agree the contour refines the network; elsewhere the network holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.certainty import describe_points, rate_points
from facelm.landmarks.learned import LearnedPoints, coefficients, find_points
from facelm.landmarks.points import PARTS
from facelm.landmarks.reader import TURNED, ContourReader
from facelm.landmarks.shape import Pose, ShapeFit, fit_shape, shape_model
from facelm.parsing.face import Face
from facelm.pictures import affine
from facelm.pictures.crops import PLACES

_COMPLETED = 0.25
_PRIOR = 0.002
_JAW_HIDDEN = 20.0
_FAR_JAW = {True: slice(9, 17), False: slice(0, 8)}
_CONTOUR_SHARE = 0.4
_CLOSE = 0.02  # of the side of the crop
_JAW_WEIGHT = 0.3  # the outline of a turned face is not where the jaw bone is


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


def find_landmarks(face: Face, learned: bool = True) -> Landmarks:
    """Find the landmarks of a parsed face.

    Args:
        face: The face.
        learned: Bring the points that are read off the contours together with those that the landmark network sees
            in the regions. Without it, contours and shape model stand alone, and the confidence is the mean
            probability of the region.
    """
    contours = read_contours(face)
    points, confidence, fit = contours.points, contours.confidence, contours.fit
    if learned:
        found = find_points(face.probabilities)
        points = merge(contours, found)
        confidence = rate_points(describe(contours, found), coefficients())
        fit = fit_shape(points, confidence.clip(min=_PRIOR), contours.fit.state)
    visible = contours.seen & ~contours.reader.covered(points)
    if abs(fit.pose.yaw) > _JAW_HIDDEN:
        visible[_FAR_JAW[fit.pose.yaw > 0]] = False
    depth = fit.points[:, 2] * np.sqrt(abs(np.linalg.det(face.to_picture[:, :2])))
    angle = np.degrees(np.arctan2(face.to_picture[1, 0], face.to_picture[0, 0]))
    roll = (fit.pose.roll + angle + 180) % 360 - 180
    centroids = {
        name: tuple(affine.apply(face.to_picture, centre[None])[0].tolist())
        for name, centre in contours.reader.centroids.items()
    }
    pose = Pose(fit.pose.yaw, fit.pose.pitch, float(roll))
    return Landmarks(affine.apply(face.to_picture, points), depth, confidence, visible, centroids, pose)


@dataclass(frozen=True, eq=False)
class Contours:
    """What the contours of a face tell, in pixels of the crop.

    Attributes:
        points: (68, 2), of the shape model where they cannot be read.
        seen: (68,) bool: which were read.
        confidence: (68,) mean probability of the region.
        fit: The shape model as it fits the points that were read.
        reader: What read them.
    """

    points: NDArray[np.float64]
    seen: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    fit: ShapeFit
    reader: ContourReader

    def apart(self, found: LearnedPoints) -> NDArray[np.float64]:
        """Distance of each point from the learned one, in sides of the crop: (68,)."""
        distance: NDArray[np.float64] = np.linalg.norm(self.points - found.points, axis=1) / self.reader.size
        return distance


def read_contours(face: Face) -> Contours:
    """Read the points off the contours, and complete them by the shape model."""
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
            fit = fit_shape(positions, weights, fit.state)
    if abs(fit.pose.yaw) > _JAW_HIDDEN:
        seen[_FAR_JAW[fit.pose.yaw > 0]] = False
    points = np.where(seen[:, None], reader.points, fit.points[:, :2])
    confidence = np.where(seen, reader.confidence, _COMPLETED * (reader.confidence[seen].mean() if seen.any() else 0))
    return Contours(points, seen, confidence.clip(0, 1), fit, reader)


def merge(contours: Contours, found: LearnedPoints) -> NDArray[np.float64]:
    """Learned points (68, 2), drawn towards the contour where there is one close by: it has the finer resolution."""
    share = _CONTOUR_SHARE * contours.seen * np.exp(-((contours.apart(found) / _CLOSE) ** 2))
    merged: NDArray[np.float64] = found.points + share[:, None] * (contours.points - found.points)
    return merged


def describe(contours: Contours, found: LearnedPoints) -> NDArray[np.float64]:
    """The features (68, FEATURES) that tell how sure the points are, see `facelm.landmarks.certainty`."""
    covered = contours.reader.covered(found.points)
    return describe_points(found.log_error, contours.apart(found), contours.seen, contours.confidence, covered)


@cache
def _canonical_points() -> NDArray[np.float64]:
    """The mean shape where it lies in the canonical crop: (68, 2), fractions of the side."""
    flat = shape_model().mean[:, :2]
    groups = {"r_eye": PARTS["right_eye"], "l_eye": PARTS["left_eye"], "lips": PARTS["outer_lips"]}
    centres = np.array([flat[list(points)].mean(0) for points in groups.values()])
    places = np.array([PLACES[part] for part in groups])
    return affine.apply(affine.fit_similarity(centres, places, np.ones(3)), flat)
