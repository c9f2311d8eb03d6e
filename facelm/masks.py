"""Masks of whole pictures: the parsed faces put back in their places, as class indices or probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import align, classes, images
from facelm.detect import MIDDLE
from facelm.face import Face, widen

_BAND = 256
_NEAR = 10.0
_FEATHER = 0.04
_CONTEXT_WEIGHT = 0.05


def paste(faces: Sequence[Face], height: int, width: int) -> NDArray[np.uint8]:
    """The mask of a picture: all faces put back in their places.

    Where crops overlap, their probabilities are averaged, and the nearer face counts more.

    Args:
        faces: What ``FaceParser.parse`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Returns:
        (height, width) uint8 class indices; background where no crop reaches.
    """
    mask = np.zeros((height, width), np.uint8)
    for rows, band in paste_bands(faces, height, width):
        mask[rows] = band.argmax(0)
    return mask


def paste_instances(faces: Sequence[Face], height: int, width: int) -> NDArray[np.uint16]:
    """Which face each pixel belongs to, hair and clothes included.

    Args:
        faces: What ``FaceParser.parse`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Returns:
        (height, width) uint16: 0 where the mask of ``paste`` is background, else one more than the index in ``faces``.
    """
    best = np.zeros((height, width), np.float32)
    owner = np.zeros((height, width), np.uint16)
    total = np.zeros((height, width), np.float32)
    for index, face in enumerate(faces, 1):
        share = np.zeros((1, height, width), np.float32)
        _add_face(
            share, total, replace(face, probabilities=1 - face.probabilities[:1], context=1 - face.context[:1]), 0
        )
        nearer = share[0] > best
        best[nearer], owner[nearer] = share[0][nearer], index
    owner[paste(faces, height, width) == 0] = 0
    return owner


def paste_probabilities(faces: Sequence[Face], height: int, width: int) -> NDArray[np.float16]:
    """The class probabilities behind ``paste``: (19, height, width) float16, adding up to 1."""
    whole = np.zeros((len(classes.CLASSES), height, width), np.float16)
    for rows, band in paste_bands(faces, height, width):
        whole[:, rows] = band
    return whole


def write_probabilities(path: Path, probabilities: NDArray[np.float16]) -> None:
    """Write probabilities as ``.npz``: the array ``probabilities``, and ``classes``, the names of its layers.

    Raises:
        facelm.images.ImageError: The file cannot be written.
    """
    with images.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, probabilities=probabilities, classes=np.array(classes.NAMES))


def paste_bands(faces: Sequence[Face], height: int, width: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The pasted probabilities, a band of rows at a time, so that large pictures need little memory.

    Yields:
        The rows, and their probabilities (19, rows, width) float32.
    """
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height))
        band = np.zeros((len(classes.CLASSES), rows.stop - top, width), np.float32)
        total = np.full(band.shape[1:], 1e-3, np.float32)
        band[0] = total
        for face in faces:
            _add_face(band, total, face, top)
        band /= total
        yield rows, band


def _add_face(band: NDArray[np.float32], total: NDArray[np.float32], face: Face, top: int) -> None:
    _add_layers(band, total, face.probabilities, _weights(face.probabilities.shape[1]), face.to_crop, top)
    size = face.context.shape[1]
    weights = _CONTEXT_WEIGHT * _weights(size)
    _add_layers(band, total, face.context, weights, align.to_crop_pixels(widen(face.transform), size), top)


def _add_layers(
    band: NDArray[np.float32],
    total: NDArray[np.float32],
    layers: NDArray[np.float32],
    weights: NDArray[np.float32],
    to_layers: NDArray[np.float64],
    top: int,
) -> None:
    """Add weighted probabilities (19, S, S) to the band of the picture that begins at row ``top``, in place."""
    size = layers.shape[1]
    corners = align.apply(align.invert(to_layers), np.array([[0, 0], [size, 0], [0, size], [size, size]]) - 0.5)
    x0, y0 = np.floor(corners.min(0) - (0, top)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(corners.max(0) - (0, top)).astype(int) + 1, (band.shape[2], band.shape[1]))
    if x1 <= x0 or y1 <= y0:
        return
    matrix = to_layers.copy()
    matrix[:, 2] += matrix[:, :2] @ (x0, y0 + top)
    there = (slice(y0, y1), slice(x0, x1))

    def warp(layer: NDArray[np.float32]) -> NDArray[np.float32]:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(layer, matrix, (int(x1 - x0), int(y1 - y0)), flags=flags).astype(np.float32)

    total[there] += warp(weights)
    for index, layer in enumerate(layers):
        band[index][there] += warp(layer * weights)


def _weights(size: int) -> NDArray[np.float32]:
    """Weight of each pixel of a crop: falls with the distance from the face, and to nothing at the border."""
    at = (np.arange(size) + 0.5) / size
    edge = np.clip(np.minimum(at, 1 - at) / _FEATHER, 0, 1)
    near_x, near_y = (np.exp(-_NEAR * (at - middle) ** 2) for middle in MIDDLE)
    return np.outer(edge * near_y, edge * near_x).astype(np.float32)
