"""NumPy files of records: an array for each kind of value, a row for each face; those of hands are ``hand_...``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facelm.hands import points as hand_points
from facelm.landmarks import points as face_points
from facelm.pictures.files import atomic_path
from facelm.results.records import FaceRecord, HandRecord, PictureRecord, plain_text

Arrays = dict[str, NDArray[Any]]
_Found = Sequence[tuple[PictureRecord, int, FaceRecord | HandRecord]]


def save_npz(records: Iterable[PictureRecord], path: Path, solid: bool = False) -> None:
    """Write all records to a compressed NumPy file, whole or not at all.

    Args:
        records: May be a generator.
        path: The file.
        solid: The landmarks are there in three dimensions too.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **to_arrays(list(records), solid))  # type: ignore[arg-type]  # keywords for names


def to_arrays(records: Sequence[PictureRecord], solid: bool = False) -> Arrays:
    """The faces of all records as arrays, and the hands if any record knows of hands."""
    faces = [(record, number, face) for record in records for number, face in enumerate(record.faces)]
    arrays = _to_arrays(faces, face_points.POINTS, solid)
    arrays["face_id"] = arrays.pop("id")
    arrays["pose"] = _stack([(face.yaw, face.pitch, face.roll) for _, _, face in faces], 3)
    if all(record.hands is None for record in records):
        return arrays
    hands = [(record, number, hand) for record in records for number, hand in enumerate(record.hands or ())]
    of_hands = _to_arrays(hands, hand_points.POINTS, solid)
    of_hands["side"] = _stack([hand.side for _, _, hand in hands], dtype=np.str_)
    return arrays | {f"hand_{name}": values for name, values in of_hands.items()}


def _to_arrays(found: _Found, points: int, solid: bool) -> Arrays:
    """What is known of faces as of hands.

    Args:
        found: Each with its record, and its number there.
        points: How many landmarks each has.
        solid: As of `to_arrays`.
    """
    records, each = [record for record, _, _ in found], [one for _, _, one in found]
    arrays = {
        "image": _stack([plain_text(record.image) for record in records], dtype=np.str_),
        "id": _stack([one.track or number for _, number, one in found], dtype=np.int64),
        "box": _stack([one.box for one in each], 4),
        "score": _stack([one.score for one in each]),
        "landmarks": _stack([one.landmarks for one in each], points, 2),
        "confidence": _stack([one.confidence for one in each], points),
        "visible": _stack([one.visible for one in each], points, dtype=np.bool_),
    }
    if any(record.frame is not None for record in records):
        frames = [-1 if record.frame is None else record.frame for record in records]
        arrays["frame"] = _stack(frames, dtype=np.int64)
        arrays["timestamp"] = _stack([record.timestamp or 0.0 for record in records], dtype=np.float64)
    if solid:
        arrays["landmarks_3d"] = _stack([one.landmarks_3d for one in each], points, 3)
    return arrays


def _stack(values: list[Any], *shape: int, dtype: type = np.float32) -> NDArray[Any]:
    """Values of one shape each, which the array keeps when there are none."""
    return np.asarray(values, dtype).reshape(len(values), *shape)
