"""Face parsing: one network used twice, on the whole picture to find the faces, then on each face upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facelm import align, classes, model, views
from facelm.detect import MIDDLE, Detection, detect, suppress
from facelm.islands import drop_islands

_SMALL_SIDE = 320
_LARGE_SIDE = 1600
_WORTH_A_LOOK = 1.3
_LARGEST_STRIDE = 32
_MOVED = 0.03
_OFF_CENTRE = 0.2
_ENLARGE = 2
_SKIN_SHARE = 0.002
_CONTEXT_SIZE = 128
_FACE = classes.indices(*classes.FACE)
_BROWS = classes.indices("l_brow", "r_brow")


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    Attributes:
        box: x0, y0, x1, y1 from brows to chin in the picture, pixels; (0, 0) is the centre of the first pixel.
        score: How sure it is that this is a face, 0 to 1.
        transform: (2, 3) float64, from picture pixels to fractions of the canonical crop (see ``align``).
        probabilities: (19, S, S) float32 of the canonical crop; they add up to 1 in each pixel.
        inside: (S, S) bool, False where the crop reaches beyond the picture.
        context: (19, C, C) float32 from the coarse parse, of a square twice as wide around the crop: hair and
            clothes that the crop cuts off.
    """

    box: tuple[float, float, float, float]
    score: float
    transform: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    inside: NDArray[np.bool_]
    context: NDArray[np.float32]

    @property
    def to_crop(self) -> NDArray[np.float64]:
        """(2, 3) transform from picture pixels to pixels of ``probabilities``."""
        return align.to_crop_pixels(self.transform, self.probabilities.shape[1])

    @property
    def to_picture(self) -> NDArray[np.float64]:
        """(2, 3) transform from pixels of ``probabilities`` to picture pixels."""
        return align.invert(self.to_crop)


@dataclass(frozen=True, eq=False)
class _Look:
    """A coarse parse of a whole picture: (19, h, w) probabilities, and picture pixels for each of theirs in x, y."""

    probabilities: NDArray[np.float32]
    scale: tuple[float, float]

    def detect(self) -> list[Detection]:
        return detect(self.probabilities, self.scale)


class FaceParser:
    """Finds the faces of a picture and parses each.

    Args:
        weights: Name of a shipped model (``lite``, ``resnet50``) or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch: Face crops that go through the network at once.
        flip: Average each crop with its mirror image: a little better, at twice the time.

    Raises:
        facelm.model.ModelError: The model or the device is not there.
    """

    def __init__(self, weights: str = "lite", device: str = "auto", batch: int = 8, flip: bool = False) -> None:
        self.device = model.pick_device(device)
        self.network, self.info = model.load_model(weights, self.device)
        self.batch = batch
        self.flip = flip

    def parse(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """Find and parse all faces.

        Args:
            rgb: (H, W, 3) uint8, as ``facelm.images.read`` gives it.

        Returns:
            Faces, surest first; an empty list when there is nobody.

        Raises:
            ValueError: The picture has another shape or type.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
        faces, skin = self._parse_upright(rgb)
        if not faces and skin:
            faces, _ = self._parse_upright(views.brighten(rgb))
        if faces or not skin:
            return faces
        # A face that lies or stands on its head is found where the picture is turned.
        turned = [self._parse_turned(rgb, quarters) for quarters in (1, 2, 3)]
        return max(turned, key=lambda found: sum(face.score for face in found))

    def _parse_turned(self, rgb: NDArray[np.uint8], quarters: int) -> list[Face]:
        """The faces of the picture turned counterclockwise by quarters, as faces of the picture."""
        to_turned = views.turn_transform(quarters, rgb.shape)
        return [
            replace(
                face,
                box=_box(align.apply(align.invert(to_turned), np.array(face.box).reshape(2, 2))),
                transform=align.compose(face.transform, to_turned),
            )
            for face in self._parse_upright(views.turn(rgb, quarters))[0]
        ]

    def _parse_upright(self, rgb: NDArray[np.uint8]) -> tuple[list[Face], bool]:
        """The faces of a picture, and whether there is skin in it though there are none."""
        looks, detections = self._search(rgb)
        settled, moved = self._refine(rgb, looks, detections)
        again, still_moved = self._refine(rgb, looks, moved)
        again += self._refine(rgb, looks, still_moved, settle=True)[0]
        faces = {id(face.transform): face for face in settled + again}
        kept = suppress([Detection(face.transform, face.score) for face in faces.values()])
        skin = not faces and any((look.probabilities[_FACE].sum(0) > 0.5).mean() > _SKIN_SHARE for look in looks)
        return [faces[id(detection.transform)] for detection in kept], skin

    @torch.inference_mode()
    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on pictures of one size, as they are.

        Args:
            rgb: (N, H, W, 3) uint8; H and W are padded to multiples of 32 for the network.

        Returns:
            (N, 19, H, W) float32 class probabilities.
        """
        height, width = rgb.shape[1:3]
        pixels = torch.from_numpy(rgb).to(self.device).permute(0, 3, 1, 2)
        pad = (0, -width % _LARGEST_STRIDE, 0, -height % _LARGEST_STRIDE)
        x = torch.nn.functional.pad(self.info.normalise(pixels), pad)
        logits = self.network(x.contiguous(memory_format=torch.channels_last))[..., :height, :width]
        probabilities: NDArray[np.float32] = logits.float().softmax(1).cpu().numpy()
        return probabilities

    def _predict_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        predicted = self.predict(crops)
        if not self.flip:
            return predicted
        mirrored = self.predict(np.ascontiguousarray(crops[:, :, ::-1]))[:, classes.MIRRORED]
        averaged: NDArray[np.float32] = (predicted + mirrored[..., ::-1]) * np.float32(0.5)
        return averaged

    def _search(self, rgb: NDArray[np.uint8]) -> tuple[list[_Look], list[Detection]]:
        """Look for faces at a small scale, for large ones, and at a large scale, for small ones."""
        looks = [self._look(rgb, _SMALL_SIDE)]
        detections = looks[0].detect()
        # Enlarging a picture is worth its time only where nothing was found so far.
        enlarge = 1 if detections else _ENLARGE
        side = min(_LARGE_SIDE, enlarge * max(rgb.shape[:2]))
        if side > _SMALL_SIDE * _WORTH_A_LOOK:
            looks.append(self._look(rgb, side))
            detections = suppress(detections + looks[1].detect())
        return looks, detections

    def _look(self, rgb: NDArray[np.uint8], side: int) -> _Look:
        """Parse the whole picture, its longer side reduced (or enlarged) to ``side`` pixels."""
        height, width = rgb.shape[:2]
        shrink = side / max(height, width)
        small_width, small_height = max(1, round(width * shrink)), max(1, round(height * shrink))
        method = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (small_width, small_height), interpolation=method).astype(np.uint8)
        return _Look(self.predict(small[None])[0], (width / small_width, height / small_height))

    def _refine(
        self,
        rgb: NDArray[np.uint8],
        looks: Sequence[_Look],
        detections: Sequence[Detection],
        settle: bool = False,
    ) -> tuple[list[Face], list[Detection]]:
        """Parse the crop of each detection, and look there for the face once more.

        Args:
            rgb: The picture.
            looks: Its coarse parses.
            detections: Where the faces are.
            settle: Take every alignment as it is.

        Returns:
            The faces whose alignment the crop confirms, and those it moves, to be parsed again. Detections
            whose crop shows no face in its middle are dropped.
        """
        faces: list[Face] = []
        moved: list[Detection] = []
        size = self.info.size
        for start in range(0, len(detections), self.batch):
            chunk = detections[start : start + self.batch]
            crops = np.stack([align.cut_crop(rgb, detection.transform, size) for detection in chunk])
            parsed = [drop_islands(probabilities) for probabilities in self._predict_crops(crops)]
            for detection, probabilities in zip(chunk, parsed, strict=True):
                near = [
                    found
                    for found in detect(probabilities, (1, 1))
                    if np.linalg.norm(found.centre / size - MIDDLE) < _OFF_CENTRE
                ]
                if not near:
                    continue
                better = align.compose(near[0].transform, align.to_crop_pixels(detection.transform, size))
                if not settle and _distance(better, detection.transform) > _MOVED:
                    moved.append(Detection(better, near[0].score))
                    continue
                inside = align.find_inside(rgb.shape, detection.transform, size)
                box = _bound(probabilities, inside, detection.transform)
                context = _context(looks, detection)
                faces.append(Face(box, near[0].score, detection.transform, probabilities, inside, context))
        return faces, moved


