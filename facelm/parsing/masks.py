"""Masks of whole pictures: the parsed faces put back in their places, as class indices or probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import select, total
from facelm.parsing.face import Face
from facelm.pictures import affine, files
from facelm.pictures.crops import MIDDLE, to_crop_pixels, widen
from facelm.pictures.room import BYTES_A_PIXEL

PROBABILITIES_WEIGHT = 1 + np.dtype(np.float16).itemsize * len(classes.CLASSES) / BYTES_A_PIXEL
"""How many times as much memory a picture needs of which all probabilities are wanted, for `facelm.pictures.room`."""

_BAND_PIXELS = 4_000_000
_NEAR = 10.0
_FEATHER = 0.04
_CONTEXT_WEIGHT = 0.05
_NOWHERE = 1e-3
"""Weight of the background where no crop reaches."""

_TOO_FAINT = 0.1
"""Probability below which a class is not looked at for the mask."""


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
    sheets = [sheet for face in faces for sheet in _sheets(face)]
    for rows in _bands(height, width):
        best = np.full((rows.stop - rows.start, width), _NOWHERE, np.float32)
        for index in range(len(classes.CLASSES)):
            patches = [patch for sheet in sheets if (patch := sheet.paste(index, rows, width, _TOO_FAINT))]
            for there, layer in _join(patches):
                highest, labels = best[there], mask[rows][there]
                if index == 0:
                    cv2.add(highest, layer, highest)
                    continue
                higher = cv2.compare(layer, highest, cv2.CMP_GT)
                # Indices grow from class to class, so the latest winner has the largest.
                cv2.max(labels, higher & np.uint8(index), labels)
                cv2.max(highest, layer, highest)
    return mask


def paste_instances(
    faces: Sequence[Face], height: int, width: int, mask: NDArray[np.uint8] | None = None
) -> NDArray[np.uint16]:
    """Which face each pixel belongs to, hair and clothes included.

    This decides what a face owns: a crop also shows parts of the faces next to it, so nothing that is said of one face
    of a picture may be counted in its crop alone.

    Args:
        faces: What ``FaceParser.parse`` found, all of them.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        mask: What ``paste`` makes of the same faces, where it is there already.

    Returns:
        (height, width) uint16: 0 where the mask of ``paste`` is background, else one more than the index in ``faces``.
    """
    owner = np.zeros((height, width), np.uint16)
    for rows in _bands(height, width):
        best = np.zeros((rows.stop - rows.start, width), np.float32)
        for number, face in enumerate(faces, 1):
            not_background = [replace(sheet, layers=1 - sheet.layers[:1]) for sheet in _sheets(face)]
            patches = [patch for sheet in not_background if (patch := sheet.paste(0, rows, width))]
            for there, layer in _join(patches):
                nearer = layer > best[there]
                best[there][nearer], owner[rows][there][nearer] = layer[nearer], number
    owner[(paste(faces, height, width) if mask is None else mask) == 0] = 0
    return owner


def paste_probabilities(faces: Sequence[Face], height: int, width: int) -> NDArray[np.float16]:
    """The class probabilities behind ``paste``: (19, height, width) float16, adding up to 1."""
    whole = np.zeros((len(classes.CLASSES), height, width), np.float16)
    sheets = [sheet for face in faces for sheet in _sheets(face)]
    for rows in _bands(height, width):
        weight = np.full((rows.stop - rows.start, width), _NOWHERE, np.float32)
        ones = [replace(sheet, layers=np.ones_like(sheet.layers[:1])) for sheet in sheets]
        for there, layer in _join([patch for sheet in ones if (patch := sheet.paste(0, rows, width))]):
            weight[there] += layer
        whole[0, rows] = _NOWHERE / weight
        for index in range(len(classes.CLASSES)):
            for there, layer in _join([patch for sheet in sheets if (patch := sheet.paste(index, rows, width))]):
                whole[index, rows][there] += (layer / weight[there]).astype(np.float16)
    return whole


def paste_opacity(
    faces: Sequence[Face], height: int, width: int, members: Sequence[int], mask: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """How surely a pixel has one of some classes, to cut them out with soft edges.

    Args:
        faces: What ``FaceParser.parse`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        members: Indices of the classes.
        mask: What ``paste`` makes of the same faces, to keep only what hangs together with some of a bare face.

    Returns:
        (height, width) uint8: 0 up to a probability of 0.3, 255 from 0.7 on, and even in between.
    """
    share = np.zeros((height, width), np.float32)
    sheets = [sheet for face in faces for sheet in _sheets(face)]
    summed = [replace(sheet, layers=total(sheet.layers, members)[None]) for sheet in sheets]
    ones = [replace(sheet, layers=np.ones_like(sheet.layers[:1])) for sheet in sheets]
    for rows in _bands(height, width):
        weight = np.full((rows.stop - rows.start, width), _NOWHERE, np.float32)
        for target, layers in ((weight, ones), (share[rows], summed)):
            for there, layer in _join([patch for sheet in layers if (patch := sheet.paste(0, rows, width))]):
                target[there] += layer
        share[rows] /= weight
    opacity = cv2.convertScaleAbs((share - 0.3).clip(0), alpha=255 / 0.4).astype(np.uint8, copy=False)
    if mask is None:
        return opacity
    count, parts = cv2.connectedComponents((opacity > 0).view(np.uint8))
    kept = np.zeros(count, np.bool_)
    kept[parts[select(mask, classes.indices(*classes.CORE)) > 0]] = True
    return np.where(kept[parts], opacity, 0).astype(np.uint8, copy=False)


def write_probabilities(path: Path, probabilities: NDArray[np.float16]) -> None:
    """Write probabilities as ``.npz``: the array ``probabilities``, and ``classes``, the names of its layers.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    with files.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, probabilities=probabilities, classes=np.array(classes.NAMES))


Patch = tuple[tuple[slice, slice], NDArray[np.float32]]
"""A piece of a band of the picture: where it is, and its values."""


@dataclass(frozen=True, eq=False)
class _Sheet:
    """Probabilities that are to be put back into a picture.

    Attributes:
        layers: (C, S, S).
        weights: (S, S), of each pixel.
        to_layers: (2, 3) transform from picture pixels to those of the layers.
    """

    layers: NDArray[np.float32]
    weights: NDArray[np.float32]
    to_layers: NDArray[np.float64]

    @cached_property
    def _to_picture(self) -> NDArray[np.float64]:
        return affine.invert(self.to_layers)

    def paste(self, index: int, rows: slice, width: int, faint: float = 0.0) -> Patch | None:
        """The weighted probabilities of a class in a band of rows of a picture, where they are not too faint."""
        layer = self.layers[index]
        x, y, across, down = cv2.boundingRect((layer > faint).view(np.uint8))
        if not across:
            return None
        # One pixel more on each side: between that and the last one probabilities fade.
        left, top = max(0, x - 1), max(0, y - 1)
        right, bottom = min(len(layer), x + across + 1), min(len(layer), y + down + 1)
        corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]]) - 0.5
        there = affine.apply(self._to_picture, corners) - (0, rows.start)
        x0, y0 = np.floor(there.min(0)).astype(int).clip(0)
        x1, y1 = np.minimum(np.ceil(there.max(0)).astype(int) + 1, (width, rows.stop - rows.start))
        if x1 <= x0 or y1 <= y0:
            return None
        matrix = self.to_layers.copy()
        matrix[:, 2] += matrix[:, :2] @ (x0, y0 + rows.start) - (left, top)
        part = (slice(top, bottom), slice(left, right))
        values = cv2.warpAffine(
            layer[part] * self.weights[part],
            matrix,
            (int(x1 - x0), int(y1 - y0)),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        return (slice(y0, y1), slice(x0, x1)), values.astype(np.float32, copy=False)


def _sheets(face: Face) -> Iterator[_Sheet]:
    """What is known of a face: its crop, and less surely what is around it."""
    yield _Sheet(face.probabilities, _weights(face.probabilities.shape[1]), face.to_crop)
    if face.context is None:
        return
    size = face.context.shape[1]
    yield _Sheet(face.context, _CONTEXT_WEIGHT * _weights(size), to_crop_pixels(widen(face.transform), size))


def _bands(height: int, width: int) -> Iterator[slice]:
    """Rows of the picture, so many at a time that large pictures need little memory."""
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _join(patches: Sequence[Patch]) -> Iterator[Patch]:
    """The sum of patches, as one that bounds them all; nothing if there are none."""
    if len(patches) < 2:
        yield from patches
        return
    edges = np.array([(rows.start, rows.stop, columns.start, columns.stop) for (rows, columns), _ in patches])
    top, left, bottom, right = edges[:, 0].min(), edges[:, 2].min(), edges[:, 1].max(), edges[:, 3].max()
    whole = (slice(top, bottom), slice(left, right))
    joined = next((values for there, values in patches if there == whole), None)
    if joined is None:
        joined = np.zeros((bottom - top, right - left), np.float32)
    for (rows, columns), values in patches:
        if values is not joined:
            part = joined[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            cv2.add(part, values, part)
    yield whole, joined


@cache
def _weights(size: int) -> NDArray[np.float32]:
    """Weight of each pixel of a crop: falls with the distance from the face, and to nothing at the border."""
    at = (np.arange(size) + 0.5) / size
    edge = np.clip(np.minimum(at, 1 - at) / _FEATHER, 0, 1)
    near_x, near_y = (np.exp(-_NEAR * (at - middle) ** 2) for middle in MIDDLE)
    return np.outer(edge * near_y, edge * near_x).astype(np.float32)
