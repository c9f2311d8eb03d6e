"""Scores: of masks, all from one confusion matrix; of landmarks; of faces found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from facelm import classes
from facelm.records import PARTS

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

FAILURE = 10.0
"""NME above which a face counts as failed, in percent."""


class ConfusionMatrix:
    """Counts of pixels: true class in rows, predicted class in columns.

    Args:
        side: Number of classes.

    Attributes:
        counts: (side, side) int64.
    """

    def __init__(self, side: int = len(classes.CLASSES)) -> None:
        self.counts = np.zeros((side, side), np.int64)

    def add(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Count the pixels of a mask.

        Args:
            truth: Class indices, any shape, uint8; 255 is left out.
            predicted: Class indices, same shape, uint8.
        """
        known = truth != classes.IGNORE
        side = len(self.counts)
        pairs = truth[known].astype(np.int64) * side + predicted[known]
        self.counts += np.bincount(pairs, minlength=side * side).reshape(side, side)

    def scores(self) -> Scores:
        """Compute the scores of all pixels counted so far."""
        hits = np.diag(self.counts).astype(float)
        true, predicted = self.counts.sum(1), self.counts.sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = 2 * hits / (true + predicted)
            iou = hits / (true + predicted - hits)
            accuracy = float(hits.sum() / self.counts.sum())
        return Scores(accuracy, float(_mean(iou)), float(_mean(f1[1:])), tuple(f1.tolist()))


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


@dataclass(frozen=True)
class Scores:
    """Scores of masks, each from 0 to 1.

    Attributes:
        pixel_accuracy: Share of pixels with the right class.
        mean_iou: Mean intersection over union of the classes that occur, background included.
        mean_f1: Mean F1 (Dice) of the foreground classes that occur.
        f1: F1 for each class; NaN for a class neither present nor predicted.
    """

    pixel_accuracy: float
    mean_iou: float
    mean_f1: float
    f1: tuple[float, ...]


@dataclass(frozen=True)
class LandmarkScores:
    """Errors of landmarks, in percent of the unit of each face (see `point_errors`); NaN where nothing is known.

    Attributes:
        faces: Faces with landmarks in the truth.
        missed: Those that were not found.
        nme: Normalised mean error; a missed face counts 30.
        found_nme: That of the faces that were found.
        failure_rate: Share of faces with an error above 10, or missed.
        groups: Mean error of jaw, brows, nose, eyes and mouth, over the faces that were found.
    """

    faces: int
    missed: int
    nme: float
    found_nme: float
    failure_rate: float
    groups: dict[str, float]


def point_errors(found: NDArray[np.float64], truth: NDArray[np.float64], norm: str) -> NDArray[np.float64]:
    """Distance of each landmark from its true place.

    Args:
        found: (68, 2) in iBUG order.
        truth: (68, 2), likewise; NaN where a point has no true place.
        norm: ``interocular`` takes the distance of the outer eye corners as unit (iBUG 300-W, IMAVIS 2016),
            ``box`` the square root of the area of the points' box (AFLW2000-3D, as usual there).

    Returns:
        (68,) percent of the unit.
    """
    if norm == "box":
        unit = np.sqrt(np.prod(np.nanmax(truth, 0) - np.nanmin(truth, 0)))
    else:
        unit = np.linalg.norm(truth[36] - truth[45])
    errors: NDArray[np.float64] = 100 * np.linalg.norm(found - truth, axis=1) / unit
    return errors


def score_landmarks(errors: Sequence[NDArray[np.float64] | None]) -> LandmarkScores:
    """Summarise the errors of faces.

    Args:
        errors: For each face the (68,) `point_errors`, or None where it was missed.
    """
    found = np.array([each for each in errors if each is not None]).reshape(-1, 68)
    missed = len(errors) - len(found)
    means = np.array([_mean(each) for each in found])
    every = np.concatenate([means, np.full(missed, MISSED)])
    return LandmarkScores(
        len(errors),
        missed,
        _mean(every),
        _mean(means),
        _mean((every > FAILURE).astype(float)),
        {name: _mean(found[:, part]) for name, part in GROUPS.items()},
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
