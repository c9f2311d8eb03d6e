"""Reports of an evaluation: the scores of all its pictures, and of groups of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from facelm.measuring.metrics import FaceScores, LandmarkScores
from facelm.training.scores import Scores, core_f1


@dataclass(frozen=True, eq=False)
class Report:
    """The scores of some pictures; what their folder tells nothing about is None.

    Attributes:
        pictures: How many there are.
        masks: Scores of the masks.
        confusion: (C, C) int64 pixels, true class in rows, predicted in columns.
        names: Names of the C classes.
        missed_masks: Pictures with a face in the true mask and none found.
        landmarks: Scores of the landmarks.
        faces: How many faces were found.
    """

    pictures: int
    masks: Scores | None
    confusion: NDArray[np.int64] | None
    names: tuple[str, ...]
    missed_masks: int
    landmarks: LandmarkScores | None
    faces: FaceScores | None

    @property
    def core_f1(self) -> float:
        """Of the masks, as `facelm.training.scores.core_f1` has it; NaN without masks."""
        return core_f1(self.masks.f1, self.names) if self.masks else float("nan")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        report: Over all pictures.
        groups: By value of the column asked for; empty if none was.
        failed: A line for each picture that could not be read.
    """

    report: Report
    groups: Mapping[str, Report]
    failed: tuple[str, ...]


def to_json(evaluation: Evaluation) -> dict[str, object]:
    """The evaluation as plain values; what is not a number is null."""
    report = _plain(evaluation.report)
    if evaluation.groups:
        report["groups"] = {value: _plain(group) for value, group in evaluation.groups.items()}
    report["failed"] = list(evaluation.failed)
    return report


def _plain(report: Report) -> dict[str, object]:
    plain: dict[str, object] = {"pictures": report.pictures}
    if report.masks and report.confusion is not None:
        plain["masks"] = {
            "pixel_accuracy": _number(report.masks.pixel_accuracy),
            "mean_iou": _number(report.masks.mean_iou),
            "mean_f1": _number(report.masks.mean_f1),
            "core_f1": _number(report.core_f1),
            "f1": {name: _number(f1) for name, f1 in zip(report.names, report.masks.f1, strict=True)},
            "missed": report.missed_masks,
            "confusion": report.confusion.tolist(),
        }
    if report.landmarks:
        scores = report.landmarks
        plain["landmarks"] = {
            "faces": scores.faces,
            "missed": scores.missed,
            "nme": _number(scores.nme),
            "found_nme": _number(scores.found_nme),
            "failure_rate": _number(scores.failure_rate),
            "groups": {name: _number(value) for name, value in scores.groups.items()},
            "jaw_line": _number(scores.jaw_line),
            "calibration_error": _number(scores.calibration_error),
            "reliability": [asdict(each) for each in scores.reliability],
        }
    if report.faces:
        plain["faces"] = {
            "faces": report.faces.faces,
            "found": report.faces.found,
            "recall": _number(report.faces.recall),
            "false": report.faces.false,
        }
    return plain


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 5)
