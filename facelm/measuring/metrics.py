"""Scores of landmarks and of faces found, beside those of masks in `facelm.training.scores`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facelm.landmarks.points import PARTS
from facelm.landmarks.shape import fit_shape
from facelm.training.scores import mean_of_known

GROUPS: dict[str, slice] = {
    name: slice(PARTS[first].start, PARTS[last].stop)
    for name, first, last in (
        ("jaw", "jaw", "jaw"),
        ("brows", "right_brow", "left_brow"),
        ("nose", "nose_bridge", "nose_base"),
        ("eyes", "right_eye", "left_eye"),
        ("mouth", "outer_lips", "inner_lips"),
    )
}
"""The groups of the iBUG landmarks."""

MISSED = 30.0
"""NME that a missed face counts, in percent."""

NEAR = 0.05
"""How far a point may be off, in inter-ocular distances, to count as near its true place."""

FAILURE = 10.0
"""NME above which a face counts as failed, in percent."""


@dataclass(frozen=True, eq=False)
class FaceErrors:
    """How far the landmarks of one face are off.

    Attributes:
        percent: (68,) distance from the true places in percent of the unit; NaN where there is none.
        jaw_line: Mean distance of the jaw points from the true line of the jaw in percent of the unit, or NaN.
        near: (68,) 1 where a point is within 5 % of the inter-ocular distance of the head, seen from the front; 0
            where it is not; NaN where its true place is not known.
        confidence: (68,) as it was given.
    """

    percent: NDArray[np.float64]
    jaw_line: float
    near: NDArray[np.float64]
    confidence: NDArray[np.float64]


def measure_points(
    found: NDArray[np.float64],
    confidence: NDArray[np.float64],
    truth: NDArray[np.float64],
    jaw_line: NDArray[np.float64] | None,
    norm: str,
) -> FaceErrors:
    """Measure the landmarks of a face.

    Args:
        found: (68, 2) in iBUG order.
        confidence: (68,) 0 to 1.
        truth: (68, 2) in iBUG order; NaN where a point has no true place.
        jaw_line: (N, 2) along the edge of the jaw, if it is known.
        norm: ``interocular`` takes the distance of the outer eye corners as unit (iBUG 300-W, IMAVIS 2016),
            ``box`` the square root of the area of the points' box (AFLW2000-3D, as usual there).
    """
    if norm == "box":
        unit = np.sqrt(np.prod(np.nanmax(truth, 0) - np.nanmin(truth, 0)))
    else:
        unit = np.linalg.norm(truth[36] - truth[45])
    distance = np.linalg.norm(found - truth, axis=1)
    known = np.isfinite(distance)
    near = np.where(known, distance <= NEAR * fit_shape(truth, known.astype(float)).scale, np.nan)
    off_line = 100 * _line_distance(found[PARTS["jaw"]], jaw_line).mean() / unit if jaw_line is not None else np.nan
    return FaceErrors(100 * distance / unit, float(off_line), near, confidence)


def _line_distance(points: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point (N, 2) from a polyline (M, 2): (N,)."""
    starts, ways = line[:-1], np.diff(line, axis=0)
    lengths = (ways**2).sum(1).clip(min=1e-12)
    along = (((points[:, None] - starts) * ways).sum(2) / lengths).clip(0, 1)
    distances: NDArray[np.float64] = np.linalg.norm(points[:, None] - starts - along[..., None] * ways, axis=2)
    return distances.min(1)


@dataclass(frozen=True)
class Bin:
    """The points whose confidence lies in one tenth.

    Attributes:
        points: How many.
        confidence: Their mean confidence.
        near: Share of them within 5 % of the inter-ocular distance.
    """

    points: int
    confidence: float
    near: float


