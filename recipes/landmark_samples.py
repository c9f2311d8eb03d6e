"""Training samples of the landmark network: faces turned, scaled, mirrored, darkened, blurred and covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from landmark_data import REGION_SIDE, WIDE, WIDE_CENTRE, WIDE_SIDE, Example
from landmark_turns import TURNED
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.learned import OUTPUTS, REGION_VIEW, VIEW, to_view
from facelm.landmarks.points import MIRRORED_POINTS
from facelm.landmarks.shape import fit_shape
from facelm.pictures import affine
from facelm.pictures.crops import MIDDLE

MIRRORED = [*MIRRORED_POINTS, *(68 + i for i in range(16, -1, -1))]
_BARE = classes.indices(*classes.CORE)
_COVERS = classes.indices("background", "hair", "hat", "cloth", "skin")
_MASK_COLOURS = ((235, 240, 245), (150, 190, 225), (25, 25, 30), (70, 75, 90), (200, 120, 130), (90, 140, 110))
_MASK_EDGE = (1, 3, 5, 7, 8, 9, 11, 13, 15, 28)
_FRONTAL = 8.0  # yaw in degrees up to which the outline of the jaw is where its bone is
_BONE_SOURCES = ("aflw", "facesynthetics", TURNED)


@dataclass(frozen=True, eq=False)
class Sample:
    """What the network sees, and what it is to say.

    Attributes:
        rgb: (3, H, W) uint8.
        regions: (19, H / 2, W / 2) uint8, probabilities times 255.
        points: (OUTPUTS, 2) float32, fractions of width and height, NaN where a point is not known.
        line: (LINE, 2) float32 along the jaw, likewise.
        covered: (OUTPUTS,) float32, 1 where a cover was put on a point, 0 where none is, NaN where that is not known.
    """

    rgb: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    points: NDArray[np.float32]
    line: NDArray[np.float32]
    covered: NDArray[np.float32]


def all_points(example: Example) -> NDArray[np.float32]:
    """The points of a face with both jaws, as far as they are known: (OUTPUTS, 2), fractions of the crop."""
    points = np.full((OUTPUTS, 2), np.nan, np.float32)
    points[:68] = example.points
    points[68:] = example.points[:17]
    known = np.isfinite(example.points).all(1)
    yaw = abs(fit_shape(example.points.astype(float), known.astype(float)).pose.yaw)
    if yaw > _FRONTAL:
        bone = example.source in _BONE_SOURCES
        points[: 17 if bone else 0] = np.nan
        points[OUTPUTS if bone else 68 :] = np.nan
    return points


def plain_sample(example: Example, points: NDArray[np.float32]) -> Sample:
    """A face as it is found."""
    return render(example, points, np.eye(2, 3), 0, False)


def make_sample(
    example: Example, points: NDArray[np.float32], others: Sequence[Example], seed: tuple[int, ...], share: float
) -> Sample:
    """A face as it might be found elsewhere; a share of the samples are far off, spoilt or lack one of the inputs."""
    rng = np.random.default_rng(seed)
    plain = rng.random() >= share
    wild = 2.5 if not plain and rng.random() < 0.1 else 1.0
    angle, scale = rng.normal(0, np.radians(8)) * wild, np.exp(rng.normal(0, 0.06) * wild)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    move = np.column_stack([turn, MIDDLE - turn @ MIDDLE + rng.normal(0, 0.018, 2) * wild])
    sample = render(example, points, move, int(rng.random() < 0.4), bool(rng.random() < 0.5))
    rgb, regions = sample.rgb.transpose(1, 2, 0).copy(), sample.regions
    covered = sample.covered
    if rng.random() < 0.25:
        other = others[rng.integers(len(others))].rgb
        rgb, regions, covered = _cover(rgb, regions, sample, other, rng)
    rgb = rgb if plain else _expose(rgb, rng)
    blind = 1.0 if plain else rng.random()
    if blind < 0.06:
        rgb, covered = np.zeros_like(rgb), np.full_like(covered, np.nan)
    elif blind < 0.2:
        regions = np.zeros_like(regions)
    elif blind < 0.25:
        regions = np.stack([cv2.blur(each, (3, 3)) for each in regions])
    return Sample(np.ascontiguousarray(rgb.transpose(2, 0, 1)), regions, sample.points, sample.line, covered)


def render(
    example: Example, points: NDArray[np.float32], move: NDArray[np.float64], which: int, mirrored: bool
) -> Sample:
    """A face moved by a transform of the crop, maybe mirrored after that."""
    view = affine.compose(to_view(), move)
    low = np.array(WIDE_CENTRE) - WIDE / 2
    from_wide = affine.compose(view, np.column_stack([np.eye(2) * WIDE, low]))
    rgb = _warp([example.rgb], _to_pixels(from_wide, (WIDE_SIDE, WIDE_SIDE), VIEW), VIEW)[0]
    to_regions = _to_pixels(view, (REGION_SIDE, REGION_SIDE), REGION_VIEW)
    regions = np.stack(_warp(list(example.regions[which]), to_regions, REGION_VIEW))
    moved = affine.apply(view, points.astype(float))
    line = affine.apply(view, example.line.astype(float))
    if mirrored:
        rgb, regions = rgb[:, ::-1], regions[list(classes.MIRRORED), :, ::-1]
        moved = moved[MIRRORED] * (-1, 1) + (1, 0)
        line = line[::-1] * (-1, 1) + (1, 0)
    bare = regions[_BARE].sum(0, dtype=np.float32) / 255 > 0.5
    shown = _at(bare, moved, REGION_VIEW) & np.isfinite(moved[:, 0])
    return Sample(
        np.ascontiguousarray(rgb.transpose(2, 0, 1)),
        np.ascontiguousarray(regions),
        moved.astype(np.float32),
        line.astype(np.float32),
        np.where(shown, 0, np.nan).astype(np.float32),
    )


def _at(field: NDArray[Any], points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[Any]:
    """The values of a field (H, W) at points, fractions of width and height."""
    columns, rows = (np.nan_to_num(points) * size).astype(int).clip(0, np.array(size) - 1).T
    return field[rows, columns]


def _to_pixels(fractions: NDArray[np.float64], source: tuple[int, int], target: tuple[int, int]) -> NDArray[np.float64]:
    """A transform of pixels, from one of fractions of width and height."""
    matrix = fractions[:, :2] * np.array(target)[:, None] / np.array(source)
    shift = fractions[:, 2] * target + 0.5 * matrix.sum(1) - 0.5
    return np.column_stack([matrix, shift])


def _warp(
    layers: list[NDArray[np.uint8]], matrix: NDArray[np.float64], size: tuple[int, int]
) -> list[NDArray[np.uint8]]:
    """Pictures warped; those that shrink are blurred before."""
    shrunk = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrunk > 1.3:
        layers = [cv2.GaussianBlur(layer, (0, 0), 0.45 * shrunk) for layer in layers]
    return [cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR).astype(np.uint8) for layer in layers]


def _cover(
    rgb: NDArray[np.uint8],
    regions: NDArray[np.uint8],
    sample: Sample,
    other: NDArray[np.uint8],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Something before the face, in the photograph, in the regions or in both."""
    width, height = VIEW
    area = np.zeros((height, width), np.uint8)
    kind = rng.random()
    edge = sample.points[list(_MASK_EDGE)] * VIEW
    if kind < 0.25 and np.isfinite(edge).all():
        edge[-1] += rng.normal(0, 3, 2)
        cv2.fillPoly(area, [np.rint(edge).astype(np.int32)], 1)
        paint = np.broadcast_to(np.uint8(_MASK_COLOURS[rng.integers(len(_MASK_COLOURS))]), rgb.shape)
    else:
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(6, 30)), int(rng.integers(6, 30)))
        if kind < 0.6:
            cv2.ellipse(area, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        else:
            box = cv2.boxPoints((centre, (2.0 * axes[0], 2.0 * axes[1]), float(rng.uniform(0, 90))))
            cv2.fillPoly(area, [np.rint(box).astype(np.int32)], 1)
        if rng.random() < 0.6:
            top, left = rng.integers(0, WIDE_SIDE - height), rng.integers(0, WIDE_SIDE - width)
            paint = other[top : top + height, left : left + width]
        else:
            paint = np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), rgb.shape)
    where = rng.random()
    hit = _at(area, sample.points.astype(float), VIEW) > 0
    covered = np.where(hit & (where < 0.85) & np.isfinite(sample.points[:, 0]), 1, sample.covered)
    if where < 0.85:
        rgb = np.where(area[..., None] > 0, paint, rgb)
    if where > 0.15:
        small = cv2.resize(area, REGION_VIEW, interpolation=cv2.INTER_NEAREST) > 0
        regions = regions.copy()
        regions[:, small] = 0
        regions[rng.choice(_COVERS), small] = 255
    return rgb, regions, covered.astype(np.float32)


def _expose(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Other light, colours, sharpness, size and compression."""
    height, width = rgb.shape[:2]
    if rng.random() < 0.25:
        share = rng.uniform(0.2, 0.8)
        small = cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    elif rng.random() < 0.2:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6))
    picture = rgb.astype(np.float32)
    if rng.random() < 0.7:
        gains = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.08, 3))
        middle = picture.mean()
        picture = (picture - middle) * np.exp(rng.normal(0, 0.2)) + middle * gains + rng.normal(0, 12)
    if rng.random() < 0.2:
        picture = np.repeat(picture.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.15:
        ramp = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.6, 1.4), width, dtype=np.float32)
        picture = picture * (ramp if rng.random() < 0.5 else ramp[::-1])[:, None]
    if rng.random() < 0.2:
        picture = picture + rng.normal(0, rng.uniform(2, 12), picture.shape)
    rgb = picture.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])[1]
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return rgb
