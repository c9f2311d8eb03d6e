"""What was found in pictures: a record for each picture, with its faces, its hands and their landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facelm.hands import points as hand_points
from facelm.landmarks.points import POINTS

CONFIDENCE_DECIMALS = 3
"""Of a confidence as it is written."""

TIME_DECIMALS = 6
"""Of seconds as they are written."""


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
        region: The face as a COCO run-length mask or as polygons, from `encode_region` or `encode_polygons` of
            `facelm.results.coco`; only COCO and YOLO files have it.
        landmarks_3d: (68, 3) x, y, z in pixels; z grows away from the camera.
        covered: Of each part how much is covered, as `facelm.landmarks.covered.Covered` has it; None where it is not
            known.
        covered_by: Of parts that are covered, by what.
        track: Number of the face in its clip, from 1; None in a picture.

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
    region: dict[str, Any] | list[list[float]] | None = None
    landmarks_3d: NDArray[np.float64] | None = None
    track: int | None = None
    covered: Mapping[str, float | None] | None = None
    covered_by: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        _check(self, POINTS, "score", "roll", "yaw", "pitch")


@dataclass(frozen=True, eq=False)
class HandRecord:
    """One hand of a picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels, around its points.
        score: How sure the detection is, 0 to 1.
        side: ``left`` or ``right``, the subject's own.
        landmarks: (21, 2) x, y in pixels; (0, 0) is the centre of the top-left pixel.
        confidence: (21,), 0 to 1.
        visible: (21,) bool.
        region: As of `FaceRecord`; only COCO files have it.
        landmarks_3d: (21, 3) x, y, z in pixels; z from the wrist, growing away from the camera.
        track: Number of the hand in its clip, from 1; None in a picture.

    Raises:
        ValueError: An array has the wrong shape, a number is not finite, or there is no such side.
    """

    box: tuple[float, float, float, float]
    score: float
    side: str
    landmarks: NDArray[np.float64]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]
    region: dict[str, Any] | list[list[float]] | None = None
    landmarks_3d: NDArray[np.float64] | None = None
    track: int | None = None

    def __post_init__(self) -> None:
        _check(self, hand_points.POINTS, "score")
        if self.side not in ("left", "right"):
            raise ValueError(f"side is {self.side}, not left or right")


def _check(record: FaceRecord | HandRecord, count: int, *numbers: str) -> None:
    shapes: dict[str, tuple[int, ...]] = {name: () for name in numbers}
    shapes |= {"box": (4,), "landmarks": (count, 2), "confidence": (count,), "visible": (count,)}
    if record.landmarks_3d is not None:
        shapes["landmarks_3d"] = (count, 3)
    for name, shape in shapes.items():
        values = np.asarray(getattr(record, name), np.float64)
        if values.shape != shape:
            raise ValueError(f"{name} has shape {values.shape}, not {shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds a number that is not finite")


@dataclass(frozen=True)
class PictureRecord:
    """What was found in one picture, or in one frame of a clip.

    Attributes:
        image: The picture or the clip as the user named it.
        width: Pixels; 0 when the picture could not be read.
        height: Pixels; 0 when the picture could not be read.
        faces: That none was found is no failure.
        error: Why the picture could not be read, else None.
        stem: Output path without suffix, relative to the output folder; ``.pts`` files are named by it.
        frame: Number of the frame in its clip, from 0; None for a picture.
        timestamp: When the frame is shown, seconds; None for a picture.
        hands: None where they were not asked for.
    """

    image: str
    width: int = 0
    height: int = 0
    faces: tuple[FaceRecord, ...] = ()
    error: str | None = None
    stem: str = ""
    frame: int | None = None
    timestamp: float | None = None
    hands: tuple[HandRecord, ...] | None = None


def plain_text(text: str) -> str:
    """The text with every byte of a file name that is not UTF-8 spelled out, so that any reader takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def rounded(values: ArrayLike, decimals: int) -> Any:
    """Values as Python floats in nested lists; adding zero turns -0.0 into 0.0."""
    return (np.round(np.asarray(values, np.float64), decimals) + 0.0).tolist()


def frame_of(record: PictureRecord) -> dict[str, Any]:
    """What tells a frame from the others of its clip, as it is written; nothing for a picture."""
    if record.frame is None:
        return {}
    return {"frame": record.frame, "timestamp": rounded(record.timestamp or 0.0, TIME_DECIMALS)}


def count(records: Sequence[PictureRecord]) -> dict[str, int]:
    """How many faces and hands are in the record of a picture; of a clip how many frames, and tracks in them."""
    first = records[0]
    moving = first.frame is not None
    faces = [face.track for record in records for face in record.faces]
    counts = {"frames": len(records)} if moving else {}
    counts["faces"] = len(set(faces) if moving else faces)
    if first.hands is not None:
        hands = [hand.track for record in records for hand in record.hands or ()]
        counts["hands"] = len(set(hands) if moving else hands)
    return counts
