"""Face parsing: the finder says where the faces of a picture are, and the parsing network sees each of them upright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from facelm import classes
from facelm.engines.engine import STRIDE
from facelm.engines.open import open_engine
from facelm.finding.finder import MIN_SCORE, Detection, Finder
from facelm.parsing.face import Face, bound_face
from facelm.parsing.islands import drop_islands
from facelm.parsing.neighbours import part_boxes
from facelm.pictures import affine, views
from facelm.pictures.choice import reading_order
from facelm.pictures.crops import align_points, cut_crop, find_inside, widen
from facelm.pictures.inputs import as_picture, check_boxes, check_options

CONTEXT_SIZE = 192
"""Side of what is around a crop, as the network sees it, pixels."""

_SMALL_SHARE = 2 / 3  # of the crop; smaller faces are enlarged no further, for blurred parts are not seen
_BORDER = 0.04
_MIDDLE = np.s_[0.44:0.8, 0.36:0.64]  # rows and columns of the face, in its crop
_LIT = np.s_[0.4:0.8, 0.3:0.7]
# A logistic regression on validation photographs (recipes/face_score.py): powers of the finder's odds and of those of
# the parts of the face, and what they are multiplied by.
_POWER, _PARTS_POWER, _FACTOR = 1.33, 0.463, 12
_FINE, _FINEST = 100, 200  # side of the crop in the picture, pixels
_LEAST_PARTS = 1e-4
_PARTS = classes.indices(*(name for name in classes.CORE if name != "skin"))


class FaceParser:
    """Finds the faces of a picture and parses each.

    Args:
        weights: Name of a shipped model (``tiny``, ``lite``, ``resnet50``) or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch: Face crops that go through the network at once.
        flip: Average each crop with its mirror image: a little better, at twice the time.
        min_face: Height of the smallest faces to look for, brows to chin, pixels; by default as
            `facelm.finding.finder.Finder.find` has it.
        threads: How many threads will call ``parse`` at once.
        min_score: Probability from which on what looks like a face is told as one.

    Raises:
        facelm.ModelError: The model or the device is not there.
        ValueError: A number makes no sense.
    """

    def __init__(
        self,
        weights: str = "lite",
        device: str = "auto",
        batch: int = 8,
        flip: bool = False,
        min_face: float | None = None,
        threads: int = 1,
        min_score: float = MIN_SCORE,
    ) -> None:
        check_options(batch, min_face, threads)
        self._given = (weights, device, batch, flip, min_face, threads, min_score)
        self.engine = open_engine(weights, device, threads)
        self.finder = Finder(threads)
        self.info = self.engine.info
        self.batch = batch
        self.flip = flip
        self.min_face = min_face
        self.min_score = min_score

    def __reduce__(self) -> tuple[type[FaceParser], tuple[object, ...]]:
        """A parser that is sent to another process is opened there anew."""
        return FaceParser, self._given

    def parse(self, rgb: NDArray[np.uint8] | Image) -> list[Face]:
        """Find and parse all faces.

        Args:
            rgb: (H, W, 3) uint8, as ``facelm.read`` gives it, or a picture of PIL.

        Returns:
            Faces in reading order, row by row from the top, each from the left; an empty list when there is nobody.

        Raises:
            ValueError: The picture has another shape or type.
        """
        rgb = as_picture(rgb)
        faces = self.parse_detections(rgb, self.finder.find(rgb, self.min_face, self.min_score))
        told = [face for face in faces if face.score >= self.min_score]
        return [told[at] for at in reading_order([face.box for face in told])]

    def parse_boxes(
        self, rgb: NDArray[np.uint8] | Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Face]:
        """Parse the faces that another detector found.

        Args:
            rgb: As for `parse`.
            boxes: x0, y0, x1, y1 of each face, pixels; with or without its forehead.

        Returns:
            A face for each box, in their order; its score is 0 where no face is seen.

        Raises:
            ValueError: The picture has another shape or type, or a box is none.
        """
        rgb = as_picture(rgb)
        check_boxes(boxes)
        return self.parse_detections(rgb, [self.finder.find_in_box(rgb, box) for box in boxes])

    def parse_detections(
        self, rgb: NDArray[np.uint8], detections: Sequence[Detection], around: Sequence[bool] | None = None
    ) -> list[Face]:
        """Parse the faces that were found: one for each detection, in their order.

        Where the crop shows no parts of a face it is less likely to be one.

        Args:
            rgb: (H, W, 3) uint8.
            detections: The faces.
            around: Of which of them to see also what goes on beyond the crop; by default of all.
        """
        transforms = [align_points(detection.points) for detection in detections]
        sides = [1 / np.sqrt(abs(np.linalg.det(transform[:, :2]))) for transform in transforms]
        parsed = self._parse_crops(rgb, transforms, [self._choose_size(side) for side in sides])
        contexts = self._look_around(rgb, transforms, [labels for _, labels, _ in parsed], around)
        faces = []
        for detection, transform, side, (probabilities, labels, crop), context in zip(
            detections, transforms, sides, parsed, contexts, strict=True
        ):
            inside = find_inside(rgb.shape, transform, len(labels))
            score = _agree(detection.score, see_parts(probabilities, side))
            box = bound_face(labels, inside, transform)
            faces.append(Face(box, score, transform, probabilities, inside, context, crop))
        return part_boxes(faces, *rgb.shape[:2])

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on pictures of one size, as they are.

        Args:
            rgb: (N, H, W, 3) uint8; H and W are padded for the network.

        Returns:
            (N, 19, H, W) float32 class probabilities.
        """
        height, width = rgb.shape[1:3]
        padded = np.pad(rgb, ((0, 0), (0, -height % STRIDE), (0, -width % STRIDE), (0, 0)))
        return self.engine.predict(padded)[..., :height, :width]

    def _choose_size(self, side: float) -> int:
        small = round(self.info.size * _SMALL_SHARE / STRIDE) * STRIDE
        return small if side < small else self.info.size

    def _parse_crops(
        self, rgb: NDArray[np.uint8], transforms: Sequence[NDArray[np.float64]], sizes: Sequence[int]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]]:
        """Probabilities and labels of crops, and the crops; dark faces, as against the light, are exposed longer."""
        crops = [
            views.expose(cut_crop(rgb, transform, size), _part(size, _LIT))
            for transform, size in zip(transforms, sizes, strict=True)
        ]
        predicted = self._predict_crops(crops)
        return [(each, drop_islands(each), crop) for each, crop in zip(predicted, crops, strict=True)]

    def _predict_crops(self, crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The probabilities of each crop; those of one size go through the network together."""
        predicted: dict[int, NDArray[np.float32]] = {}
        for side in sorted({len(crop) for crop in crops}):
            chosen = [at for at, crop in enumerate(crops) if len(crop) == side]
            for start in range(0, len(chosen), self.batch):
                chunk = chosen[start : start + self.batch]
                views_of = np.stack([crops[at] for at in chunk])
                found = self.predict(views_of)
                if self.flip:
                    mirrored = self.predict(np.ascontiguousarray(views_of[:, :, ::-1]))[:, classes.MIRRORED]
                    found = (found + mirrored[..., ::-1]) * np.float32(0.5)
                predicted |= zip(chunk, found, strict=True)
        return [predicted[at] for at in range(len(crops))]

    def _look_around(
        self,
        rgb: NDArray[np.uint8],
        transforms: Sequence[NDArray[np.float64]],
        labels: Sequence[NDArray[np.uint8]],
        around: Sequence[bool] | None,
    ) -> list[NDArray[np.float32] | None]:
        """The surroundings of each face, coarsely, where something goes on beyond the border of its crop."""
        contexts: list[NDArray[np.float32] | None] = [None] * len(transforms)
        wanted = [
            at
            for at, (transform, crop) in enumerate(zip(transforms, labels, strict=True))
            if (around is None or around[at]) and _goes_on(crop, transform, rgb.shape)
        ]
        crops = [cut_crop(rgb, widen(transforms[at]), CONTEXT_SIZE) for at in wanted]
        for at, probabilities in zip(wanted, self._predict_crops(crops), strict=True):
            contexts[at] = probabilities
        return contexts


def see_parts(probabilities: NDArray[np.float32], side: float) -> float:
    """Logarithm of the odds that eyes, brows, nose and mouth are seen where a crop of a face has them.

    Args:
        probabilities: (19, S, S), of the crop.
        side: Of the crop in the picture, pixels; the finer it is, the better the parser can judge, so the odds grow.
    """
    middle = _part(probabilities.shape[-1], _MIDDLE)
    seen = sum(float(probabilities[each][middle].mean()) for each in _PARTS)
    seen = min(max(seen, _LEAST_PARTS), 1 - _LEAST_PARTS)
    return float(np.log(seen / (1 - seen)) * (min(side, _FINEST) / _FINE) ** 0.25)


def _agree(score: float, parts: float) -> float:
    """The probability of a face, from the finder's and the logarithm of the odds of its parts."""
    odds = _FACTOR * (score / max(1 - score, 1e-9)) ** _POWER * np.exp(_PARTS_POWER * parts)
    return float(odds / (1 + odds))


def _part(size: int, shares: tuple[slice, slice]) -> tuple[slice, slice]:
    """Rows and columns of a crop, from shares of its side."""
    rows, columns = (slice(round(each.start * size), round(each.stop * size)) for each in shares)
    return rows, columns


def _goes_on(labels: NDArray[np.uint8], transform: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether something other than background reaches the border of a crop where the picture goes on beyond it."""
    size = len(labels)
    at = (np.arange(size) + 0.5) / size
    low, high = np.full(size, -_BORDER), np.full(size, 1 + _BORDER)
    outside = np.concatenate([np.column_stack(pair) for pair in ((at, low), (at, high), (low, at), (high, at))])
    x, y = affine.apply(affine.invert(transform), outside).T
    beyond = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return bool((beyond & (border > 0)).any())
