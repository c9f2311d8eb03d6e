"""The coarse pass: where the faces of a picture are, seen at several scales."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import total
from facelm.finding.detect import Detection, detect, suppress
from facelm.pictures import affine
from facelm.pictures.crops import to_crop_pixels, widen

SMALL_SIDE = 192
"""Longer side of the picture in the first look, pixels."""

_MIDDLE_SIDE, _LARGE_SIDE = 640, 1600
_WORTH_A_LOOK = 1.3
_SEEN_FACE = 64  # height of a face that is sure to be seen, pixels
_HEAD = np.array([[0.15, 0.2], [0.85, 0.2], [0.85, 1.0], [0.15, 1.0]])  # corners, in fractions of the crop
_CLEAR_HEAD = 120  # width of a head beside which no other is hidden, pixels
_MARGIN = 24
_TILE, _OVERLAP = 1024, 192
_MOST_ENLARGED = 4
_SMALL_CROP = 120
_PORTRAIT = 0.5
_CONTEXT_SIZE = 128
_HINT_OF_SKIN = 0.3
_FACE = classes.indices(*classes.FACE)

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Pictures (N, H, W, 3) uint8 -> class probabilities (N, 19, H, W) float32, as of `FaceParser.predict`."""


@dataclass(frozen=True, eq=False)
class Look:
    """A coarse parse of a picture or a part of it.

    Attributes:
        probabilities: (19, h, w).
        scale: Picture pixels for each of theirs in x, y.
        origin: x, y of the part in the picture.
    """

    probabilities: NDArray[np.float32]
    scale: tuple[float, float]
    origin: tuple[int, int] = (0, 0)

    @property
    def side(self) -> int:
        """Of the probabilities, the longer one."""
        return max(self.probabilities.shape[1:])

    @property
    def from_picture(self) -> NDArray[np.float64]:
        """(2, 3) transform from pixels of the picture to those of the probabilities."""
        return affine.compose(affine.scaling(self.scale), np.column_stack([np.eye(2), np.negative(self.origin)]))

    def shows(self, point: NDArray[np.float64]) -> bool:
        """Whether a point of the picture, x and y, is in this part of it."""
        (x, y), (height, width) = affine.apply(self.from_picture, point[None])[0], self.probabilities.shape[1:]
        return bool(-0.5 <= x < width and -0.5 <= y < height)

    def detect(self) -> list[Detection]:
        """The faces, with transforms from pixels of the picture."""
        found = detect(self.probabilities)
        return [Detection(affine.compose(each.transform, self.from_picture), each.score) for each in found]


def search(
    predict: Predict, rgb: NDArray[np.uint8], min_face: float | None = None
) -> tuple[list[Look], list[Detection]]:
    """Look for faces at a small scale, for large ones, and at larger scales, for small ones.

    Args:
        predict: The network.
        rgb: (H, W, 3) uint8.
        min_face: Height of the smallest faces to look for, brows to chin, pixels; None follows the picture.

    Returns:
        The looks, coarsest first, and the faces, best first.
    """
    looks = [look(predict, rgb, SMALL_SIDE)]
    detections = looks[0].detect()
    longer = max(rgb.shape[:2])
    if not min_face and any(face.side > _PORTRAIT * longer for face in detections):
        return looks, detections
    whole, seen = looks[0], SMALL_SIDE  # whole: the finest look at all of the picture
    # Enlarging a picture is worth its time only where nothing was found so far, or where faces are small.
    for enlarge in (1, 2, _MOST_ENLARGED):
        wanted = longer * (min(enlarge, _SEEN_FACE / min_face) if min_face else enlarge)
        largest = round(min(_LARGE_SIDE, wanted))
        if seen * _WORTH_A_LOOK < (middle := min(largest, _MIDDLE_SIDE)):
            whole, seen = look(predict, rgb, middle), middle
            looks.append(whole)
            detections = suppress(detections + whole.detect())
        if seen * _WORTH_A_LOOK < largest:
            closer, seen = _look_closer(predict, rgb, largest, whole, detections), largest
            looks += closer
            if not detections:
                whole = closer[0]
            detections = suppress(detections + [face for each in closer for face in each.detect()])
        if not min_face and _are_found(detections, enlarge):
            break
    if min_face and wanted > _LARGE_SIDE * _WORTH_A_LOOK:
        for tile in _look_at_tiles(predict, rgb, wanted / longer, whole):
            found = suppress(detections + tile.detect())
            if len(found) > len(detections):
                looks.append(tile)
            detections = found
    return looks, detections