@dataclass(frozen=True)
class LandmarkScores:
    """Errors of landmarks, in percent of the unit of each face (see `measure_points`); NaN where nothing is known.

    Attributes:
        faces: Faces with landmarks in the truth.
        missed: Those that were not found.
        nme: Normalised mean error; a missed face counts 30.
        found_nme: That of the faces that were found.
        failure_rate: Share of faces with an error above 10, or missed.
        groups: Mean error of jaw, brows, nose, eyes and mouth, over the faces that were found.
        jaw_line: Mean distance of the jaw points from the true line of the jaw.
        reliability: The points that were found, by tenths of their confidence; empty tenths are left out.
        calibration_error: Mean distance of confidence and share of near points over the tenths (expected
            calibration error; Guo et al., ICML 2017), from 0 to 1.
    """

    faces: int
    missed: int
    nme: float
    found_nme: float
    failure_rate: float
    groups: dict[str, float]
    jaw_line: float
    reliability: tuple[Bin, ...]
    calibration_error: float


def score_landmarks(errors: Sequence[FaceErrors | None]) -> LandmarkScores:
    """Summarise the errors of faces; None stands for a face that was missed."""
    seen = [each for each in errors if each is not None]
    found = np.array([each.percent for each in seen]).reshape(-1, 68)
    missed = len(errors) - len(found)
    means = np.array([mean_of_known(each) for each in found])
    every = np.concatenate([means, np.full(missed, MISSED)])
    bins = _bin_confidence(
        np.concatenate([each.confidence for each in seen] or [np.empty(0)]),
        np.concatenate([each.near for each in seen] or [np.empty(0)]),
    )
    points = sum(each.points for each in bins)
    apart = sum(each.points * abs(each.confidence - each.near) for each in bins)
    return LandmarkScores(
        len(errors),
        missed,
        mean_of_known(every),
        mean_of_known(means),
        mean_of_known((every[np.isfinite(every)] > FAILURE).astype(float)),
        {name: mean_of_known(found[:, part]) for name, part in GROUPS.items()},
        mean_of_known(np.array([each.jaw_line for each in seen])),
        bins,
        apart / points if points else float("nan"),
    )


def _bin_confidence(confidence: NDArray[np.float64], near: NDArray[np.float64]) -> tuple[Bin, ...]:
    known = np.isfinite(near)
    confidence, near = confidence[known], near[known]
    tenth = (confidence * 10).astype(int).clip(0, 9)
    return tuple(
        Bin(int(inside.sum()), float(confidence[inside].mean()), float(near[inside].mean()))
        for inside in (tenth == i for i in range(10))
        if inside.any()
    )


@dataclass(frozen=True)
class FaceScores:
    """How many faces were found.

    Attributes:
        faces: Boxes in the truth.
        found: Those with a face found in them.
        false: Faces found where none is, in pictures whose boxes are complete.
    """

    faces: int
    found: int
    false: int

    @property
    def recall(self) -> float:
        """Share of the faces that were found; NaN without any."""
        return self.found / self.faces if self.faces else float("nan")


def match_faces(
    found: Sequence[tuple[float, float, float, float]], truth: Sequence[tuple[float, float, float, float]]
) -> list[tuple[int, int]]:
    """Pair found boxes with true ones, each at most once; a pair needs the found middle inside the true box.

    Args:
        found: x0, y0, x1, y1 of each face found.
        truth: Likewise, of each true face.

    Returns:
        (index in found, index in truth) of as many pairs as can be made, the nearest of them.
    """
    if not found or not truth:
        return []
    a, b = np.array(found, float), np.array(truth, float)
    middles = (a[:, None, :2] + a[:, None, 2:]) / 2
    inside = ((middles > b[None, :, :2]) & (middles < b[None, :, 2:])).all(2)
    distance = np.linalg.norm(middles - (b[None, :, :2] + b[None, :, 2:]) / 2, axis=2)
    far = 1e3 * (1 + distance.max())
    rows, columns = linear_sum_assignment(np.where(inside, distance, far))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if inside[i, j]]
