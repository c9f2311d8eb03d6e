"""What was found in pictures, and the files it is written to: JSON, CSV, iBUG ``.pts``, COCO and NumPy.

A record holds one picture. :func:`dump` writes records to an open text stream as they come; :func:`save`
writes them to a path, whole or not at all.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facelm.images import atomic_path

PARTS: dict[str, range] = {
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nose_base": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lips": range(48, 60),
    "inner_lips": range(60, 68),
}
"""The 68 landmarks by part, in iBUG order; left and right are the subject's."""

CLOSED = frozenset({"right_eye", "left_eye", "outer_lips", "inner_lips"})
"""The parts whose last point joins the first."""

POINTS = 68


@dataclass(frozen=True, eq=False)
class FaceRecord:
    """One face of a picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels, from brows to chin.
        score: How sure the detection is, 0 to 1.
        roll, yaw, pitch: Degrees.
        landmarks: (68, 2) x, y in pixels; (0, 0) is the centre of the top-left pixel.
        confidence: (68,), 0 to 1.
        visible: (68,) bool.
        region: The face as a COCO run-length mask, from :func:`encode_region`; only COCO output uses it.
        landmarks_3d: (68, 3) x, y, z in pixels; z grows away from the camera.

    Raises:
        ValueError: An array has the wrong shape, or a number is not finite.
    """

    box: tuple[float, float, float, float]
    score: float
    roll: float
    yaw: float
    pitch: float
    landmarks: NDArray[np.float64]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    region: dict[str, Any] | None = None
    landmarks_3d: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        shapes = {"box": (4,), "landmarks": (POINTS, 2), "confidence": (POINTS,), "visible": (POINTS,)}
        if self.landmarks_3d is not None:
            shapes["landmarks_3d"] = (POINTS, 3)
        for name in ("score", "roll", "yaw", "pitch", *shapes):
            values = np.asarray(getattr(self, name), np.float64)
            if values.shape != shapes.get(name, ()):
                raise ValueError(f"{name} has shape {values.shape}, not {shapes.get(name, ())}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds a number that is not finite")


@dataclass(frozen=True)
class PictureRecord:
    """What was found in one picture.

    Attributes:
        image: The picture as the user named it.
        width: Pixels; 0 when the picture could not be read.
        height: Pixels; 0 when the picture could not be read.
        faces: None is not a failure.
        error: Why the picture could not be read, else None.
        stem: Output path without suffix, relative to the output folder; ``.pts`` files are named by it.
    """

    image: str
    width: int = 0
    height: int = 0
    faces: tuple[FaceRecord, ...] = ()
    error: str | None = None
    stem: str = ""


