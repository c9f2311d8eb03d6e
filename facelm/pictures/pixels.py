"""Pixels of a decoded picture: upright RGB of eight bits, whatever the file held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from facelm.pictures.depths import lay_on_white

_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
"""By EXIF orientation, what OpenCV flips: rows (0), columns (1) or both (-1); from 5 on after it has transposed."""


def to_upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a decoded picture, upright.

    `facelm.pictures.images.decode` says what becomes of transparency, orientation and other depths.

    Args:
        image: Any picture that PIL has loaded.

    Returns:
        uint8 (H, W, 3), C-contiguous and writable.
    """
    return turn_upright(_to_rgb(image), orientation_of(image))


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a decoded picture as a new uint8 array (H, W, 3), not yet turned upright."""
    if image.mode == "F" or image.mode.startswith("I"):  # PIL clips these at 255 instead of scaling them
        return lay_on_white(np.asarray(image)[:, :, None])
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation of a loaded picture, 1 (upright) to 8; 1 if there is none that makes sense."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a picture with damaged EXIF data is still a picture
        return 1
    return int(value) if value in range(1, 9) else 1


def turn_upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A stored picture (H, W, 3) turned and mirrored as its EXIF orientation says, C-contiguous."""
    if orientation == 1:
        return rgb
    import cv2

    turned = cv2.transpose(rgb) if orientation >= 5 else rgb
    if orientation in _FLIPS:
        turned = cv2.flip(turned, _FLIPS[orientation])
    return turned.astype(np.uint8, copy=False)
