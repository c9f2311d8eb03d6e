"""Labels of Ultralytics' YOLO: a text file for each picture, a line for each face, in shares of width and height."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facelm.pictures.files import atomic_path
from facelm.results.coco import bound
from facelm.results.records import FaceRecord, PictureRecord

_FACE = 0  # the only class
_DECIMALS = 6


def write_yolo(record: PictureRecord, folder: Path) -> None:
    """Write ``<stem>.txt``; of a picture without a face it is empty.

    Faces that have a region as polygons get YOLO's segmentation, ``0 x y x y ...``; others its pose, ``0 x y width
    height`` of the box, then ``x y v`` for each landmark: v is 2 where it is visible, 1 where it is not, and 0, with x
    and y, where it lies outside of the picture.

    Raises:
        ValueError: The picture has no stem to name the file by.
        facelm.ImageError: The file cannot be written.
    """
    if not record.stem:
        raise ValueError(f"{record.image} has no stem to name its .txt file by")
    lines = [_line(face, record) for face in record.faces]
    with atomic_path(folder / f"{record.stem}.txt") as partial:
        partial.write_text("".join(f"{line}\n" for line in lines if line), encoding="ascii", newline="\n")


def _line(face: FaceRecord, picture: PictureRecord) -> str:
    size = np.array([picture.width, picture.height])
    if isinstance(face.region, list):
        from facelm.results.polygons import join

        if not face.region:
            return ""
        outline = join([np.reshape(part, (-1, 2)) for part in face.region])
        return _write((outline / size).clip(0, 1).ravel())
    left, top, width, height = bound(face, picture)
    shares = (np.asarray(face.landmarks, np.float64) + 0.5) / size
    inside = ((shares >= 0) & (shares <= 1)).all(1)
    seen = np.where(inside, np.where(face.visible, 2, 1), 0)
    points = np.where(inside[:, None], shares, 0)
    box = np.array([left + width / 2, top + height / 2, width, height]) / np.tile(size, 2)
    numbers = [f"{x:.{_DECIMALS}f} {y:.{_DECIMALS}f} {v}" for (x, y), v in zip(points, seen, strict=True)]
    return " ".join([_write(box), *numbers])


def _write(numbers: Sequence[float] | np.ndarray) -> str:
    return " ".join([str(_FACE), *(f"{number:.{_DECIMALS}f}" for number in numbers)])
