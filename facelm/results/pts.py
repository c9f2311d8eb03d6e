"""iBUG's ``.pts``, by menpo's rules: a file for each face, with points in pixels that count from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facelm.landmarks.points import POINTS
from facelm.pictures.files import atomic_path, remove_later
from facelm.results.records import FaceRecord, PictureRecord, rounded


def write_pts(record: PictureRecord, folder: Path, clear: bool = False) -> None:
    """Write a ``.pts`` for each face of a picture: ``<stem>.pts``, ``<stem>.2.pts`` and so on; in a clip by track.

    The first is written last: where it is, all are.

    Args:
        record: What was found.
        folder: Where to.
        clear: Remove those of further faces, which an earlier run found.

    Raises:
        ValueError: The picture has no stem to name the files by.
        ImageError: A file cannot be written or removed.
    """
    if record.faces and not record.stem:
        raise ValueError(f"{record.image} has no stem to name its .pts file by")
    if clear and record.frame is None:
        remove_later(lambda number: _path(record, folder, number), len(record.faces))
    for number, face in reversed(list(enumerate(record.faces, 1))):
        with atomic_path(_path(record, folder, face.track or number)) as partial:
            partial.write_text(_text(face), encoding="ascii", newline="\n")


def _path(record: PictureRecord, folder: Path, number: int) -> Path:
    return folder / (f"{record.stem}.pts" if number == 1 else f"{record.stem}.{number}.pts")


def _text(face: FaceRecord) -> str:
    points = rounded(np.asarray(face.landmarks, np.float64) + 1, 2)
    lines = ["version: 1", f"n_points: {POINTS}", "{", *(f"{x:.2f} {y:.2f}" for x, y in points), "}"]
    return "\n".join(lines) + "\n"
