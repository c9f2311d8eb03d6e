"""Eyes shut by hand: the lids of a face drawn together along the line of the eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from landmark_data import REGION_SIDE, WIDE, WIDE_CENTRE, WIDE_SIDE, Example
from numpy.typing import NDArray

from facelm import classes

_EYES = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))  # outer corner, upper lid, inner corner, lower lid
_ABOVE, _BELOW = 0.5, 0.35  # how far beyond the lids the skin is drawn, in lengths of the eye
_RISE = 0.15  # of the gap the lower lid comes up
_LEAST_GAP = 0.15  # of the length of an eye that can be shut


def shut_eyes(
    face: Example, points: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Example, NDArray[np.float32]]:
    """A face with one or both eyes nearly or wholly shut, and its points.

    The regions come along, or go on telling of open eyes, as a parser does that has seen few shut ones.
    """
    left = 0.0 if rng.random() < 0.6 else rng.uniform(0.05, 0.6)
    eyes = _EYES if rng.random() < 0.85 else (_EYES[rng.integers(2)],)
    rgb, points = face.rgb.copy(), points.astype(float)
    told = rng.random() < 0.5
    layers = [layer.copy() for layer in face.regions.reshape(-1, REGION_SIDE, REGION_SIDE)] if told else []
    low = np.array(WIDE_CENTRE) - WIDE / 2
    for eye in eyes:
        frame = _Lids(points[list(eye)], left)
        if frame.gap < _LEAST_GAP or frame.glazed(face.regions[0, classes.INDEX["eye_g"]]):
            continue
        frame.warp([rgb], WIDE_SIDE / WIDE, low)
        frame.warp(layers, REGION_SIDE, np.zeros(2))
        points[list(eye)] = frame.moved()
    if layers:
        face = replace(face, regions=np.stack(layers).reshape(face.regions.shape))
    return replace(face, rgb=rgb), points.astype(np.float32)


class _Lids:
    """The frame of one eye, along it and down from it in its lengths, and where its lids are and come to."""

    def __init__(self, eye: NDArray[np.float64], left: float) -> None:
        self.corner, self.left = eye[0], left
        along = eye[3] - eye[0]
        down = np.array([-along[1], along[0]]) * np.sign(along[0])
        self.axes = np.stack([along, down])
        self.local = (eye - self.corner) @ self.axes.T / (along @ along)
        self.gap = float((self.local[[5, 4], 1] - self.local[[1, 2], 1]).mean())
        self.upper = np.polyfit(*self.local[[0, 1, 2, 3]].T, 3)
        self.lower = np.polyfit(*self.local[[0, 5, 4, 3]].T, 3)

    def lids(self, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Upper and lower lid as they are, and as they come to be, at places along the eye."""
        within = at.clip(0, 1)
        lower = np.polyval(self.lower, within)
        upper = np.minimum(np.polyval(self.upper, within), lower)
        low = lower - _RISE * (1 - self.left) * (lower - upper)
        return upper, lower, low - self.left * (lower - upper), low

    def glazed(self, glasses: NDArray[np.uint8]) -> bool:
        """Whether the eye is behind glasses, of whose probability the field is given."""
        column, row = ((self.corner + self.axes[0] / 2) * REGION_SIDE).astype(int).clip(0, REGION_SIDE - 1)
        return bool(glasses[row, column] > 64)

    def moved(self) -> NDArray[np.float64]:
        """The points (6, 2) of the eye after that."""
        at = self.local[:, 0].copy()
        for pair in ((1, 5), (2, 4)):
            middle = at[list(pair)].mean()
            at[list(pair)] = middle + self.left * (at[list(pair)] - middle)
        _, _, upper, lower = self.lids(at)
        down = np.where(np.isin(np.arange(6), (1, 2)), upper, np.where(np.isin(np.arange(6), (4, 5)), lower, 0))
        return self.corner + np.column_stack([at, down]) @ self.axes

    def warp(self, layers: list[NDArray[Any]], scale: float, low: NDArray[np.float64]) -> None:
        """Draw the lids together in some pictures of one frame, in place."""
        if not layers:
            return
        reach = np.array([(x, y) for x in (-0.1, 1.1) for y in (-1.2, 1.0)])
        corners = ((self.corner + reach @ self.axes) - low) * scale - 0.5
        size = np.array(layers[0].shape[1::-1])
        x0, y0 = np.floor(corners.min(0)).astype(int).clip(0, size - 1)
        x1, y1 = np.ceil(corners.max(0)).astype(int).clip(0, size - 1) + 1
        rows, columns = np.mgrid[y0:y1, x0:x1]
        places = (np.stack([columns, rows], -1) + 0.5) / scale + low - self.corner
        at, down = (places @ self.axes.T / (self.axes[0] @ self.axes[0])).transpose(2, 0, 1)
        upper, lower, up, bottom = self.lids(at)
        top, end = upper - _ABOVE, lower + _BELOW
        above = top + (down - top) * (upper - top) / (up - top)
        between = upper + (down - up) * (lower - upper) / np.maximum(bottom - up, 1e-6)
        below = end - (end - down) * (end - lower) / (end - bottom)
        came = np.where(down < up, above, np.where(down < bottom, between, below))
        came = np.where((down < top) | (down > end), down, came)
        source = ((self.corner + np.stack([at, came], -1) @ self.axes) - low) * scale - 0.5
        maps = source[..., 0].astype(np.float32), source[..., 1].astype(np.float32)
        for layer in layers:
            layer[y0:y1, x0:x1] = cv2.remap(layer, *maps, cv2.INTER_LINEAR)
