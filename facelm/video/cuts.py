"""Cuts: where one shot of a clip ends and the next begins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 32
_SAMPLED = 4 * _SIDE  # a cut shows in every few pixels as well
_LEAST = 6.0  # mean change of a cut, grey levels
_APART = 0.5  # of the contrast of both frames; within a shot it stays below 0.3
_SUDDEN = 2.0  # times what usually changes from frame to frame


class CutFinder:
    """Tells the first frame of each shot, from a few pixels of each frame.

    At a cut most of what is light or dark changes places, and more than it did from frame to frame before.
    """

    def __init__(self) -> None:
        self._small: NDArray[np.float32] | None = None
        self._usual = 0.0

    def __call__(self, rgb: NDArray[np.uint8]) -> bool:
        """Whether a frame (H, W, 3), uint8, begins another shot than the one before; False for the first."""
        some = cv2.resize(rgb, (_SAMPLED, _SAMPLED), interpolation=cv2.INTER_NEAREST)
        small = cv2.resize(some, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._small = self._small, small
        if before is None:
            return False
        moved = float(abs(small - before).mean())
        contrast = float(small.std() + before.std()) / 2
        cut = moved > max(_LEAST, _APART * contrast, _SUDDEN * self._usual)
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * moved
        return cut
