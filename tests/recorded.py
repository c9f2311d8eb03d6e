"""Records of faces that nobody has, and what is written of them."""

from __future__ import annotations

import io

import numpy as np

from facelm.results import formats
from facelm.results.records import FaceRecord, HandRecord, PictureRecord


def ellipse(height: int = 60, width: int = 80) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((x - 41) / 20) ** 2 + ((y - 30) / 25) ** 2 < 1


def face(seed: int = 0, **changes: object) -> FaceRecord:
    rng = np.random.default_rng(seed)
    fields: dict[str, object] = {
        "box": (10.123456, 5.0, 50.0, 55.987654),
        "score": 0.987654,
        "roll": -3.14159,
        "yaw": 4.0,
        "pitch": -2.0,
        "landmarks": rng.uniform(-5, 80, (68, 2)),
        "confidence": rng.uniform(0, 1, 68),
        "visible": rng.uniform(size=68) > 0.3,
    }
    return FaceRecord(**{**fields, **changes})  # type: ignore[arg-type]


def hand(seed: int, **changes: object) -> HandRecord:
    rng = np.random.default_rng(seed)
    fields: dict[str, object] = {
        "box": (4.123456, 5.0, 40.0, 50.987654),
        "score": 0.97123456,
        "side": "left" if seed % 2 else "right",
        "landmarks": rng.uniform(0, 50, (21, 2)),
        "confidence": rng.uniform(0, 1, 21),
        "visible": rng.uniform(size=21) > 0.3,
    }
    return HandRecord(**{**fields, **changes})  # type: ignore[arg-type]


def text(records: list[PictureRecord], format: str) -> str:
    stream = io.StringIO()
    formats.dump(records, format, stream)
    return stream.getvalue()


def same(found: object, points: object) -> None:
    np.testing.assert_allclose(np.asarray(found, float), points, rtol=0, atol=0.00501)
