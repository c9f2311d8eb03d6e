"""Evaluation: the whole way of a picture, measured against masks, landmarks and face boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm import classes, files, images
from facelm.data import DataError, Example, find_problem
from facelm.face import Face
from facelm.labels import select
from facelm.landmarks import find_landmarks
from facelm.masks import paste
from facelm.metrics import (
    ConfusionMatrix,
    FaceErrors,
    FaceScores,
    LandmarkScores,
    Scores,
    core_f1,
    match_faces,
    measure_points,
    score_landmarks,
)
from facelm.parse import FaceParser
from facelm.truth import Truth, find_truths, read_column


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
        """Of the masks, as `facelm.metrics.core_f1` has it; NaN without masks."""
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


@dataclass(frozen=True, eq=False)
class _Measured:
    """What one picture adds to the scores."""

    name: str
    confusion: NDArray[np.int64] | None
    missed_mask: bool
    points: list[FaceErrors | None]
    faces: FaceScores | None


@dataclass(frozen=True, eq=False)
class Task:
    """What there is to evaluate.

    Attributes:
        truths: What is known of each picture.
        names: Names of the classes of the masks.
        values: Value of the column that breaks the scores down, by name of the picture; empty if none does.
    """

    truths: Sequence[Truth]
    names: tuple[str, ...]
    values: Mapping[str, str]


def prepare(folder: Path, by: str | None = None) -> Task:
    """Find what there is to evaluate in a folder.

    Args:
        folder: See ``truth`` for what it may hold.
        by: Column of a CSV file in the folder to break the scores down by.

    Raises:
        DataError: The folder cannot be used.
    """
    truths = find_truths(folder)
    values = read_column(folder, by, [truth.image.name for truth in truths]) if by else {}
    return Task(truths, _class_names(truths), values)


def evaluate(
    parser: FaceParser,
    task: Task,
    norm: str = "interocular",
    on_progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Evaluation:
    """Evaluate a model.

    Args:
        parser: The model.
        task: The pictures.
        norm: Unit of the landmark error, see `facelm.metrics.measure_points`.
        on_progress: Called with (done, all) after each picture.
    """
    measured, failed = [], []
    for number, truth in enumerate(task.truths, 1):
        try:
            measured.append(_measure(parser, truth, norm))
        except files.ImageError as error:
            failed.append(str(error))
        on_progress(number, len(task.truths))
    groups: dict[str, list[_Measured]] = {}
    for each in measured if task.values else ():
        groups.setdefault(task.values[each.name], []).append(each)
    return Evaluation(
        _report(measured, task.names),
        {value: _report(groups[value], task.names) for value in sorted(groups, key=_as_number)},
        tuple(failed),
    )


def _as_number(value: str) -> tuple[float, str]:
    """What to sort groups by: numbers, and ranges of numbers, by size, the rest by name."""
    try:
        return float(value.split()[0]), value
    except (ValueError, IndexError):
        return float("inf"), value


def _class_names(truths: Sequence[Truth]) -> tuple[str, ...]:
    """Names of the classes of the masks: the 19, or the merged ones of the folder."""
    merged = next((truth.example.merged for truth in truths if truth.example), ())
    if not merged:
        return classes.NAMES
    covered = sorted(index for members in merged for index in members)
    if covered != list(range(len(classes.NAMES))):
        raise DataError("classes.json: for an evaluation each of the 19 classes has to be in one value, and only one")
    return tuple("+".join(classes.NAMES[index] for index in members) for members in merged)


def _measure(parser: FaceParser, truth: Truth, norm: str) -> _Measured:
    if truth.example:
        if problem := find_problem(truth.example):
            raise files.ImageError(problem)
        rgb, mask = truth.example.read_values()
    else:
        rgb, mask = images.read(truth.image), None
    faces = parser.parse(rgb)
    confusion, missed = None, False
    if truth.example and mask is not None:
        confusion = _compare_masks(truth.example, mask, paste(faces, *rgb.shape[:2]))
        missed = not faces and _shows_face(truth.example, mask)
    points: list[FaceErrors | None] = []
    if truth.points is not None:
        face = face_at(faces, np.nanmean(truth.points[17:], 0))
        points.append(_measure_points(face, truth.points, truth.jaw_line, norm) if face else None)
    found = None
    if truth.boxes is not None:
        pairs = match_faces([face.box for face in faces], truth.boxes)
        found = FaceScores(len(truth.boxes), len(pairs), len(faces) - len(pairs) if truth.complete else 0)
    return _Measured(truth.image.name, confusion, missed, points, found)


def _measure_points(
    face: Face, truth: NDArray[np.float64], jaw_line: NDArray[np.float64] | None, norm: str
) -> FaceErrors:
    found = find_landmarks(face)
    return measure_points(found.points, found.confidence, truth, jaw_line, norm)


def _compare_masks(example: Example, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.int64]:
    if example.merged:
        table = np.zeros(256, np.uint8)
        for value, members in enumerate(example.merged):
            table[list(members)] = value
        predicted = table[predicted]
    matrix = ConfusionMatrix(len(example.merged or classes.CLASSES))
    matrix.add(truth, predicted)
    return matrix.counts


def _shows_face(example: Example, mask: NDArray[np.uint8]) -> bool:
    face = classes.indices(*classes.FACE)
    values = [value for value, members in enumerate(example.merged) if set(members) & set(face)]
    return bool(select(mask, values or face).any())


def face_at(faces: Sequence[Face], point: NDArray[np.float64]) -> Face | None:
    """The face whose box holds a point of the picture."""
    for face in faces:
        x0, y0, x1, y1 = face.box
        if x0 < point[0] < x1 and y0 < point[1] < y1:
            return face
    return None


def _report(measured: Sequence[_Measured], names: tuple[str, ...]) -> Report:
    matrices = [each.confusion for each in measured if each.confusion is not None]
    matrix = ConfusionMatrix(len(names))
    for counts in matrices:
        matrix.counts += counts
    points = [errors for each in measured for errors in each.points]
    faces = [each.faces for each in measured if each.faces]
    return Report(
        len(measured),
        matrix.scores() if matrices else None,
        matrix.counts if matrices else None,
        names,
        sum(each.missed_mask for each in measured),
        score_landmarks(points) if points else None,
        FaceScores(*(sum(getattr(f, name) for f in faces) for name in ("faces", "found", "false"))) if faces else None,
    )


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