def widen(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform to fractions of a square twice as wide, with the same centre."""
    wide = transform / 2
    wide[:, 2] += 0.25
    return wide


def _context(looks: Sequence[_Look], detection: Detection) -> NDArray[np.float32]:
    """The surroundings of a face, from the coarsest look that shows it large enough."""
    clear = [look for look in looks if detection.side / max(look.scale) >= _CONTEXT_SIZE]
    look = clear[0] if clear else looks[-1]
    to_wide = align.to_crop_pixels(widen(detection.transform), _CONTEXT_SIZE)
    to_look = align.scaling(look.scale)
    matrix = align.compose(to_wide, align.invert(to_look))
    square = (_CONTEXT_SIZE, _CONTEXT_SIZE)
    context = np.stack([cv2.warpAffine(layer, matrix, square) for layer in look.probabilities]).astype(np.float32)
    context[0] += 1 - context.sum(0)
    return context


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """How far the corners of the face's middle come apart between two alignments, as a share of the crop."""
    corners = np.array([[0.3, 0.4], [0.7, 0.4], [0.3, 0.8], [0.7, 0.8]])
    there = align.apply(first, align.apply(align.invert(second), corners))
    return float(np.linalg.norm(there - corners, axis=1).max())


def _bound(
    probabilities: NDArray[np.float32], inside: NDArray[np.bool_], transform: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Box in the picture of the face below the upper edge of its brows."""
    size = probabilities.shape[1]
    labels = probabilities.argmax(0)
    face = np.isin(labels, _FACE) & inside
    brow_rows = np.flatnonzero(np.isin(labels, _BROWS).any(1))
    expected = round(0.39 * size)
    face[: brow_rows[0] if brow_rows.size and abs(brow_rows[0] - expected) < 0.12 * size else expected] = False
    count, regions, stats, _ = cv2.connectedComponentsWithStats(face.astype(np.uint8), connectivity=4)
    if count > 1:
        face = regions == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    rows, columns = np.nonzero(face)
    if not rows.size:
        rows, columns = (
            np.array([expected, round(0.85 * size)]),
            np.array([round(0.25 * size), round(0.75 * size)]),
        )
    points = align.apply(
        align.invert(align.to_crop_pixels(transform, size)), np.column_stack([columns, rows]).astype(float)
    )
    return _box(points)


def _box(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """The box around points (N, 2)."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)
