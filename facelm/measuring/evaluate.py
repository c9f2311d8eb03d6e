"""Evaluation: the whole way of a picture, measured against masks, landmarks and face boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import select
from facelm.landmarks.find import find_landmarks
from facelm.measuring.metrics import (
    FaceErrors,
    FaceScores,
    match_faces,
    measure_points,
    score_landmarks,
)
from facelm.measuring.reports import Evaluation, Report
from facelm.measuring.truth import Truth, find_truths, read_column
from facelm.parsing.face import Face
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.pictures import files, images
from facelm.runs.batch import cause_of
from facelm.training.data import DataError, Example, find_problem
from facelm.training.scores import ConfusionMatrix


@dataclass(frozen=True, eq=False)
class Measured:
    """What one picture adds to the scores.

    Attributes:
        name: File name of the picture.
        confusion: (C, C) pixels, true class in rows, if it has a mask.
        missed_mask: It has a mask with a face, and none was found.
        points: Errors of the landmarks of each known face; None for one that was not found.
        faces: How many faces were found, if their boxes are known.
    """

    name: str
    confusion: NDArray[np.int64] | None
    missed_mask: bool
    points: list[FaceErrors | None]
    faces: FaceScores | None


OnPicture = Callable[[Path, NDArray[np.uint8], list[Face], Measured], None]


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


def prepare(folder: Path, by: str | None = None, order: str | None = None) -> Task:
    """Find what there is to evaluate in a folder.

    Args:
        folder: See `facelm.measuring.truth` for what it may hold.
        by: Column of a CSV file in the folder to break the scores down by.
        order: Of the classes of its masks, as for `facelm.training.data.find`.

    Raises:
        DataError: The folder cannot be used.
    """
    truths = find_truths(folder, order)
    values = read_column(folder, by, [truth.image.name for truth in truths]) if by else {}
    return Task(truths, _class_names(truths), values)


def evaluate(
    parser: FaceParser,
    task: Task,
    norm: str = "interocular",
    jaw: str = "outline",
    on_progress: Callable[[int, int], None] = lambda done, all_: None,
    on_picture: OnPicture = lambda image, rgb, faces, measured: None,
) -> Evaluation:
    """Evaluate a model.

    Args:
        parser: The model.
        task: The pictures.
        norm: Unit of the landmark error, see `facelm.measuring.metrics.measure_points`.
        jaw: Which jaw is measured, see `facelm.find_landmarks`.
        on_progress: Called with (done, all) after each picture.
        on_picture: Called with each picture, its pixels, its faces, and what it adds to the scores.
    """
    measured, failed = [], []
    for number, truth in enumerate(task.truths, 1):
        try:
            measured.append(_measure(parser, truth, norm, jaw, on_picture))
        except Exception as error:  # one picture stops nothing, whatever is raised
            failed.append(cause_of(str(truth.image), error))
        on_progress(number, len(task.truths))
    groups: dict[str, list[Measured]] = {}
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


def _measure(parser: FaceParser, truth: Truth, norm: str, jaw: str, on_picture: OnPicture) -> Measured:
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
        points.append(_measure_points(face, truth.points, truth.jaw_line, norm, jaw) if face else None)
    found = None
    if truth.boxes is not None:
        pairs = match_faces([face.box for face in faces], truth.boxes)
        found = FaceScores(len(truth.boxes), len(pairs), len(faces) - len(pairs) if truth.complete else 0)
    measured = Measured(truth.image.name, confusion, missed, points, found)
    on_picture(truth.image, rgb, faces, measured)
    return measured


def _measure_points(
    face: Face, truth: NDArray[np.float64], jaw_line: NDArray[np.float64] | None, norm: str, jaw: str
) -> FaceErrors:
    found = find_landmarks(face, jaw)
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
    """The face whose box holds a point of the picture; of several the surest."""
    around = [face for face in faces if (face.box[:2] < point).all() and (point < face.box[2:]).all()]
    return max(around, key=lambda face: face.score, default=None)


def _report(measured: Sequence[Measured], names: tuple[str, ...]) -> Report:
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
