"""Scores of masks, all from one confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facelm import classes


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
        return Scores(accuracy, float(mean_of_known(iou)), float(mean_of_known(f1[1:])), tuple(f1.tolist()))


def core_f1(f1: Sequence[float], names: Sequence[str] = classes.NAMES) -> float:
    """Mean F1 of `facelm.classes.CORE`.

    Args:
        f1: Of each class; NaN for one that does not occur.
        names: Of the classes.

    Returns:
        The mean of the core classes that occur; NaN where none does, or where some are not told from others.
    """
    by_name = dict(zip(names, f1, strict=True))
    if not by_name.keys() >= set(classes.CORE):
        return float("nan")
    return mean_of_known(np.array([by_name[name] for name in classes.CORE]))


def mean_of_known(values: NDArray[np.float64]) -> float:
    """The mean of the values that are numbers; NaN where none is."""
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