def _look_closer(
    predict: Predict, rgb: NDArray[np.uint8], side: int, whole: Look, detections: Sequence[Detection]
) -> list[Look]:
    """Parse the part of a picture where there is skin beside the faces that are large enough to be sure of.

    Where nobody was found yet, that is all of it: small faces may not have shown as skin.

    Args:
        predict: The network.
        rgb: The picture.
        side: Length that the picture's longer side would have at the scale of this look, pixels.
        whole: A look at it all.
        detections: The faces so far.

    Returns:
        One look, or none where there is no such part.
    """
    if not detections:
        return [look(predict, rgb, side)]
    skin = (total(whole.probabilities, _FACE) > _HINT_OF_SKIN).astype(np.uint8)
    for face in detections:
        corners = affine.apply(affine.compose(whole.from_picture, affine.invert(face.transform)), _HEAD)
        if np.linalg.norm(corners[1] - corners[0]) > _CLEAR_HEAD:
            cv2.fillPoly(skin, [np.rint(corners).astype(np.int32)], 0)
    x, y, width, height = cv2.boundingRect(skin)
    if not width:
        return []
    part = np.array([[x - _MARGIN, y - _MARGIN], [x + width + _MARGIN, y + height + _MARGIN]], float)
    edges = np.rint(affine.apply(affine.invert(whole.from_picture), part)).astype(int)
    (left, top), (right, bottom) = edges.clip(0, (rgb.shape[1], rgb.shape[0]))
    piece = rgb[top:bottom, left:right]
    scale = side / max(rgb.shape[:2])
    return [replace(look(predict, piece, max(1, round(scale * max(piece.shape[:2])))), origin=(int(left), int(top)))]


def _are_found(detections: Sequence[Detection], enlarge: int) -> bool:
    """Whether enlarging the picture further is not worth the time."""
    if not detections:
        return enlarge > 1
    return min(face.side for face in detections) > _SMALL_CROP


def _look_at_tiles(predict: Predict, rgb: NDArray[np.uint8], shrink: float, whole: Look) -> Iterator[Look]:
    """Parse the picture, reduced by a factor, in overlapping squares: those in which a look at it all shows skin."""
    height, width = rgb.shape[:2]
    size, step = round(_TILE / shrink), round((_TILE - _OVERLAP) / shrink)
    skin = total(whole.probabilities, _FACE)
    for top in range(0, max(1, height - size + step), step):
        for left in range(0, max(1, width - size + step), step):
            x, y = (affine.apply(whole.from_picture, np.array([[left, top], [left + size, top + size]])) + 0.5).T
            rows, columns = (slice(max(0, int(start)), int(end) + 1) for start, end in (y, x))
            if skin[rows, columns].max(initial=0) > _HINT_OF_SKIN:
                part = rgb[top : top + size, left : left + size]
                yield replace(look(predict, part, max(1, round(shrink * max(part.shape[:2])))), origin=(left, top))


def look(predict: Predict, rgb: NDArray[np.uint8], side: int) -> Look:
    """Parse the whole picture, its longer side reduced (or enlarged) to ``side`` pixels."""
    small = shrink(rgb, side)
    scale = rgb.shape[1] / small.shape[1], rgb.shape[0] / small.shape[0]
    return Look(predict(small[None])[0], scale)


def shrink(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture with its longer side reduced (or enlarged) to ``side`` pixels."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(np.uint8)


def see_context(looks: Sequence[Look], detection: Detection) -> NDArray[np.float32]:
    """The surroundings of a face, from the coarsest look that shows it large enough."""
    showing = [each for each in looks if each.shows(detection.centre)] or looks[:1]
    clear = [each for each in showing if detection.side / max(each.scale) >= _CONTEXT_SIZE]
    chosen = clear[0] if clear else showing[-1]
    to_wide = to_crop_pixels(widen(detection.transform), _CONTEXT_SIZE)
    matrix = affine.compose(to_wide, affine.invert(chosen.from_picture))
    square = (_CONTEXT_SIZE, _CONTEXT_SIZE)
    context = np.stack([cv2.warpAffine(layer, matrix, square) for layer in chosen.probabilities]).astype(np.float32)
    context[0] += 1 - context.sum(0)
    return context