def encode_region(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length code of a mask (H, W), ready for JSON."""
    from pycocotools import mask as rle

    code = rle.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode("ascii")}


def to_json(record: PictureRecord) -> dict[str, Any]:
    """The record as it stands in JSON lines: plain lists and numbers, rounded."""
    if record.error is not None:
        return {"image": _text(record.image), "error": _text(record.error)}
    faces = [
        {
            "box": _rounded(face.box, 2),
            "score": _rounded(face.score, 4),
            "roll": _rounded(face.roll, 2),
            "pose": {name: _rounded(getattr(face, name), 2) for name in ("yaw", "pitch", "roll")},
            "landmarks": _rounded(face.landmarks, 2),
            "confidence": _rounded(face.confidence, 3),
            "visible": np.asarray(face.visible, np.bool_).tolist(),
            **({} if face.landmarks_3d is None else {"landmarks_3d": _rounded(face.landmarks_3d, 2)}),
        }
        for face in record.faces
    ]
    return {"image": _text(record.image), "width": record.width, "height": record.height, "faces": faces}


def dump(records: Iterable[PictureRecord], format: str, stream: TextIO, solid: bool = False) -> None:
    """Write records to a text stream.

    JSON lines and CSV are flushed after each picture, so a run that is killed leaves whole lines.

    Args:
        records: May be a generator; each is written when it comes, but for COCO, which needs them all.
        format: One of ``TEXT_FORMATS``.
        stream: Open for text; CSV wants ``newline=""`` and UTF-8.
        solid: The faces have landmarks in three dimensions: CSV gets columns for them.

    Raises:
        ValueError: The format is unknown, or cannot go to a text stream.
    """
    if format == "csv":
        _dump_csv(records, stream, solid)
    elif format in _DUMPERS:
        _DUMPERS[format](records, stream)
    else:
        raise ValueError(f"no text format {format!r}; choose from {', '.join(TEXT_FORMATS)}")


def save(records: Iterable[PictureRecord], format: str, path: Path, solid: bool = False) -> None:
    """Write records to a file, whole or not at all; for ``pts``, to a folder with a file for each face.

    Args:
        records: May be a generator; when it raises, an earlier file at ``path`` stays as it was.
        format: One of ``FORMATS``.
        path: Parent folders are made. In a ``pts`` folder every single file is whole, and those that were
            finished before an error stay.
        solid: The faces have landmarks in three dimensions: CSV and NumPy files get them too.

    Raises:
        ValueError: The format is unknown, a picture has no stem to name a ``.pts`` file by, or two faces
            would go to the same one.
        ImageError: The file cannot be written.
    """
    if format == "pts":
        _save_pts(records, path)
    elif format == "npz":
        _save_npz(records, path, solid)
    elif format in TEXT_FORMATS:
        with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            dump(records, format, stream, solid)
    else:
        raise ValueError(f"no format {format!r}; choose from {', '.join(FORMATS)}")


def _text(text: str) -> str:
    """The text with every byte of a file name that is not UTF-8 spelled out, so that any reader takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _rounded(values: ArrayLike, decimals: int) -> Any:
    """Values as Python floats in nested lists; adding zero turns -0.0 into 0.0."""
    return (np.round(np.asarray(values, np.float64), decimals) + 0.0).tolist()


def _dump_jsonl(records: Iterable[PictureRecord], stream: TextIO) -> None:
    for record in records:
        stream.write(json.dumps(to_json(record), allow_nan=False) + "\n")
        stream.flush()


def _dump_json(records: Iterable[PictureRecord], stream: TextIO) -> None:
    stream.write("[")
    for number, record in enumerate(records):
        stream.write((",\n" if number else "\n") + json.dumps(to_json(record), allow_nan=False))
    stream.write("\n]\n")


_POSE_COLUMNS = {"pose_Rx": "pitch", "pose_Ry": "yaw", "pose_Rz": "roll"}
"""OpenFace's rotations, in radians, and the angle that each one is."""


def _dump_csv(records: Iterable[PictureRecord], stream: TextIO, solid: bool) -> None:
    coordinates = [f"{axis}_{point}" for axis in ("xyXYZ" if solid else "xy") for point in range(POINTS)]
    writer = csv.writer(stream, lineterminator="\n")
    about = ["frame", "face_id", "timestamp", "confidence", "success"]
    writer.writerow([*about, *_POSE_COLUMNS, *coordinates, "image"])
    for frame, record in enumerate(records, start=1):
        # csv does not quote a carriage return, and readers end the row there.
        image = _text(record.image).replace("\r", r"\r")
        for face_id, face in enumerate(record.faces):
            pose = np.radians([getattr(face, angle) for angle in _POSE_COLUMNS.values()])
            points = np.asarray(face.landmarks).T.ravel()  # all x, then all y
            if solid:
                points = np.concatenate([points, np.asarray(face.landmarks_3d).T.ravel()])
            found = [_rounded(face.score, 4), 1, *_rounded(pose, 5), *_rounded(points, 2)]
            writer.writerow([frame, face_id, 0.0, *found, image])
        if not record.faces:
            writer.writerow([frame, 0, 0.0, 0.0, 0, *[""] * (len(_POSE_COLUMNS) + len(coordinates)), image])
        stream.flush()


def _dump_coco(records: Iterable[PictureRecord], stream: TextIO) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, start=1):  # the same number as CSV's frame
        if record.error is not None:
            continue
        size = {"width": record.width, "height": record.height}
        images.append({"id": image_id, "file_name": _text(record.image), **size})
        for face in record.faces:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(face)})
    document = {
        "info": {"description": "Faces, landmarks and face regions found by facelm"},
        "images": images,
        "annotations": annotations,
        "categories": [_category()],
    }
    json.dump(document, stream, allow_nan=False)
    stream.write("\n")


