"""What the finder learns from: photographs and the faces in them, from data sets that label faces in different ways.

A box goes from forehead to chin. Where only landmarks or masks are known it follows from them, by ratios measured on
photographs with boxes and points.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import select
from facelm.hands.points import PALM
from facelm.pictures import images
from facelm.training import data

UNKNOWN = [[np.nan, np.nan]] * 5
_ROOM = 0.8
_PORTRAIT_SIDE = 256
_FOREHEAD = 0.62
_HAND_ROOM, _HAND_KNOWN = 0.08, 1.0
_LEAST_EYE, _LEAST_NOSE, _LEAST_LIPS = 4e-4, 5e-3, 4e-3


@dataclass(frozen=True, eq=False)
class Example:
    """A picture and its faces.

    Attributes:
        name: Of its file.
        rgb: (H, W, 3) uint8.
        boxes: (N, 4) float32 x0, y0, x1, y1, pixels.
        points: (N, 5, 2) float32: right eye, left eye, nose tip, right and left mouth corner; NaN where not known.
        unsure: (N,) bool, neither face nor background.
        known: x0, y0, x1, y1 beyond which there may be other faces.
        complete: No other face is in the picture.
        weights: (N,) how often each face is to be seen, if not all equally.
        decoys: (M, 4) places that were taken for faces.
    """

    name: str
    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 5, 2), np.float32))
    unsure: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    known: tuple[float, float, float, float] = (-np.inf, -np.inf, np.inf, np.inf)
    complete: bool = True
    weights: NDArray[np.float64] | None = None
    decoys: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))


def read_photos(folder: Path) -> list[Example]:
    """The pictures of a part of ``photos``, as ``recipes/split.py`` divides it."""
    entries = json.loads((folder / "faces.json").read_text())
    pictures = _read_all([folder / "images" / name for name in entries])
    return [_photo(name, entry, rgb) for (name, entry), rgb in zip(entries.items(), pictures, strict=True)]


def _photo(name: str, entry: dict[str, Any], rgb: NDArray[np.uint8]) -> Example:
    sure, unsure = entry["boxes_xyxy"], entry["unsure_xyxy"]
    points = [each or UNKNOWN for each in entry["points"]] + [UNKNOWN] * len(unsure)
    return Example(
        name,
        rgb,
        np.array(sure + unsure, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.arange(len(points)) >= len(sure),
        complete=bool(entry["complete"]),
    )


def read_places(folder: Path) -> list[Example]:
    """Pictures without a human face."""
    paths = data.find_pictures(folder)
    return [Example(path.name, rgb) for path, rgb in zip(paths, _read_all(paths), strict=True)]


def read_landmarked(folder: Path) -> list[Example]:
    """Pictures of one face each, of which 68 landmarks are known."""
    entries = json.loads((folder / "landmarks68.json").read_text())
    examples = []
    pictures = _read_all([folder / "images" / name for name in entries])
    for (name, listed), rgb in zip(entries.items(), pictures, strict=True):
        points = np.array([[np.nan, np.nan] if point is None else point for point in listed], np.float32)
        eyes = points[36:42].mean(0), points[42:48].mean(0)
        five = np.stack([*eyes, points[30], points[48], points[54]])
        down = points[8] - np.mean(eyes, 0)
        forehead = np.mean(eyes, 0) - _FOREHEAD * down
        across = 0.35 * np.array([down[1], -down[0]])
        around = np.vstack([points, forehead + across, forehead - across])
        examples.append(_one_face(name, rgb, np.r_[np.nanmin(around, 0), np.nanmax(around, 0)], five))
    return examples


def read_hands(folder: Path) -> list[Example]:
    """The pictures of a part of ``hands``, as ``recipes/split.py`` divides it: their hands instead of faces."""
    entries = json.loads((folder / "hands.json").read_text())
    examples = []
    for (name, entry), rgb in zip(
        entries.items(), _read_all([folder / "images" / each for each in entries]), strict=True
    ):
        if not entry["hands"]:
            continue
        points = np.array([hand["points"] for hand in entry["hands"]], np.float32)[..., :2]
        low, high = points.min(1), points.max(1)
        room = _HAND_ROOM * (high - low).max(1, keepdims=True)
        boxes = np.concatenate([low - room, high + room], 1)
        known = (-np.inf, -np.inf, np.inf, np.inf)
        if not entry["complete"]:
            reach = _HAND_KNOWN * (high - low).max()
            known = tuple(map(float, (*(boxes[0, :2] - reach), *(boxes[0, 2:] + reach))))
        unsure = np.zeros(len(boxes), bool)
        examples.append(Example(name, rgb, boxes, points[:, list(PALM)], unsure, known, entry["complete"]))
    return examples


def as_handless(examples: list[Example]) -> list[Example]:
    """Pictures of one face each as such of no hand: a face is none, and what else they show is not known."""
    return [
        Example(example.name, example.rgb, known=tuple(example.boxes[0].tolist()), complete=False)
        for example in examples
    ]


def read_portraits(folder: Path) -> list[Example]:
    """Aligned portraits with masks of the 19 classes; parts that are hidden have no points."""
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(_portrait, data.find(folder))
        return [example for example in found if example]


def _portrait(example: data.Example) -> Example | None:
    rgb, mask = example.read()
    size = (_PORTRAIT_SIDE, _PORTRAIT_SIDE)
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    face = np.argwhere(select(mask, classes.indices(*classes.FACE)))
    if len(face) < 0.05 * mask.size:
        return None
    five = np.array(UNKNOWN)
    for at, name in enumerate(("r_eye", "l_eye")):
        eye = np.argwhere(mask == classes.INDEX[name])
        if len(eye) > _LEAST_EYE * mask.size:
            five[at] = eye[:, ::-1].mean(0)
    nose = np.argwhere(mask == classes.INDEX["nose"])
    if len(nose) > _LEAST_NOSE * mask.size:
        low = nose[nose[:, 0] > np.percentile(nose[:, 0], 60)]
        five[2] = low[:, 1].mean(), np.percentile(nose[:, 0], 78)
    lips = np.argwhere(select(mask, classes.indices(*classes.LIPS)))
    if len(lips) > _LEAST_LIPS * mask.size:
        for at, end in ((3, lips[:, 1].min()), (4, lips[:, 1].max())):
            five[at] = end, lips[lips[:, 1] == end, 0].mean()
    (top, left), (bottom, right) = np.percentile(face, 0.5, 0), np.percentile(face, 99.5, 0)
    eyes = np.nanmean(five[:2, 1]) if np.isfinite(five[:2]).any() else 0.478 * _PORTRAIT_SIDE
    top = np.clip(top, eyes - 0.9 * (bottom - eyes), eyes - 0.55 * (bottom - eyes))
    return _one_face(example.image.name, rgb, np.array([left, top, right, bottom]), five)


def _one_face(name: str, rgb: NDArray[np.uint8], box: NDArray[np.float64], five: NDArray[np.float64]) -> Example:
    """A picture whose one labelled face may have others around it."""
    reach = _ROOM * (box[2:] - box[:2])
    x0, y0, x1, y1 = map(float, (*(box[:2] - reach), *(box[2:] + reach)))
    return Example(
        name,
        rgb,
        box[None].astype(np.float32),
        five[None].astype(np.float32),
        np.zeros(1, bool),
        (x0, y0, x1, y1),
        complete=False,
    )


def _read_all(paths: list[Path]) -> list[NDArray[np.uint8]]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(images.read, paths))
