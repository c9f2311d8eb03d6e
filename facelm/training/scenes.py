"""Scenes pasted together for training: portraits cut out along their masks, on photos without people.

A network that knows only aligned portraits sees faces in dogs and misses them in groups. Scenes teach the
coarse pass what small, turned, overlapping faces look like, and what is no face at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.pictures import images
from facelm.training.data import Example

_FACES = np.arange(9)
_FACES_CHANCE = np.array([0.12, 0.24, 0.22, 0.16, 0.10, 0.06, 0.04, 0.03, 0.03])
_SMALLEST_SIDE = 30
_FREE_ROTATION_CHANCE = 0.3
_COLLAGE_CHANCE = 0.12


class SceneMaker:
    """Pastes training portraits on backgrounds.

    Args:
        examples: Aligned portraits with masks.
        backgrounds: Photos with no person in them.
        size: Width and height of a scene, pixels.
    """

    def __init__(self, examples: Sequence[Example], backgrounds: Sequence[Path], size: int) -> None:
        self.examples = examples
        self.backgrounds = backgrounds
        self.size = size

    def make(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Paste a scene of no, one or several people.

        Returns:
            RGB (size, size, 3) and class indices (size, size), both uint8.

        Raises:
            facelm.ImageError: A picture cannot be read.
        """
        rgb = self._background(rng)
        mask = np.zeros((self.size, self.size), np.uint8)
        count = int(rng.choice(_FACES, p=_FACES_CHANCE))
        largest = max(_SMALLEST_SIDE, self.size * 1.3 / max(1.0, count**0.5))
        sides = np.exp(rng.uniform(np.log(_SMALLEST_SIDE), np.log(largest), count))
        for side in np.sort(sides):
            self._paste(rgb, mask, float(side), rng)
        return rgb, mask

    def _background(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        rgb = images.read(self.backgrounds[int(rng.integers(len(self.backgrounds)))])
        height, width = rgb.shape[:2]
        side = max(1, round(min(height, width) * rng.uniform(0.5, 1.0)))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        square = cv2.resize(
            rgb[top : top + side, left : left + side], (self.size, self.size), interpolation=cv2.INTER_AREA
        )
        return np.ascontiguousarray(square[:, ::-1] if rng.random() < 0.5 else square, np.uint8)

    def _paste(self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], side: float, rng: np.random.Generator) -> None:
        """Draw one person, ``side`` pixels from edge to edge of the portrait, into the scene, in place."""
        portrait, labels = self.examples[int(rng.integers(len(self.examples)))].read()
        if rng.random() < 0.5:
            portrait, labels = portrait[:, ::-1], classes.mirror(labels[:, ::-1])
        shrink = max(1.0, min(portrait.shape[:2]) / side)
        small = (round(portrait.shape[1] / shrink), round(portrait.shape[0] / shrink))
        portrait = np.asarray(cv2.resize(portrait, small, interpolation=cv2.INTER_AREA), np.uint8)
        visible = (labels != 0).astype(np.float32)
        if rng.random() < _COLLAGE_CHANCE:
            visible[:] = 1
        alpha = cv2.resize(visible, small, interpolation=cv2.INTER_AREA)
        angle = rng.uniform(-180, 180) if rng.random() < _FREE_ROTATION_CHANCE else rng.normal(0, 12)
        centre_x, centre_y = rng.uniform(0, self.size, 2)
        scale = side / min(small)
        onto_scene = cv2.getRotationMatrix2D((small[0] / 2, small[1] / 2), angle, scale)
        onto_scene[:, 2] += (centre_x - small[0] / 2, centre_y - small[1] / 2)
        # cv2.resize keeps corners, not pixel centres: small = (large + 0.5) * ratio - 0.5.
        ratio = np.array(small) / (labels.shape[1], labels.shape[0])
        labels_onto_scene = np.column_stack(
            (onto_scene[:, :2] * ratio, onto_scene[:, 2] + onto_scene[:, :2] @ (0.5 * ratio - 0.5))
        )
        whole = (self.size, self.size)
        portrait = np.asarray(cv2.warpAffine(portrait, onto_scene, whole, flags=cv2.INTER_LINEAR), np.uint8)
        alpha = cv2.warpAffine(alpha, onto_scene, whole, flags=cv2.INTER_LINEAR)
        labels = np.asarray(cv2.warpAffine(labels, labels_onto_scene, whole, flags=cv2.INTER_NEAREST), np.uint8)
        lit = portrait.astype(np.float32) * rng.uniform(0.65, 1.25) + rng.uniform(-12, 12)
        weight = alpha[..., None]
        rgb[:] = np.clip(rgb * (1 - weight) + lit * weight, 0, 255)
        covered = alpha > 0.5
        mask[covered] = labels[covered]
