"""What was found in pictures: a record for each picture, with its faces and their landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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

CONFIDENCE_DECIMALS = 3
"""Of a confidence as it is written."""

MIRRORED_POINTS: tuple[int, ...] = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""The landmark that each one becomes when the picture is flipped left to right."""


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
        region: The face as a COCO run-length mask, from `facelm.coco.encode_region`; only COCO output uses it.
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


def plain_text(text: str) -> str:
    """The text with every byte of a file name that is not UTF-8 spelled out, so that any reader takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def rounded(values: ArrayLike, decimals: int) -> Any:
    """Values as Python floats in nested lists; adding zero turns -0.0 into 0.0."""
    return (np.round(np.asarray(values, np.float64), decimals) + 0.0).tolist()
