"""Masks that do not flicker: probabilities averaged over time in the canonical crop, where the head stands still.

Less is averaged where the face moves: near points that have gone away from where they were, as lids and lips do, and
where much of what is seen has changed, as behind a hand.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.parsing.face import Face
from facelm.pictures import affine
from facelm.video.filters import share_of

_REST = 1.2  # cut-off frequency of what stands still, Hz
_ANEW = 0.5  # share of what is newly seen around the crop
_GRID = 16  # cells along a side of the crop, in which motion is told
_REACH = 0.06  # of the side, of a point that moves
_CALM, _MOVING = 0.004, 0.012  # of the side, that a point goes: noise, and surely motion
_FLICKER, _CHANGED = 0.12, 0.35  # of a cell that changes class: noise, and surely motion

_CENTRES = np.stack(np.meshgrid(*[(np.arange(_GRID) + 0.5) / _GRID] * 2), -1).reshape(-1, 1, 2)


class MaskAverager:
    """Averages the probabilities of one face, frame after frame."""

    def __init__(self) -> None:
        self._time = 0.0
        self._crop = _Layers()
        self._context = _Layers()
        self._contexts: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None] = None, None
        self._points: NDArray[np.float64] | None = None

    def __call__(self, face: Face, points: NDArray[np.float64], time: float) -> Face:
        """The face of the next frame with averaged probabilities.

        Args:
            face: As it was parsed.
            points: (68, 2) landmarks in the picture as they were found, pixels.
            time: Seconds; later than that of the frame before.
        """
        rest = share_of(_REST, max(time - self._time, 1e-3))
        self._time = time
        there = affine.apply(face.transform, points)
        before, self._points = self._points, there
        moved = np.zeros(len(there)) if before is None else np.linalg.norm(there - before, axis=1)
        if before is not None:
            self._points = before + rest * (there - before)
        motion = ((moved - _CALM) / (_MOVING - _CALM)).clip(0, 1)
        nearness = np.exp(-((_CENTRES - there) ** 2).sum(2) / (2 * _REACH**2))
        grid = (nearness * motion).max(1).reshape(_GRID, _GRID)
        if face.context is not None and face.context is not self._contexts[0]:  # it is seen every few frames
            self._contexts = face.context, self._context(face.context, _ANEW, np.zeros_like(grid))
        context = None if face.context is None else self._contexts[1]
        return replace(face, probabilities=self._crop(face.probabilities, rest, grid), context=context)


class _Layers:
    """Probabilities (19, S, S) and their average so far."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None

    def __call__(self, layers: NDArray[np.float32], rest: float, motion: NDArray[np.float64]) -> NDArray[np.float32]:
        """The average, of which a share of ``rest`` is new, and more where there is motion, 0 to 1 in each cell."""
        if self._mean is None or self._mean.shape != layers.shape:
            self._mean = layers
            return layers
        change = layers - self._mean
        coarse = [cv2.resize(layer, (_GRID, _GRID), interpolation=cv2.INTER_AREA) for layer in change]
        changed = np.abs(coarse).sum(0) / 2
        motion = np.maximum(motion, ((changed - _FLICKER) / (_CHANGED - _FLICKER)).clip(0, 1))
        share = cv2.resize((rest + (1 - rest) * motion).astype(np.float32), layers.shape[:0:-1])
        for layer in change:
            cv2.multiply(layer, share, layer)
        self._mean = cv2.add(self._mean, change, change).astype(np.float32, copy=False)
        return self._mean
