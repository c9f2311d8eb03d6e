"""What callers of the library hand over: pictures and boxes, checked, with a sentence where they will not do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facelm.pictures.pixels import to_upright_rgb


def as_picture(picture: object) -> NDArray[np.uint8]:
    """A picture as an array.

    Args:
        picture: (H, W, 3) uint8, or a picture of PIL, which is turned upright.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: It is something else, or has no pixels.
    """
    if isinstance(picture, Image.Image):
        picture = to_upright_rgb(picture)
    if not isinstance(picture, np.ndarray):
        raise ValueError(f"a picture is an array (H, W, 3) uint8 or a picture of PIL, not a {type(picture).__name__}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"a picture is (H, W, 3) uint8 and has pixels, not {picture.shape} {picture.dtype}")
    return picture


def check_boxes(boxes: Sequence[Sequence[float]]) -> None:
    """Make sure that boxes are corners, x0, y0, x1, y1, of a part of a picture.

    Args:
        boxes: In pixels.

    Raises:
        ValueError: A box is not; it may be x, y, width, height.
    """
    for box in boxes:
        corners = np.asarray(box, dtype=float)
        if corners.shape != (4,) or not np.isfinite(corners).all():
            raise ValueError(f"a box is four finite numbers x0, y0, x1, y1, not {box}")
        x0, y0, x1, y1 = corners
        if not (x0 < x1 and y0 < y1):
            raise ValueError(f"a box needs x0 < x1 and y0 < y1, not {box}; is it x, y, width, height?")


def check_options(batch: int, min_face: float | None, threads: int) -> None:
    """Make sure that the numbers a parser is given make sense.

    Raises:
        ValueError: ``batch`` or ``threads`` is below 1, or ``min_face`` is not above 0.
    """
    if batch < 1 or threads < 1:
        raise ValueError(f"batch and threads are 1 at least, not {batch} and {threads}")
    if min_face is not None and not min_face > 0:
        raise ValueError(f"min_face is a height in pixels above 0, not {min_face}")
