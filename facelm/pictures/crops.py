"""The canonical crop of a face, upright and at one scale: where its parts are, and how it is cut out of a picture.

The canonical crop is framed as CelebA-HQ is: eyes a little above the middle, a face's width to spare on
either side. Its coordinates are fractions of its side, so the same alignment serves every crop size.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.pictures import affine

PLACES: dict[str, tuple[float, float]] = {
    "r_brow": (0.369, 0.415),
    "l_brow": (0.628, 0.415),
    "r_eye": (0.377, 0.478),
    "l_eye": (0.622, 0.478),
    "nose": (0.499, 0.577),
    "lips": (0.499, 0.746),
    "eye_g": (0.499, 0.492),
}
"""Centroids of the parts of a frontal face in the canonical crop: medians over CelebAMask-HQ, fractions of the side."""

FIVE_PLACES = ((0.378, 0.479), (0.622, 0.479), (0.5, 0.629), (0.395, 0.736), (0.605, 0.736))
"""Right eye, left eye, tip of the nose, right and left corner of the mouth in the canonical crop, likewise."""

MIDDLE = (0.5, 0.58)
"""The middle of the face, a little above the tip of the nose."""

_WEIGHTS: dict[str, float] = {"brow": 0.5, "eye": 1, "nose": 1, "lips": 1, "ear": 0.5, "eye_g": 0.5}
"""How much a part's centroid counts in the fit: brows move with the expression."""

_FIVE_WEIGHTS = (1.0, 1.0, 0.5, 1.0, 1.0)  # the tip of the nose moves when a head turns


def align(parts: Mapping[str, tuple[float, float]]) -> NDArray[np.float64]:
    """The transform that brings the parts of a face to their canonical places.

    Args:
        parts: x, y centroids in the picture, pixels, of some of ``PLACES``; at least two.

    Returns:
        (2, 3) matrix from picture pixels to fractions of the canonical crop.

    Raises:
        ValueError: There are fewer than two parts, or all are in one place.
    """
    if len(parts) < 2:
        raise ValueError("a face needs two parts to be aligned")
    names = list(parts)
    return affine.fit_similarity(
        np.array([parts[name] for name in names], float),
        np.array([PLACES[name] for name in names]),
        np.array([_WEIGHTS[kind(name)] for name in names]),
    )


def align_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform that brings five points of a face (5, 2) to ``FIVE_PLACES``; as `align`, in pixels."""
    return affine.fit_similarity(points, np.array(FIVE_PLACES), np.array(_FIVE_WEIGHTS))


def kind(part: str) -> str:
    """What a part is, left or right."""
    return part.removeprefix("l_").removeprefix("r_")


def to_crop_pixels(transform: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Turn a transform to crop fractions into one to crop pixels, whose (0, 0) is a pixel's centre."""
    matrix = transform * size
    matrix[:, 2] -= 0.5
    return matrix


def widen(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform to fractions of a square twice as wide, with the same centre."""
    wide = transform / 2
    wide[:, 2] += 0.25
    return wide


def cut_crop(rgb: NDArray[np.uint8], transform: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Cut the canonical crop out of a picture, black where the picture ends.

    Args:
        rgb: (H, W, 3) uint8.
        transform: (2, 3) from picture pixels to crop fractions.
        size: Side of the crop, pixels.

    Returns:
        (size, size, 3) uint8, area-averaged where the crop is smaller than the face in the picture.
    """
    return warp(rgb, to_crop_pixels(transform, size), (size, size))


def warp(rgb: NDArray[np.uint8], matrix: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Look at a picture through an affine transform, black where it ends.

    Args:
        rgb: (H, W, 3) uint8.
        matrix: (2, 3) from picture pixels to those of what comes out.
        shape: Its height and width.

    Returns:
        (*shape, 3) uint8, area-averaged where it is smaller than in the picture.
    """
    height, width = shape
    factor = int(1 / max(float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))), 1e-6))
    if factor > 1:
        # A warp takes single pixels: first blocks of them become one, in the part of the picture that is seen.
        ends = np.array([[-0.5, -0.5], [width, -0.5], [-0.5, height], [width, height]])
        corners = affine.apply(affine.invert(matrix), ends)
        x0, y0 = np.clip(np.floor(corners.min(0)).astype(int), 0, (rgb.shape[1], rgb.shape[0]))
        x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int) + factor, 0, (rgb.shape[1], rgb.shape[0]))
        across, down = (x1 - x0) // factor, (y1 - y0) // factor
        if across and down:
            part = rgb[y0 : y0 + down * factor, x0 : x0 + across * factor]
            rgb = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA).astype(np.uint8)
            # Pixel centres: small + 0.5 = (large + 0.5 - corner) / factor.
            shift = np.array([x0, y0]) + 0.5 * factor - 0.5
            matrix = np.column_stack([matrix[:, :2] * factor, matrix[:, :2] @ shift + matrix[:, 2]])
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR).astype(np.uint8)


def find_inside(shape: tuple[int, ...], transform: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """Where the canonical crop lies inside the picture: (size, size).

    Args:
        shape: Of the picture, height and width first.
        transform: (2, 3) from picture pixels to crop fractions.
        size: Side of the crop, pixels.
    """
    to_picture = affine.invert(to_crop_pixels(transform, size))
    inside = np.ones((size, size), bool)
    corners = affine.apply(to_picture, np.array([(0, 0), (size - 1, 0), (0, size - 1), (size - 1, size - 1)], float))
    if (corners >= -0.5).all() and (corners < np.array(shape[1::-1]) - 0.5).all():
        return inside
    at = np.arange(size)
    for (along_x, along_y, start), length in zip(to_picture, (shape[1], shape[0]), strict=True):
        place = along_x * at + along_y * at[:, None] + start
        inside &= (place >= -0.5) & (place < length - 0.5)
    return inside