def _annotation(face: FaceRecord) -> dict[str, Any]:
    x0, y0, x1, y1 = face.box
    points = _rounded(face.landmarks, 2)
    seen = [2 if visible else 1 for visible in face.visible]
    annotation = {
        "category_id": 1,
        "bbox": _rounded([x0, y0, x1 - x0, y1 - y0], 2),
        "area": _rounded((x1 - x0) * (y1 - y0), 2),
        "iscrowd": 0,
        "keypoints": [number for (x, y), v in zip(points, seen, strict=True) for number in (x, y, v)],
        "num_keypoints": POINTS,
        "score": _rounded(face.score, 4),
    }
    if face.region is not None:
        from pycocotools import mask as rle

        annotation |= {"segmentation": face.region, "area": float(rle.area(face.region))}
    return annotation


def _category() -> dict[str, Any]:
    """COCO's description of a face: what its points are called, and which ones a line joins."""
    names: list[str] = []
    skeleton: list[list[int]] = []  # counts from 1
    for part, points in PARTS.items():
        names += [f"{part}_{number}" for number in range(len(points))]
        skeleton += [[point + 1, point + 2] for point in points[:-1]]
        if part in CLOSED:
            skeleton.append([points[-1] + 1, points[0] + 1])
    return {"id": 1, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": skeleton}


def _save_pts(records: Iterable[PictureRecord], folder: Path) -> None:
    written: set[Path] = set()
    for record in records:
        if record.faces and not record.stem:
            raise ValueError(f"{record.image} has no stem to name its .pts file by")
        for number, face in enumerate(record.faces, start=1):
            path = folder / (f"{record.stem}.pts" if number == 1 else f"{record.stem}.{number}.pts")
            if path in written:
                raise ValueError(f"{record.image} and another picture would both write {path}")
            written.add(path)
            with atomic_path(path) as partial:
                partial.write_text(_pts(face), encoding="ascii", newline="\n")


def _pts(face: FaceRecord) -> str:
    points = _rounded(np.asarray(face.landmarks, np.float64) + 1, 2)  # iBUG counts pixels from 1
    lines = ["version: 1", f"n_points: {POINTS}", "{", *(f"{x:.2f} {y:.2f}" for x, y in points), "}"]
    return "\n".join(lines) + "\n"


def _save_npz(records: Iterable[PictureRecord], path: Path, solid: bool) -> None:
    found = [(record, number, face) for record in records for number, face in enumerate(record.faces)]
    faces = [face for _, _, face in found]

    def stack(values: list[Any], *shape: int, dtype: type = np.float32) -> NDArray[Any]:
        return np.asarray(values, dtype).reshape(len(faces), *shape)  # keeps the shape when there is no face

    arrays = {
        "image": stack([_text(record.image) for record, _, _ in found], dtype=np.str_),
        "face_id": stack([number for _, number, _ in found], dtype=np.int64),
        "box": stack([face.box for face in faces], 4),
        "score": stack([face.score for face in faces]),
        "pose": stack([(face.yaw, face.pitch, face.roll) for face in faces], 3),
        "landmarks": stack([face.landmarks for face in faces], POINTS, 2),
        "confidence": stack([face.confidence for face in faces], POINTS),
        "visible": stack([face.visible for face in faces], POINTS, dtype=np.bool_),
    }
    if solid:
        arrays["landmarks_3d"] = stack([face.landmarks_3d for face in faces], POINTS, 3)
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # it takes keywords for names


_DUMPERS: dict[str, Callable[[Iterable[PictureRecord], TextIO], None]] = {
    "jsonl": _dump_jsonl,
    "json": _dump_json,
    "coco": _dump_coco,
}

FORMATS = ("jsonl", "json", "csv", "pts", "coco", "npz")
TEXT_FORMATS = ("jsonl", "json", "csv", "coco")
"""The formats that can go to standard output."""

SOLID_FORMATS = ("jsonl", "json", "csv", "npz")
"""The formats that can hold landmarks in three dimensions."""
