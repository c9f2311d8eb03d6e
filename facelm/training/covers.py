"""Face masks for training: surgical and cloth masks drawn over mouths and noses, which few portraits show."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import select

_CHANCE = 0.08
_LEAST_NOSE, _LEAST_LIPS = 0.003, 0.002  # of the picture, or they are hidden already
_COVERED = classes.indices("skin", "nose", "mouth", "u_lip", "l_lip")
_CLOTH = classes.INDEX["cloth"]
_COLOURS = np.array([
    (225, 235, 240), (240, 240, 240), (130, 180, 215), (90, 150, 190), (25, 25, 28), (60, 60, 65), (200, 120, 135),
    (80, 120, 85), (160, 130, 100), (40, 55, 110),
], float)  # fmt: skip


def cover(
    rgb: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a face mask on one in a dozen upright portraits; what it hides becomes cloth.

    Args:
        rgb: (H, W, 3) uint8.
        mask: (H, W) uint8 class indices.
        rng: Decides.

    Returns:
        The picture and its mask, new arrays where something was drawn.
    """
    if rng.random() > _CHANCE:
        return rgb, mask
    hidden = _find_hidden(mask, rng)
    if hidden is None:
        return rgb, mask
    weight = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), 0.002 * len(mask) + 0.4)[..., None]
    drawn = np.clip(rgb * (1 - weight) + _weave(rgb, hidden, rng) * weight, 0, 255).astype(np.uint8)
    return drawn, np.where(hidden, np.uint8(_CLOTH), mask)


def _find_hidden(mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """Where a face mask lies: from somewhere on the nose down over the chin; None where nose or lips are not seen."""
    nose = np.argwhere(mask == classes.INDEX["nose"])
    lips = select(mask, classes.indices("u_lip", "l_lip"))
    face = select(mask, _COVERED)
    if len(nose) < _LEAST_NOSE * mask.size or lips.sum() < _LEAST_LIPS * mask.size:
        return None
    (top, left), (bottom, right) = nose.min(0), nose.max(0)
    columns = np.flatnonzero(face[bottom])
    half = max(columns.max() - columns.min(), right - left) / 2
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    away = np.abs(x - nose[:, 1].mean()) / max(half, 1)
    # The upper edge falls from the nose to the cheeks, and rises or falls towards the ears.
    bridge = top + rng.uniform(0.3, 0.9) * (bottom - top)
    edge = bridge + (bottom - bridge) * np.clip(1.6 * away, 0, 1) + rng.uniform(-0.3, 0.2) * (bottom - top) * away**2
    hidden = face & (y > edge)
    room = max(1, round(rng.uniform(0.004, 0.02) * len(mask)))
    grown = cv2.morphologyEx(hidden.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((4 * room + 1,) * 2, np.uint8))
    grown = cv2.dilate(grown, np.ones((2 * room + 1,) * 2, np.uint8)).astype(bool)
    return np.asarray(grown & (y > edge))


def _weave(rgb: NDArray[np.uint8], hidden: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Cloth of one colour, with pleats or without, in the light that falls on the face."""
    colour = _COLOURS[rng.integers(len(_COLOURS))] * rng.uniform(0.75, 1.08)
    spread = 0.05 * len(rgb)
    lit = cv2.GaussianBlur(rgb.mean(2).astype(np.float32) * hidden, (0, 0), spread)
    share = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), spread)
    light = lit / np.maximum(share, 1e-3)
    light = light / max(float(light[hidden].mean()), 1.0)
    level = rng.uniform(0.6, 1.0) * light.clip(0.35, 1.5)
    if rng.random() < 0.6:
        rows = np.arange(len(rgb))[:, None] / len(rgb)
        level = level * (1 + rng.uniform(0.03, 0.12) * np.sin(2 * np.pi * (rows * rng.uniform(12, 30) + rng.random())))
    grain = rng.normal(0, rng.uniform(1, 6), (*rgb.shape[:2], 1))
    return np.asarray(colour * level[..., None] + grain)
