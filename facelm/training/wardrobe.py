"""Other clothes for training portraits: cloth and hats in other colours and patterns, in the light that falls on them.

A few hundred portraits show a few hundred garments, which a network can learn by heart. What tells cloth from all else
is where it is and how it hangs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.classes import INDEX
from facelm.pictures import images

_WORN = (INDEX["cloth"], INDEX["hat"])
_CHANCE, _PATTERN_CHANCE = 0.35, 0.6
_LEAST_PIXELS = 200
_LIGHTNESS, _COLOUR = 60.0, 45.0  # how far plain colours go, in OpenCV's 8-bit L*a*b*
_CONTRAST = (0.5, 1.2)  # of the folds, as a share of what it was


class Wardrobe:
    """Dresses portraits anew.

    Args:
        patterns: Photos that cloth is cut from; without any, all of it is plain.
    """

    def __init__(self, patterns: Sequence[Path]) -> None:
        self.patterns = patterns

    def dress(self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Give the cloth and the hat of a portrait, each by chance, another colour or pattern.

        Args:
            rgb: (H, W, 3).
            mask: (H, W) class indices.
            rng: What chance draws from.

        Returns:
            (H, W, 3) uint8, the same array or a new one.

        Raises:
            facelm.ImageError: A pattern cannot be read.
        """
        for index in _WORN:
            if rng.random() < _CHANCE and np.count_nonzero(worn := mask == index) >= _LEAST_PIXELS:
                rgb = self._dye(rgb, worn, rng)
        return rgb

    def _dye(self, rgb: NDArray[np.uint8], worn: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
        x, y, width, height = cv2.boundingRect(worn.astype(np.uint8))
        part = (slice(y, y + height), slice(x, x + width))
        colours = cv2.cvtColor(rgb[part], cv2.COLOR_RGB2LAB).astype(np.float32)
        folds = colours[..., 0] - colours[..., 0][worn[part]].mean()
        if self.patterns and rng.random() < _PATTERN_CHANCE:
            cloth = self._cut(width, height, rng)
        else:
            plain = np.array([128, 128, 128]) + rng.uniform(-1, 1, 3) * (_LIGHTNESS, _COLOUR, _COLOUR)
            cloth = np.full(colours.shape, plain, np.float32)
        cloth[..., 0] += np.float32(rng.uniform(*_CONTRAST)) * folds
        dyed = cv2.cvtColor(np.clip(cloth, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
        alpha = cv2.GaussianBlur(worn[part].astype(np.float32), (0, 0), 1)[..., None]
        result = rgb.copy()
        result[part] = np.rint(rgb[part] + alpha * (dyed.astype(np.float32) - rgb[part])).astype(np.uint8)
        return result

    def _cut(self, width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """A piece of a photo, mirrored to go on where it ends: (height, width, 3) L*a*b*."""
        photo = images.read(self.patterns[int(rng.integers(len(self.patterns)))])
        side = int(rng.integers(min(photo.shape[:2]) // 4, min(photo.shape[:2]) + 1))
        top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
        piece = cv2.cvtColor(photo[top : top + side, left : left + side], cv2.COLOR_RGB2LAB)
        shrunk = cv2.resize(piece, None, fx=(scale := rng.uniform(0.3, 1.0)), fy=scale, interpolation=cv2.INTER_AREA)
        below, right = max(0, height - len(shrunk)), max(0, width - len(shrunk[0]))
        whole = cv2.copyMakeBorder(shrunk, 0, below, 0, right, cv2.BORDER_REFLECT)
        return whole[:height, :width].astype(np.float32)
