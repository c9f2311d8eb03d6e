"""What is known of the pictures of an evaluation folder: masks, landmarks, face boxes, and who is on them.

    masks            images/ + masks/, or CelebAMask-HQ as it is downloaded (see `facelm.training.data`)
    landmarks68.json {"name.jpg": [[x, y], ... 68]}; a point without a true place is null
    jawlines.json    {"name.jpg": [[x, y], ...]}: along the edge of the jaw, from the right ear to the left
    faces.json       {"name.jpg": {"boxes_xyxy": [[x0, y0, x1, y1], ...], "complete": true}}
    *.csv            a column ``image`` with the names, and any others to break scores down by

The pictures of the JSON files lie in images/, or in the folder itself. A folder may hold several of these.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.points import PARTS, POINTS
from facelm.pictures.crops import align
from facelm.pictures.texts import read_text
from facelm.pictures.values import parse_json
from facelm.training import data
from facelm.training.data import DataError, Example

LANDMARKS, JAW_LINES, FACES = "landmarks68.json", "jawlines.json", "faces.json"
Box = tuple[float, float, float, float]
_MANY_VALUES = 8
_LEAST_KNOWN = 3
_BINS = 4


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of one picture.

    Attributes:
        image: The picture.
        example: Picture and mask, if there is one.
        points: (68, 2) landmarks in iBUG order, NaN where a point has no true place, if there are any.
        jaw_line: (N, 2) x, y along the edge of the jaw, if it is known; only beside ``points``.
        boxes: x0, y0, x1, y1 of the faces, if they are known.
        complete: No other face is in the picture.
    """

    image: Path
    example: Example | None = None
    points: NDArray[np.float64] | None = None
    jaw_line: NDArray[np.float64] | None = None
    boxes: tuple[Box, ...] | None = None
    complete: bool = True


def find_truths(folder: Path, order: str | None = None) -> list[Truth]:
    """List what is known of the pictures of a folder, by name.

    Args:
        folder: The folder.
        order: Of the classes of its masks, as for `facelm.training.data.find`.

    Raises:
        DataError: Nothing is known, or a file is not as it should be.
    """
    truths: dict[str, Truth] = {}
    if (folder / "masks").is_dir() or not ((folder / LANDMARKS).exists() or (folder / FACES).exists()):
        try:
            truths = {example.image.name: Truth(example.image, example) for example in data.find(folder, order)}
        except data.LayoutError as error:
            raise DataError(f"{error}; or {LANDMARKS} or {FACES}") from None
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    jaw_lines = _read_points(folder / JAW_LINES, None)
    for name, points in _read_points(folder / LANDMARKS, POINTS).items():
        truth = truths.get(name, Truth(pictures / name))
        truths[name] = replace(truth, points=points, jaw_line=jaw_lines.get(name))
    for name, (boxes, complete) in _read_boxes(folder / FACES).items():
        truths[name] = replace(truths.get(name, Truth(pictures / name)), boxes=boxes, complete=complete)
    if not truths:
        raise DataError(f"{folder}: no pictures")
    return [truths[name] for name in sorted(truths)]


def _read_points(path: Path, count: int | None) -> dict[str, NDArray[np.float64]]:
    """Points by name of the picture: ``count`` of them, or any number from two on."""
    try:
        items = parse_json(read_text(path)).items() if path.exists() else ()
        read = {
            name: np.array([[np.nan] * 2 if point is None else point for point in points], float)
            for name, points in items
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    for name, points in read.items():
        if np.isinf(points).any():
            raise DataError(f"{path}: {name}: wanted are finite numbers")
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or len(points) != (count or len(points)):
            raise DataError(f"{path}: {name}: wanted are {count or 'two or more'} points of x and y")
        if count and np.isfinite(points).all(1).sum() < _LEAST_KNOWN:
            raise DataError(f"{path}: {name}: fewer than {_LEAST_KNOWN} points are known")
    return read


def _read_boxes(path: Path) -> dict[str, tuple[tuple[Box, ...], bool]]:
    try:
        items = parse_json(read_text(path)).items() if path.exists() else ()
        return {
            name: (
                tuple(_box(*corners) for corners in entry["boxes_xyxy"]),
                bool(entry.get("complete", True)),
            )
            for name, entry in items
        }
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error


def _box(x0: float, y0: float, x1: float, y1: float) -> Box:
    box = (float(x0), float(y0), float(x1), float(y1))
    if not np.isfinite(box).all():
        raise ValueError(f"a box is four finite numbers, not {box}")
    return box


def align_landmarks(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform that brings a face to the canonical crop, from its landmarks.

    Args:
        points: (68, 2) x, y in the picture, pixels; NaN where a point is not known.

    Returns:
        (2, 3) matrix from picture pixels to fractions of the canonical crop.
    """
    groups = {
        "r_eye": PARTS["right_eye"],
        "l_eye": PARTS["left_eye"],
        "nose": [*PARTS["nose_bridge"], *PARTS["nose_base"]],
        "lips": PARTS["outer_lips"],
    }
    return align({part: tuple(np.nanmean(points[list(group)], 0)) for part, group in groups.items()})


def read_column(folder: Path, column: str, names: list[str]) -> Mapping[str, str]:
    """The value of a column for each picture, from the folder's CSV files.

    A column of more than eight different numbers is divided into four bins of about as many pictures each.

    Args:
        folder: Holds the CSV files.
        column: The column.
        names: File names of the pictures.

    Returns:
        Value by name; ``unknown`` for a picture that no row names.

    Raises:
        DataError: No CSV file has the column beside a column ``image``, or one cannot be read.
    """
    values: dict[str, str] = {}
    columns: set[str] = set()
    for path in sorted(folder.glob("*.csv")):
        try:
            rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        if rows and "image" in rows[0]:
            columns |= rows[0].keys() - {"image", None}
            values |= {row["image"]: row[column] for row in rows if row["image"] and row.get(column)}
    if column not in columns:
        there = f"there are {', '.join(sorted(columns))}" if columns else "no CSV file there has a column image"
        raise DataError(f"--by {column}: {folder} has no such column; {there}")
    stems = {Path(name).stem: value for name, value in values.items()}
    known = {name: values.get(name, stems.get(Path(name).stem, "unknown")) for name in names}
    return _bin(known)


def _bin(values: Mapping[str, str]) -> Mapping[str, str]:
    given = [value for value in values.values() if value != "unknown"]
    try:
        numbers = np.array(given, float)
    except ValueError:
        return values
    if len(set(given)) <= _MANY_VALUES or not np.isfinite(numbers).all():
        return values
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1), method="nearest"))
    labels = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]

    def label(value: str) -> str:
        if value == "unknown":
            return value
        return labels[max(0, int(np.searchsorted(edges, float(value))) - 1)]

    return {name: label(value) for name, value in values.items()}
