"""What the landmark network learns from: faces as facelm finds and parses them, with the points that are known."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from facelm.landmarks.contours import sample_arc
from facelm.landmarks.points import PARTS
from facelm.measuring.evaluate import face_at
from facelm.measuring.truth import Truth, find_truths
from facelm.parsing.islands import drop_islands
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine, images
from facelm.pictures.crops import MIDDLE, align_points, cut_crop

WIDE_SIDE, WIDE = 256, 1.6  # pixels of the picture that is kept around a face, and sides of the crop that it spans
WIDE_CENTRE = (0.5, 0.6)
REGION_SIDE = 96
LINE = 96
_FIVE = (PARTS["right_eye"], PARTS["left_eye"], (30,), (48,), (54,))


@dataclass(frozen=True, eq=False)
class Example:
    """A face.

    Attributes:
        name: Of the picture.
        source: The set that it is of.
        found: Whether facelm found it; otherwise it is aligned by its true points.
        rgb: (WIDE_SIDE, WIDE_SIDE, 3) uint8, around the crop.
        regions: (2, 19, REGION_SIDE, REGION_SIDE) uint8, region probabilities of the crop times 255: as it is parsed,
            and as if it had been found less well, in worse light.
        points: (68, 2) float32, fractions of the crop, NaN where a point is not known.
        line: (LINE, 2) float32, along the jaw, NaN if it is not known.
    """

    name: str
    source: str
    found: bool
    rgb: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    points: NDArray[np.float32]
    line: NDArray[np.float32]


def collect(parser: FaceParser, folder: Path) -> Iterator[Example]:
    """The faces of a folder whose points are known."""
    for truth in track(find_truths(folder), f"{folder.parent.name}/{folder.name}"):
        yield look(parser, truth, folder.parent.name)


def look(parser: FaceParser, truth: Truth, source: str) -> Example:
    """A face as it is found and parsed."""
    rgb = images.read(truth.image)
    rng = np.random.default_rng(zlib.crc32(truth.image.name.encode()))
    found = face_at(parser.parse(rgb), np.nanmean(truth.points[17:], 0))
    transform = found.transform if found else align_points(five_points(truth.points))
    probabilities = found.probabilities if found else _parse(parser, rgb, transform)
    other = shift(transform, rng)
    layers = _reduce(_parse(parser, rgb, other, rng))
    back = affine.compose(transform, affine.invert(other)) * REGION_SIDE
    back[:, 2] += 0.5 * back[:, :2].sum(1) / REGION_SIDE - 0.5
    back[:, :2] /= REGION_SIDE
    again = [cv2.warpAffine(layer, back, (REGION_SIDE, REGION_SIDE)) for layer in layers]
    line = np.full((LINE, 2), np.nan)
    if truth.jaw_line is not None:
        line = sample_arc(affine.apply(transform, truth.jaw_line), np.linspace(0, 1, LINE))
    return Example(
        truth.image.name,
        source,
        found is not None,
        cut_crop(rgb, to_wide(transform), WIDE_SIDE),
        np.stack([_reduce(probabilities), np.stack(again)]),
        affine.apply(transform, truth.points).astype(np.float32),
        line.astype(np.float32),
    )


def to_wide(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform to fractions of the wide square, from one to fractions of the crop."""
    return affine.compose(np.column_stack([np.eye(2) / WIDE, 0.5 - np.array(WIDE_CENTRE) / WIDE]), transform)


def five_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eyes, tip of the nose and corners of the mouth, of 68 points: (5, 2)."""
    return np.array([np.nanmean(points[list(group)], 0) for group in _FIVE])


def shift(transform: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """An alignment that is a little off."""
    angle, scale = rng.normal(0, np.radians(5)), np.exp(rng.normal(0, 0.05))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return affine.compose(np.column_stack([turn, MIDDLE - turn @ MIDDLE + rng.normal(0, 0.02, 2)]), transform)


def _parse(
    parser: FaceParser,
    rgb: NDArray[np.uint8],
    transform: NDArray[np.float64],
    rng: np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Region probabilities of a crop, with a generator in other light and sharpness."""
    crop = cut_crop(rgb, transform, parser.info.size).astype(np.float32)
    if rng and rng.random() < 0.5:
        crop = crop * rng.uniform(0.5, 1.5) + rng.uniform(-30, 30)
    if rng and rng.random() < 0.3:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 2.5))
    if rng and rng.random() < 0.3:
        crop = crop + rng.normal(0, rng.uniform(3, 15), crop.shape)
    if rng and rng.random() < 0.2:
        crop = np.repeat(crop.mean(2, keepdims=True), 3, 2)
    probabilities = parser.predict(crop.clip(0, 255).astype(np.uint8)[None])[0]
    drop_islands(probabilities)
    return probabilities


def _reduce(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Region probabilities as they are kept."""
    side = (REGION_SIDE, REGION_SIDE)
    layers = [cv2.resize(layer, side, interpolation=cv2.INTER_AREA) for layer in probabilities]
    return np.rint(255 * np.stack(layers)).clip(0, 255).astype(np.uint8)
