"""Other views of a picture: longer exposed, and where nobody was found, in evener light and turned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_DARK = 128
_LIGHT = 230
_SPOT = 8
_CLIP = 4.0
_TILES = (4, 4)


def expose(rgb: NDArray[np.uint8], part: tuple[slice, slice] = np.s_[:, :]) -> NDArray[np.uint8]:
    """Make a dark picture as light as most pictures are.

    Args:
        rgb: (H, W, 3) uint8.
        part: Rows and columns that are to become light.

    Returns:
        The same picture, multiplied so that the lightest spot of 8 x 8 pixels in the part is light, where that is
        darker than half of what a pixel can be; otherwise the picture as it is.
    """
    height, width = (max(1, side // _SPOT) for side in rgb[part].shape[:2])
    lightest = int(cv2.resize(rgb[part], (width, height), interpolation=cv2.INTER_AREA).max())
    return rgb if lightest >= _DARK else cv2.convertScaleAbs(rgb, alpha=_LIGHT / max(lightest, 1)).astype(np.uint8)


def brighten(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Even out the light of a picture (contrast limited adaptive histogram equalisation; Zuiderveld 1994).

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        The same, with its lightness equalised.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(_CLIP, _TILES).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8)


def turn(rgb: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    """The picture turned counterclockwise by quarters."""
    return np.ascontiguousarray(np.rot90(rgb, quarters))


def turn_transform(quarters: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The (2, 3) transform from pixels of a picture to those of the picture that `turn` makes of it.

    Args:
        quarters: 1, 2 or 3.
        shape: Of the picture, height and width first.
    """
    right, bottom = shape[1] - 1.0, shape[0] - 1.0
    return {
        1: np.array([[0, 1, 0], [-1, 0, right]]),
        2: np.array([[-1, 0, right], [0, -1, bottom]]),
        3: np.array([[0, -1, bottom], [1, 0, 0]]),
    }[quarters]
